"""The linode provider: its settings, and what it implements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.framework import CheckResult, Provider, secret
from sandbox.plugins.linode import settings
from sandbox.plugins.linode.cluster import LkeCluster
from sandbox.plugins.linode.connection import Connection
from sandbox.plugins.linode.firewall import Firewall
from sandbox.plugins.linode.firewall_device import FirewallDevice
from sandbox.plugins.linode.functions import (
    GetInstances,
    GetInstanceTypes,
    GetLkeCluster,
    GetLkeClusters,
    GetLkeVersions,
    GetRegions,
)
from sandbox.plugins.linode.storage import ObjectStorageBucket, ObjectStorageKey

if TYPE_CHECKING:
    from sandbox.plugins.framework import CheckRequest, ConfigureRequest


class LinodeProvider(Provider):
    """One Linode account."""

    name = "linode"

    def __init__(self, version: str) -> None:
        self._connection = Connection()
        connection = self._connection
        super().__init__(
            version=version,
            resources=(
                Firewall(connection),
                FirewallDevice(connection),
                LkeCluster(connection),
                ObjectStorageBucket(connection),
                ObjectStorageKey(connection),
            ),
            functions=(
                GetInstances(connection),
                GetInstanceTypes(connection),
                GetLkeCluster(connection),
                GetLkeClusters(connection),
                GetLkeVersions(connection),
                GetRegions(connection),
            ),
        )

    def check_config(self, request: CheckRequest) -> CheckResult:
        """Known settings only; the token is a secret however it came."""
        inputs = dict(request.inputs)
        if "token" in inputs:
            inputs["token"] = secret(inputs["token"])
        return CheckResult(inputs=inputs, failures=settings.failures(inputs))

    def configure(self, request: ConfigureRequest) -> None:
        """Take the settings into use, and see that they lead to an API, as the original does each time."""
        self._connection.configure(settings.resolve(request.inputs))
        self._connection.say_hello()
