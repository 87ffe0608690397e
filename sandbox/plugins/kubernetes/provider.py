"""The provider: its configuration, and every kind of object as a resource type."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sandbox.plugins.framework import (
    UNKNOWN,
    Change,
    CheckFailure,
    CheckResult,
    Diff,
    PropertyDiff,
    Provider,
    compare,
    reveal,
)
from sandbox.plugins.kubernetes import settings
from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.helm import Helm, ReleaseType
from sandbox.plugins.kubernetes.kinds import kind_of_token
from sandbox.plugins.kubernetes.kubeconfig import KubeconfigError, Overrides, active_cluster, parse
from sandbox.plugins.kubernetes.object_type import ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any, Final

    from sandbox.plugins.framework import CheckRequest, ConfigureRequest, DiffRequest, Properties, ResourceType

_IDENTIFIER = "clusterIdentifier"
_LOCATION: Final = ("kubeconfig", "context", "cluster")


class KubernetesProvider(Provider):
    """One cluster, as the program's kubernetes.Provider describes it."""

    name = "kubernetes"

    def __init__(self, version: str) -> None:
        super().__init__(version=version)
        self._use(settings.Settings(known=False))

    def check_config(self, request: CheckRequest) -> CheckResult:
        """Refuse arguments that this stand-in does not act on: ignoring them would be worse."""
        return CheckResult(inputs=request.inputs, failures=tuple(_config_failures(reveal(request.inputs))))

    def diff_config(self, request: DiffRequest) -> Diff:
        """Tell whether the provider is for another cluster now, so that all that it manages is replaced.

        A clusterIdentifier decides alone; without one the active cluster of the kubeconfig does
        (DiffConfig of provider/pkg/provider/provider.go of pulumi-kubernetes).
        """
        old, new = reveal(request.old_inputs), reveal(request.inputs)
        changed = set(compare({k: str(v) for k, v in old.items()}, {k: str(v) for k, v in new.items()}))
        replaces = _replacing(old, new, changed)
        return Diff(
            properties={key: PropertyDiff(change=_change(old, new, key), replaces=key in replaces) for key in changed}
        )

    def configure(self, request: ConfigureRequest) -> None:
        """Take the arguments into use. The cluster is contacted when first needed."""
        self._use(settings.read(request.inputs))

    def resource_type(self, token: str) -> ResourceType:
        """The type of a kind of object, of its Patch, or a Helm release. Raises UnsupportedError."""
        if token == ReleaseType.token:
            return self._releases
        if kind_of_token(token) is None:
            known = ("any kind of object of the cluster", "its Patch", ReleaseType.token)
            raise self.unsupported("resource type", token, known)
        return ObjectType(token, self._settings, self._connection)

    def _use(self, chosen: settings.Settings) -> None:
        self._settings = chosen
        self._connection = Connection(chosen)
        helm = Helm(locate=_locate_helm, environment=chosen.helm.environment)
        self._releases = ReleaseType(chosen, self._connection, helm)


@functools.cache
def _locate_helm() -> Path:
    """The helm that the toolchain finds or builds."""
    from sandbox.toolchain import tool_path

    return tool_path("helm")


def _config_failures(inputs: Properties) -> Iterator[CheckFailure]:
    for argument, reason in settings.UNSUPPORTED.items():
        if inputs.get(argument) not in (None, "", False, "false"):
            yield CheckFailure(path=argument, reason=reason)
    if inputs.get("enableServerSideApply") in (False, "false"):
        yield CheckFailure(
            path="enableServerSideApply",
            reason="the stand-in applies server-side only; leave enableServerSideApply on, or use the official plugin",
        )


def _replacing(old: Properties, new: Properties, changed: set[str]) -> set[str]:
    """The changed arguments that tell of another cluster."""
    before, after = old.get(_IDENTIFIER), new.get(_IDENTIFIER)
    if before and after:
        return {_IDENTIFIER} & changed
    located = changed.intersection(_LOCATION)
    if any(new.get(key) is UNKNOWN for key in _LOCATION):
        return {key for key in located if new.get(key) is UNKNOWN}
    one, other = _active_cluster(old), _active_cluster(new)
    return located if one is not None and other is not None and one != other else set()


def _active_cluster(inputs: Properties) -> dict[str, Any] | None:
    value = inputs.get("kubeconfig")
    if not isinstance(value, str) or not value:
        return None
    try:
        document = parse(value)
    except KubeconfigError:
        return None
    return active_cluster(document, Overrides(context=inputs.get("context"), cluster=inputs.get("cluster")))


def _change(old: Properties, new: Properties, key: str) -> Change:
    if old.get(key) is None:
        return Change.ADD
    return Change.DELETE if new.get(key) is None else Change.UPDATE
