"""The ports of a load balancer and the backends behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation
from sandbox.linode.routes.balancer_views import (
    READ,
    WRITE,
    add_backend,
    backend_at,
    backends_of,
    balancer_at,
    config_at,
    configs_of,
    open_port,
    require_free_port,
    settings_of,
    show_backend,
    show_config,
)
from sandbox.linode.schemas.nodebalancers import (
    BackendCreate,
    BackendUpdate,
    ConfigCreate,
    ConfigRebuild,
    ConfigUpdate,
)
from sandbox.linode.state.clusters import remove_balancer_config
from sandbox.linode.state.events import emit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode.state import Transaction
    from sandbox.linode.state.records import BalancerConfigRecord


async def list_configs(call: Call) -> Mapping[str, Any]:
    """GET /nodebalancers/{id}/configs."""
    with call.account.store.transaction() as state:
        configs = configs_of(state, balancer_at(call, state).id)
        shown = [show_config(config, state) for config in configs]
    return call.listing(shown, filterable=frozenset())


async def create_config(call: Call) -> Mapping[str, Any]:
    """POST /nodebalancers/{id}/configs."""
    request = call.body(ConfigCreate)
    with call.account.store.transaction() as state:
        config = open_port(state, balancer_at(call, state).id, request)
        emit(state, "nodebalancer_config_create", config, now=call.account.timestamp())
        return show_config(config, state).body()


async def view_config(call: Call) -> Mapping[str, Any]:
    """GET /nodebalancers/{id}/configs/{id}."""
    with call.account.store.transaction() as state:
        return show_config(config_at(call, state), state).body()


async def update_config(call: Call) -> Mapping[str, Any]:
    """PUT /nodebalancers/{id}/configs/{id}."""
    request = call.body(ConfigUpdate)
    with call.account.store.transaction() as state:
        changed = _change(call, state, request)
        emit(state, "nodebalancer_config_update", changed, now=call.account.timestamp())
        return show_config(changed, state).body()


async def rebuild_config(call: Call) -> Mapping[str, Any]:
    """POST /nodebalancers/{id}/configs/{id}/rebuild: the port with exactly these backends."""
    request = call.body(ConfigRebuild)
    with call.account.store.transaction() as state:
        changed = _change(call, state, request)
        for backend in backends_of(state, changed.id):
            state.delete(backend)
        for wanted in request.nodes:
            add_backend(state, changed, wanted)
        emit(state, "nodebalancer_config_update", changed, now=call.account.timestamp())
        return show_config(changed, state).body()


def _change(call: Call, state: Transaction, request: ConfigUpdate) -> BalancerConfigRecord:
    config = config_at(call, state)
    if request.port is not None:
        require_free_port(state, config.nodebalancer_id, request, of=config)
    changed = config.model_copy(update={"settings": {**config.settings, **settings_of(request)}})
    state.put(changed)
    return changed


async def delete_config(call: Call) -> Mapping[str, Any]:
    """DELETE /nodebalancers/{id}/configs/{id}."""
    with call.account.store.transaction() as state:
        config = config_at(call, state)
        remove_balancer_config(state, config)
        emit(state, "nodebalancer_config_delete", config, now=call.account.timestamp())
    return {}


async def list_backends(call: Call) -> Mapping[str, Any]:
    """GET /nodebalancers/{id}/configs/{id}/nodes."""
    with call.account.store.transaction() as state:
        backends = backends_of(state, config_at(call, state).id)
        shown = [show_backend(backend, state) for backend in backends]
    return call.listing(shown, filterable=frozenset())


async def create_backend(call: Call) -> Mapping[str, Any]:
    """POST /nodebalancers/{id}/configs/{id}/nodes."""
    request = call.body(BackendCreate)
    with call.account.store.transaction() as state:
        return show_backend(add_backend(state, config_at(call, state), request), state).body()


async def view_backend(call: Call) -> Mapping[str, Any]:
    """GET /nodebalancers/{id}/configs/{id}/nodes/{id}."""
    with call.account.store.transaction() as state:
        return show_backend(backend_at(call, state), state).body()


async def update_backend(call: Call) -> Mapping[str, Any]:
    """PUT /nodebalancers/{id}/configs/{id}/nodes/{id}."""
    request = call.body(BackendUpdate)
    with call.account.store.transaction() as state:
        backend = backend_at(call, state)
        changed = backend.model_copy(update=request.model_dump(exclude_none=True))
        state.put(changed)
        return show_backend(changed, state).body()


async def delete_backend(call: Call) -> Mapping[str, Any]:
    """DELETE /nodebalancers/{id}/configs/{id}/nodes/{id}."""
    with call.account.store.transaction() as state:
        state.delete(backend_at(call, state))
    return {}


_CONFIGS = "/nodebalancers/{nodebalancer_id}/configs"
_CONFIG = _CONFIGS + "/{config_id}"
_BACKENDS = _CONFIG + "/nodes"
_BACKEND = _BACKENDS + "/{node_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation(method="GET", path=_CONFIGS, handler=list_configs, needs=READ, bucket=Bucket.LISTS),
    Operation(method="POST", path=_CONFIGS, handler=create_config, needs=WRITE),
    Operation(method="GET", path=_CONFIG, handler=view_config, needs=READ),
    Operation(method="PUT", path=_CONFIG, handler=update_config, needs=WRITE),
    Operation(method="DELETE", path=_CONFIG, handler=delete_config, needs=WRITE),
    Operation(method="POST", path=_CONFIG + "/rebuild", handler=rebuild_config, needs=WRITE),
    Operation(method="GET", path=_BACKENDS, handler=list_backends, needs=READ, bucket=Bucket.LISTS),
    Operation(method="POST", path=_BACKENDS, handler=create_backend, needs=WRITE),
    Operation(method="GET", path=_BACKEND, handler=view_backend, needs=READ),
    Operation(method="PUT", path=_BACKEND, handler=update_backend, needs=WRITE),
    Operation(method="DELETE", path=_BACKEND, handler=delete_backend, needs=WRITE),
)
