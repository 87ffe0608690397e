"""Load balancer records as the API shows them, how a path's ids lead to them, and how ports are opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.linode.auth import Access, Scope
from sandbox.linode.errors import invalid
from sandbox.linode.schemas.nodebalancers import Backend, Balancer, Config, LkeClusterReference, NodesStatus
from sandbox.linode.state.balancers import backends_of, configs_of
from sandbox.linode.state.clusters import find_cluster
from sandbox.linode.state.records import BalancerConfigRecord, BalancerNodeRecord, NodeBalancerRecord, NodeRecord

if TYPE_CHECKING:
    from sandbox.linode.operations import Call
    from sandbox.linode.schemas.nodebalancers import BackendCreate, ConfigCreate, ConfigUpdate
    from sandbox.linode.state import Transaction

READ = Scope(service="nodebalancers", access=Access.READ_ONLY)
WRITE = Scope(service="nodebalancers", access=Access.READ_WRITE)
FILTERABLE = frozenset({"ipv4", "label", "locks", "region", "tags"})
"""The fields that lists of load balancers can be filtered by."""

_FIRST_CONFIG_ID = 2_000_000
_FIRST_BACKEND_ID = 20_000_000


def balancer_at(call: Call, state: Transaction) -> NodeBalancerRecord:
    """The load balancer that the path names. Raises ApiError: 404."""
    return call.record(state, NodeBalancerRecord, "nodebalancer_id")


def config_at(call: Call, state: Transaction) -> BalancerConfigRecord:
    """The port that the path names. Raises ApiError: 404; a port of another load balancer is not found either."""
    balancer = balancer_at(call, state)
    return call.record(state, BalancerConfigRecord, "config_id", nodebalancer_id=balancer.id)


def backend_at(call: Call, state: Transaction) -> BalancerNodeRecord:
    """The backend that the path names. Raises ApiError: 404; a backend of another port is not found either."""
    return call.record(state, BalancerNodeRecord, "node_id", config_id=config_at(call, state).id)


def settings_of(request: ConfigUpdate) -> dict[str, str | int | bool | None]:
    """The fields that a request for a port gives."""
    return request.model_dump(exclude={"nodes"}, exclude_none=True)


def require_free_port(
    state: Transaction, balancer_id: int, request: ConfigUpdate, *, of: BalancerConfigRecord | None = None
) -> None:
    """Two configurations of a load balancer cannot share a port. Raises ApiError: 400."""
    for config in configs_of(state, balancer_id):
        if (of is None or config.id != of.id) and config.settings["port"] == request.port:
            raise invalid("Port must be unique among this NodeBalancer's configurations", field="port")


def open_port(state: Transaction, balancer_id: int, request: ConfigCreate) -> BalancerConfigRecord:
    """Add a port with its backends to a load balancer. Raises ApiError: 400, the port is taken."""
    require_free_port(state, balancer_id, request)
    config = BalancerConfigRecord(
        id=state.next_id(BalancerConfigRecord, first=_FIRST_CONFIG_ID),
        nodebalancer_id=balancer_id,
        settings=settings_of(request),
    )
    state.put(config)
    for backend in request.nodes:
        add_backend(state, config, backend)
    return config


def add_backend(state: Transaction, config: BalancerConfigRecord, request: BackendCreate) -> BalancerNodeRecord:
    """Add a backend to a port."""
    backend = BalancerNodeRecord(
        id=state.next_id(BalancerNodeRecord, first=_FIRST_BACKEND_ID),
        nodebalancer_id=config.nodebalancer_id,
        config_id=config.id,
        address=request.address,
        label=request.label,
        weight=request.weight,
        mode=request.mode,
    )
    state.put(backend)
    return backend


def show_balancer(record: NodeBalancerRecord, state: Transaction) -> Balancer:
    """A load balancer."""
    cluster = None if record.cluster_id is None else find_cluster(state, record.cluster_id)
    return Balancer.of(
        record,
        hostname=f"{record.address.replace('.', '-')}.ip.linodeusercontent.com",
        ipv4=record.address,
        lke_cluster=cluster and LkeClusterReference.of(cluster, url=f"/v4/lke/clusters/{cluster.id}"),
    )


Answering = Callable[[BalancerConfigRecord, BalancerNodeRecord], bool]
"""Whether a backend of a port answers."""


async def answering(call: Call) -> Answering:
    """What is known of the backends of the load balancer that the path names."""
    found = await call.account.balancers.answering(call.number("nodebalancer_id"))
    if found is not None:
        return lambda config, backend: (config.settings["port"], backend.address) in found
    with call.account.store.transaction() as state:
        nodes = {node.address for node in state.all(NodeRecord)}
    # Nobody looks: a backend counts as up while its address belongs to a node of this account.
    return lambda _, backend: backend.address.rpartition(":")[0] in nodes


def show_backend(record: BalancerNodeRecord, config: BalancerConfigRecord, answers: Answering) -> Backend:
    """A backend."""
    return Backend.of(record, status="UP" if answers(config, record) else "DOWN")


def show_config(record: BalancerConfigRecord, state: Transaction, answers: Answering) -> Config:
    """A port."""
    backends = backends_of(state, record.id)
    up = sum(answers(record, backend) for backend in backends)
    return Config.model_validate(
        {
            **record.settings,
            "id": record.id,
            "nodebalancer_id": record.nodebalancer_id,
            "nodes_status": NodesStatus(up=up, down=len(backends) - up),
        }
    )
