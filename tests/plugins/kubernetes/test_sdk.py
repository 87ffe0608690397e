"""The stand-in's tables against the installed pulumi_kubernetes package, field by field."""

from __future__ import annotations

from typing import Final

import pulumi_kubernetes
import pytest
from pulumi import _types as sdk_types

from sandbox.plugins.framework.schema import Use
from sandbox.plugins.kubernetes import settings
from sandbox.plugins.kubernetes.forcenew import Mutability, force_new
from sandbox.plugins.kubernetes.helm import schema
from sandbox.plugins.kubernetes.kinds import kind_of_token
from sandbox.plugins.kubernetes.provider import KubernetesProvider
from tests.plugins import sdk

_RELEASE: Final = pulumi_kubernetes.helm.v3.ReleaseArgs


def _names(cls: type) -> set[str]:
    return {wire for _, wire, _ in sdk_types._py_properties(cls)}


def test_a_release_takes_the_inputs_of_the_sdk() -> None:
    ours = schema.INPUTS.keys() | schema.FREE_FORM | schema.WITHOUT_EFFECT | schema.UNSUPPORTED.keys()
    # The SDK's class gives `compat` a constant of its own, which is no property to set.
    assert ours - {"compat"} == _names(_RELEASE) - {"compat"}


def test_the_inputs_of_a_release_have_the_types_of_the_sdk() -> None:
    others = schema.FREE_FORM | schema.WITHOUT_EFFECT | schema.UNSUPPORTED.keys()
    ours = {name: sdk.shape(prop) for name, prop in schema.INPUTS.items()}
    assert ours == sdk.inputs(_RELEASE, without=others)


def test_a_release_requires_what_the_sdk_requires() -> None:
    ours = {name for name, prop in schema.INPUTS.items() if prop.use is Use.REQUIRED}
    assert ours == sdk.required(_RELEASE)


def test_a_release_adds_the_outputs_of_the_sdk() -> None:
    added = _names(pulumi_kubernetes.helm.v3.Release) - _names(_RELEASE)
    assert added == {"status"}
    assert {"status", "resourceNames"} == schema.OUTPUTS


def test_the_provider_takes_the_arguments_of_the_sdk() -> None:
    assert settings.SUPPORTED | settings.UNSUPPORTED.keys() == _names(pulumi_kubernetes.ProviderArgs)


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:core/v1:Namespace",
        "kubernetes:core/v1:NamespacePatch",
        "kubernetes:apps/v1:Deployment",
        "kubernetes:policy.karmada.io/v1alpha1:PropagationPolicy",
        "kubernetes:networking.istio.io/v1:GatewayPatch",
        "kubernetes:helm.sh/v3:Release",
    ],
)
def test_the_types_that_the_program_uses_are_there(token: str) -> None:
    assert KubernetesProvider("4.0.0").resource_type(token) is not None


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:helm.sh/v3:Chart",
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:kustomize/v2:Directory",
        "kubernetes:yaml:ConfigGroup",
        "kubernetes:yaml/v2:ConfigFile",
        "kubernetes:core/v1:ConfigMapList",
        "random:index/randomId:RandomId",
    ],
)
def test_other_types_are_of_no_kind(token: str) -> None:
    assert kind_of_token(token) is None


def test_every_force_new_path_is_a_field_of_the_sdk() -> None:
    """A mistyped path would never force a replacement."""
    core, apps, batch, rbac, storage = (
        getattr(pulumi_kubernetes, module).v1 for module in ("core", "apps", "batch", "rbac", "storage")
    )
    for api_version, arguments in (
        ("v1", core.ConfigMapInitArgs),
        ("v1", core.SecretInitArgs),
        ("v1", core.ServiceInitArgs),
        ("v1", core.PersistentVolumeInitArgs),
        ("v1", core.PersistentVolumeClaimInitArgs),
        ("v1", core.PodInitArgs),
        ("v1", core.ResourceQuotaInitArgs),
        ("apps/v1", apps.DaemonSetInitArgs),
        ("apps/v1", apps.DeploymentInitArgs),
        ("apps/v1", apps.StatefulSetInitArgs),
        ("batch/v1", batch.JobInitArgs),
        ("rbac.authorization.k8s.io/v1", rbac.ClusterRoleBindingInitArgs),
        ("rbac.authorization.k8s.io/v1", rbac.RoleBindingInitArgs),
        ("storage.k8s.io/v1", storage.StorageClassInitArgs),
    ):
        kind = arguments.__name__.removesuffix("InitArgs")
        for path in force_new({"apiVersion": api_version, "kind": kind}, Mutability()):
            assert _has(arguments, path.split(".")), f"{kind}: {path}"


def _has(cls: type, path: list[str]) -> bool:
    here, *rest = path
    hints = sdk.hints(cls)
    if here not in hints:
        return False
    return not rest or _has(sdk.element(hints[here]), rest)
