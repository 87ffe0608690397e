"""The provider's way to its cluster, which may be unknown, unusable or out of reach."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox.plugins.framework import ProviderError
from sandbox.plugins.kubernetes.cluster import Cluster
from sandbox.plugins.kubernetes.errors import ApiError, UnreachableError
from sandbox.plugins.kubernetes.kubeconfig import DEFAULT_NAMESPACE, Kubeconfig, KubeconfigError, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.plugins.kubernetes.settings import Settings

_OLDEST_VERSION: Final = (1, 13)
_RETRY_SECONDS: Final = 15.0


class Connection:
    """A cluster, or why there is none. Safe for use by several threads.

    Whether the cluster answers is found out when first needed: a preview of objects that cannot be known
    yet contacts nothing. One that does not answer is tried again some time later, not for every object.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.kubeconfig: Kubeconfig | None = None
        self._reason = ""
        self._next_try: float | None = clock()
        self._lock = threading.Lock()
        if not settings.known:
            self._give_up("the kubeconfig is not known yet")
            return
        try:
            self.kubeconfig = resolve(settings.kubeconfig or _ambient(), settings.overrides)
            self._cluster = Cluster(self.kubeconfig)
        except KubeconfigError as error:
            self._give_up(str(error))

    @property
    def default_namespace(self) -> str:
        """Where objects go that name no namespace."""
        return self.kubeconfig.namespace if self.kubeconfig else DEFAULT_NAMESPACE

    @property
    def reason(self) -> str:
        """Why there is no cluster, empty if there is one."""
        self._try()
        return self._reason

    @property
    def cluster(self) -> Cluster | None:
        """The cluster, or None if it is unknown or out of reach."""
        return None if self.reason else self._cluster

    def require(self) -> Cluster:
        """The cluster. Raises ProviderError if there is none."""
        cluster = self.cluster
        if cluster is None:
            raise ProviderError(f"configured Kubernetes cluster is unreachable: {self.reason}")
        return cluster

    def _give_up(self, reason: str) -> None:
        self._reason, self._next_try = reason, None

    def _try(self) -> None:
        with self._lock:
            if self._next_try is None or self._clock() < self._next_try:
                return
            self._reason = self._ask()
            self._next_try = self._clock() + _RETRY_SECONDS if self._reason else None

    def _ask(self) -> str:
        """Why the cluster cannot be used, empty if it can."""
        try:
            version = self._cluster.version()
        except UnreachableError as error:
            return str(error)
        except ApiError as error:
            # A user who may not read the version may still be allowed what the program does.
            return "" if error.forbidden else f"the API server refused to tell its version: {error}"
        if version < _OLDEST_VERSION:
            return f"Kubernetes {version[0]}.{version[1]} is too old; 1.13 is the oldest supported"
        return ""


def _ambient() -> str:
    """The kubeconfig that kubectl would use. Raises KubeconfigError if there is none."""
    named = os.environ.get("KUBECONFIG", "")
    candidates = [Path(entry) for entry in named.split(os.pathsep) if entry] or [Path.home() / ".kube" / "config"]
    for candidate in candidates:
        if candidate.is_file():
            return str(candidate)
    raise KubeconfigError(
        "the provider has no kubeconfig, and there is none at "
        + ", ".join(map(str, candidates))
        + "; give the provider's argument kubeconfig"
    )
