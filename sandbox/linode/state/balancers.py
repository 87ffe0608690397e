"""NodeBalancers as they are kept: what should carry traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.linode.balancers import BalancerSpec, CheckSpec, PortSpec, TargetSpec
from sandbox.linode.schemas.nodebalancers import CONFIG_DEFAULTS
from sandbox.linode.state.firewalls import enforced
from sandbox.linode.state.records import BalancerConfigRecord, BalancerNodeRecord, NodeBalancerRecord

if TYPE_CHECKING:
    from sandbox.linode.state.store import Transaction


def configs_of(state: Transaction, balancer_id: int) -> list[BalancerConfigRecord]:
    """A load balancer's ports, oldest first."""
    return [config for config in state.all(BalancerConfigRecord) if config.nodebalancer_id == balancer_id]


def backends_of(state: Transaction, config_id: int) -> list[BalancerNodeRecord]:
    """A port's backends, oldest first."""
    return [backend for backend in state.all(BalancerNodeRecord) if backend.config_id == config_id]


def balancer_specifications(state: Transaction) -> tuple[BalancerSpec, ...]:
    """The account's load balancers as the backend should make them."""
    return tuple(_balancer(state, record) for record in state.all(NodeBalancerRecord))


def _balancer(state: Transaction, record: NodeBalancerRecord) -> BalancerSpec:
    return BalancerSpec(
        id=record.id,
        address=record.address,
        connections_a_second=record.client_conn_throttle,
        ports=tuple(_port(state, config) for config in configs_of(state, record.id)),
        firewall=enforced(state, record),
    )


def _port(state: Transaction, record: BalancerConfigRecord) -> PortSpec:
    settings = {**CONFIG_DEFAULTS, **record.settings}
    return PortSpec(
        port=int(settings["port"] or 0),
        protocol=str(settings["protocol"]),
        algorithm=str(settings["algorithm"]),
        stickiness=str(settings["stickiness"]),
        proxy_protocol=str(settings["proxy_protocol"]),
        check=CheckSpec(
            kind=str(settings["check"]),
            interval=int(settings["check_interval"] or 0),
            timeout=int(settings["check_timeout"] or 0),
            attempts=int(settings["check_attempts"] or 0),
            path=str(settings["check_path"]),
            body=str(settings["check_body"]),
            passive=bool(settings["check_passive"]),
        ),
        targets=tuple(
            TargetSpec(address=backend.address, weight=backend.weight, mode=backend.mode)
            for backend in backends_of(state, record.id)
        ),
    )
