"""One NodeBalancer: its files, its network namespace and its process."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from sandbox.clusters.balancers.configuration import configuration, port_name, served, server_name
from sandbox.clusters.balancers.runtime_api import (
    NOTHING_KNOWN,
    end_port,
    proxies,
    running_servers,
    server_states,
    worker,
)
from sandbox.clusters.host.processes import ProcessSpec, recall
from sandbox.clusters.host.supervision import OnHost, Unit
from sandbox.clusters.network.firewall import balancer_rules
from sandbox.clusters.network.links import (
    attach_balancer,
    delete_namespace,
    forget_balancer,
    load_rules,
    route_balancer,
)
from sandbox.clusters.network.plan import private_address
from sandbox.errors import SandboxError
from sandbox.files import write_whole
from sandbox.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.host.processes import Running
    from sandbox.clusters.host.supervision import Supervisor
    from sandbox.linode.balancers import BalancerSpec

_START_SECONDS: Final = 20.0
_PAUSE_SECONDS: Final = 0.02


class BalancerError(SandboxError):
    """A NodeBalancer's process is not as it should be."""

    @classmethod
    def of(cls, balancer_id: int, why: str, log: Path) -> BalancerError:
        """The error of one, by its id."""
        return cls(what=f"The NodeBalancer {balancer_id} does not do what it should", why=why, remedy=f"See {log}")


@dataclass(frozen=True)
class NodeBalancer:
    """A NodeBalancer by its id."""

    id: int
    layout: Layout
    supervisor: Supervisor

    @property
    def namespace(self) -> str:
        """Its network."""
        return self.layout.balancer(self.id)

    @property
    def folder(self) -> Path:
        """All files."""
        return self.layout.balancers / str(self.id)

    @property
    def name(self) -> str:
        """Of its process."""
        return f"nodebalancer{self.id}"

    @property
    def socket(self) -> Path:
        """Where the process takes commands."""
        return self.folder / "haproxy.sock"

    def ensure(self, spec: BalancerSpec) -> None:
        """Make it as it should be; what connects, or has a connection, notices nothing but what was changed.

        Raises SandboxError or OSError if it cannot be done.
        """
        address = IPv4Address(spec.address)
        # The address first: whatever leads to it can be found again when the NodeBalancer goes.
        write_whole(self.folder / "address", str(address))
        attach_balancer(self.namespace, address=address, wan=self.layout.wan)
        load_rules(self.namespace, balancer_rules(spec.firewall, address))
        text = configuration(spec, source=private_address(address), socket=self.socket, servers=self.folder / "servers")
        write_whole(self._configuration, text)
        if served(spec):
            self._run(spec, text)
        else:
            # Nothing to do for a process. The address stays, and refuses every connection.
            self.supervisor.drop([self.name])
        # At last, so that nobody is refused by one that is about to listen.
        route_balancer(self.layout.wan, address)

    def _run(self, spec: BalancerSpec, text: str) -> None:
        """See that the process runs with this configuration."""
        running = recall(self.layout.units / f"{self.name}.json")
        if running is None or not running.alive:
            self._start()
        else:
            self.supervisor.ensure(self._unit)
            if self._loaded != text:
                self._reload(spec, running)
        write_whole(self.folder / "loaded", text)

    def remove(self) -> None:
        """Take everything away; nothing there is no mistake. Raises SandboxError or OSError if something is left."""
        file = self.folder / "address"
        if file.exists():
            forget_balancer(self.layout.wan, IPv4Address(file.read_text()))
        self.supervisor.drop([self.name])
        delete_namespace(self.namespace)
        (self.layout.logs / f"{self.name}.log").unlink(missing_ok=True)
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def answering(self, spec: BalancerSpec) -> frozenset[tuple[int, str]]:
        """The backends that take connections, each by its port and address."""
        try:
            running = running_servers(server_states(self.socket))
        except OSError:
            return frozenset()
        return frozenset(
            (port.port, target.address)
            for port in spec.ports
            for target in port.targets
            if (port_name(port.port), server_name(target.address)) in running
        )

    @property
    def _configuration(self) -> Path:
        return self.folder / "haproxy.cfg"

    @property
    def _loaded(self) -> str:
        """What the process was told at last, which is not what its file says if the sandbox ended in between."""
        file = self.folder / "loaded"
        return file.read_text() if file.exists() else ""

    @property
    def _unit(self) -> Unit:
        # -W: a process that reads its configuration again at SIGUSR2, and hands its sockets on to the next.
        command = ProcessSpec(line=["haproxy", "-W", "-f", str(self._configuration)])
        return Unit(name=self.name, command=command, place=OnHost(self.layout, self.namespace))

    def _start(self) -> None:
        write_whole(self.folder / "servers", NOTHING_KNOWN)
        self.supervisor.ensure(self._unit)
        self._wait_for_another("")

    def _reload(self, spec: BalancerSpec, running: Running) -> None:
        before = worker(self.socket)
        write_whole(self.folder / "servers", server_states(self.socket))
        for proxy in proxies(self.socket) - {port_name(port.port) for port in served(spec)}:
            end_port(self.socket, proxy)
        os.kill(running.pid, signal.SIGUSR2)
        self._wait_for_another(before)

    def _wait_for_another(self, before: str) -> None:
        why = until(
            lambda: self._lacking(before), enough=lambda why: not why, seconds=_START_SECONDS, every=_PAUSE_SECONDS
        )
        if why:
            raise BalancerError.of(self.id, why, self.layout.logs / f"{self.name}.log")

    def _lacking(self, before: str) -> str:
        """Why there is no other worker yet; empty if there is."""
        try:
            same = worker(self.socket) == before
        except OSError as error:
            return f"it does not answer: {error}"
        return "it goes on as before, since it does not take what it was told" if same else ""
