"""The provider's configuration: its arguments, and the environment variables that stand in for them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.framework import UNKNOWN, ProviderError, reveal
from sandbox.plugins.kubernetes.forcenew import Mutability
from sandbox.plugins.kubernetes.kubeconfig import Overrides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework import Properties

# The arguments of the official SDK's Provider class, and what this stand-in does with them. A test compares
# the names with the installed SDK.
SUPPORTED: Final = frozenset(
    {
        "cluster",
        "clusterIdentifier",
        "context",
        "deleteUnreachable",
        "enableConfigMapMutable",
        "enablePatchForce",
        "enableSecretMutable",
        "enableServerSideApply",
        "helmReleaseSettings",
        "kubeClientSettings",
        "kubeconfig",
        "namespace",
        "skipUpdateUnreachable",
        "suppressDeprecationWarnings",
        "suppressHelmHookWarnings",
        "upsertExistingObjects",
    }
)
UNSUPPORTED: Final[Mapping[str, str]] = {
    "renderYamlToDirectory": "the stand-in works on clusters and renders no files",
    "alwaysRender": "the stand-in works on clusters and renders no files",
}


@dataclass(frozen=True, kw_only=True)
class HelmSettings:
    """Where Helm keeps what it keeps, if not at its own default."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables for the helm executable."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the provider works on its cluster. The defaults are the official provider's."""

    kubeconfig: str | None = None
    """Contents or a path; None for the ambient one."""

    known: bool = True
    """False in a preview that does not know the cluster yet."""

    overrides: Overrides = field(default_factory=Overrides)
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    patch_force: bool = False
    upsert: bool = False
    mutability: Mutability = field(default_factory=Mutability)
    helm: HelmSettings = field(default_factory=HelmSettings)


def read(inputs: Properties, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings that the provider's arguments and the environment give. Raises ProviderError."""
    environment = os.environ if environment is None else environment
    plain = reveal(inputs)
    known = all(plain.get(key) is not UNKNOWN for key in ("kubeconfig", "context", "cluster", "namespace"))

    def flag(argument: str, variable: str) -> bool:
        given = plain.get(argument)
        return (environment.get(variable) if given is None else given) in (True, "true")

    return Settings(
        kubeconfig=_kubeconfig(plain.get("kubeconfig")) if known else None,
        known=known,
        overrides=_overrides(plain) if known else Overrides(),
        delete_unreachable=flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
        skip_update_unreachable=flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
        patch_force=flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
        upsert=flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
        mutability=Mutability(
            secrets=flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
            config_maps=flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
        ),
        helm=_helm(plain, environment),
    )


def _kubeconfig(value: Any) -> str | None:
    match value:
        case None | "":
            return None
        case str():
            return value
        case dict():
            return json.dumps(value)
        case _:
            raise ProviderError("kubeconfig: a string or an object is expected")


def _overrides(plain: Properties) -> Overrides:
    return Overrides(
        context=plain.get("context") or None,
        cluster=plain.get("cluster") or None,
        namespace=plain.get("namespace") or None,
    )


def _helm(plain: Properties, environment: Mapping[str, str]) -> HelmSettings:
    own = _nested(plain, "helmReleaseSettings")
    client = _nested(plain, "kubeClientSettings")
    wanted = {
        "HELM_DRIVER": own.get("driver") or environment.get("PULUMI_K8S_HELM_DRIVER"),
        "HELM_PLUGINS": own.get("pluginsPath") or environment.get("PULUMI_K8S_HELM_PLUGINS_PATH"),
        "HELM_REGISTRY_CONFIG": own.get("registryConfigPath")
        or environment.get("PULUMI_K8S_HELM_REGISTRY_CONFIG_PATH"),
        "HELM_REPOSITORY_CONFIG": own.get("repositoryConfigPath")
        or environment.get("PULUMI_K8S_HELM_REPOSITORY_CONFIG_PATH"),
        "HELM_REPOSITORY_CACHE": own.get("repositoryCache") or environment.get("PULUMI_K8S_HELM_REPOSITORY_CACHE"),
        "HELM_BURST_LIMIT": client.get("burst"),
        "HELM_QPS": client.get("qps"),
    }
    return HelmSettings(environment={key: str(value) for key, value in wanted.items() if value})


def _nested(plain: Properties, key: str) -> dict[str, Any]:
    """An argument that is an object. The SDKs send a provider's arguments as JSON texts."""
    value = plain.get(key)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ProviderError(f"{key}: not valid JSON") from None
    return value if isinstance(value, dict) else {}
