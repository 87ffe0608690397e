"""The workloads of a stack, read from its config as Pulumi tells it, and the calls that their entries allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from fleet.config.decoding import decoded, of_project
from fleet.config.hosts import ANY
from fleet.config.workloads import Workload
from fleet.naming import service_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.config.workloads import WorkloadIngress

_TABLE: Final = TypeAdapter(dict[str, Workload])


@dataclass(frozen=True, kw_only=True)
class Call:
    """One workload's pods call an HTTP port of another one."""

    caller: str
    caller_namespace: str
    called: str
    namespace: str
    port: int

    @property
    def host(self) -> str:
        """The whole name of what is called."""
        return service_host(self.called, self.namespace)

    @property
    def url(self) -> str:
        """What a pod of the caller asks for; a name alone is one of its own namespace."""
        near = self.namespace == self.caller_namespace
        return f"{self.called if near else f'{self.called}.{self.namespace}'}:{self.port}"


def entries(config: Mapping[str, str]) -> dict[str, Workload]:
    """The workloads by name, of config as Pulumi hands it over: texts by key."""
    return table(decoded(of_project(config).get("workloads", "{}")))


def table(section: Any) -> dict[str, Workload]:
    """The workloads by name, of what `fleet:workloads` has."""
    return _TABLE.validate_python(section or {})


def host_of(ingress: WorkloadIngress) -> dict[str, str]:
    """The header by which an ingress knows a workload, with some name where a star stands for any."""
    host = ingress.hosts[0]
    return {} if host == ANY else {"Host": host.replace(ANY, "any")}


def allowed(workloads: Mapping[str, Workload]) -> list[Call]:
    """The calls that entries allow."""
    return [
        _call(caller, name, workloads)
        for name, workload in sorted(workloads.items())
        for caller in sorted(workload.callers)
        if workload.http_ports
    ]


def refused(workloads: Mapping[str, Workload]) -> list[Call]:
    """The calls that no entry allows."""
    return [
        _call(other, name, workloads)
        for name, workload in sorted(workloads.items())
        for other in sorted(workloads)
        if workload.http_ports and other not in (name, *workload.callers)
    ]


def _call(caller: str, called: str, workloads: Mapping[str, Workload]) -> Call:
    workload = workloads[called]
    return Call(
        caller=caller,
        caller_namespace=workloads[caller].namespace,
        called=called,
        namespace=workload.namespace,
        port=workload.ports[workload.http_ports[0]].port,
    )
