"""The ports of a load balancer and the backends behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation
from sandbox.linode.routes.balancer_views import (
    READ,
    WRITE,
    add_backend,
    answering,
    backend_at,
    balancer_at,
    config_at,
    open_port,
    require_free_port,
    settings_of,
    show_backend,
    show_config,
)
from sandbox.linode.schemas.nodebalancers import BackendCreate, BackendUpdate, ConfigCreate, ConfigRebuild, ConfigUpdate
from sandbox.linode.state.balancers import backends_of, configs_of
from sandbox.linode.state.clusters import remove_balancer_config
from sandbox.linode.state.events import emit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode.state import Transaction
    from sandbox.linode.state.records import BalancerConfigRecord


async def list_configs(call: Call) -> Mapping[str, Any]:
    """GET /nodebalancers/{id}/configs."""
    answers = await answering(call)
    with call.account.store.transaction() as state:
        configs = configs_of(state, balancer_at(call, state).id)
        shown = [show_config(config, state, answers) for config in configs]
    return call.listing(shown, filterable=frozenset())


async def create_config(call: Call) -> Mapping[str, Any]:
    """POST /nodebalancers/{id}/configs."""
    request = call.body(ConfigCreate)
    answers = await answering(call)
    with call.account.store.transaction() as state:
        config = open_port(state, balancer_at(call, state).id, request)
        emit(state, "nodebalancer_config_create", config, now=call.account.timestamp())
        shown = show_config(config, state, answers)
    call.reconciler.balancing.poke()
    return shown.body()


async def view_config(call: Call) -> Mapping[str, Any]:
    """GET /nodebalancers/{id}/configs/{id}."""
    answers = await answering(call)
    with call.account.store.transaction() as state:
        return show_config(config_at(call, state), state, answers).body()


async def update_config(call: Call) -> Mapping[str, Any]:
    """PUT /nodebalancers/{id}/configs/{id}."""
    request = call.body(ConfigUpdate)
    answers = await answering(call)
    with call.account.store.transaction() as state:
        changed = _change(call, state, request)
        emit(state, "nodebalancer_config_update", changed, now=call.account.timestamp())
        shown = show_config(changed, state, answers)
    call.reconciler.balancing.poke()
    return shown.body()


async def rebuild_config(call: Call) -> Mapping[str, Any]:
    """POST /nodebalancers/{id}/configs/{id}/rebuild: the port with exactly these backends."""
    request = call.body(ConfigRebuild)
    answers = await answering(call)
    with call.account.store.transaction() as state:
        changed = _change(call, state, request)
        for backend in backends_of(state, changed.id):
            state.delete(backend)
        for wanted in request.nodes:
            add_backend(state, changed, wanted)
        emit(state, "nodebalancer_config_update", changed, now=call.account.timestamp())
        shown = show_config(changed, state, answers)
    call.reconciler.balancing.poke()
    return shown.body()


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
    call.reconciler.balancing.poke()
    return {}


async def list_backends(call: Call) -> Mapping[str, Any]:
    """GET /nodebalancers/{id}/configs/{id}/nodes."""
    answers = await answering(call)
    with call.account.store.transaction() as state:
        config = config_at(call, state)
        shown = [show_backend(backend, config, answers) for backend in backends_of(state, config.id)]
    return call.listing(shown, filterable=frozenset())


async def create_backend(call: Call) -> Mapping[str, Any]:
    """POST /nodebalancers/{id}/configs/{id}/nodes."""
    request = call.body(BackendCreate)
    answers = await answering(call)
    with call.account.store.transaction() as state:
        config = config_at(call, state)
        shown = show_backend(add_backend(state, config, request), config, answers)
    call.reconciler.balancing.poke()
    return shown.body()


async def view_backend(call: Call) -> Mapping[str, Any]:
    """GET /nodebalancers/{id}/configs/{id}/nodes/{id}."""
    answers = await answering(call)
    with call.account.store.transaction() as state:
        return show_backend(backend_at(call, state), config_at(call, state), answers).body()


async def update_backend(call: Call) -> Mapping[str, Any]:
    """PUT /nodebalancers/{id}/configs/{id}/nodes/{id}."""
    request = call.body(BackendUpdate)
    answers = await answering(call)
    with call.account.store.transaction() as state:
        backend = backend_at(call, state)
        changed = backend.model_copy(update=request.model_dump(exclude_none=True))
        state.put(changed)
        shown = show_backend(changed, config_at(call, state), answers)
    call.reconciler.balancing.poke()
    return shown.body()


async def delete_backend(call: Call) -> Mapping[str, Any]:
    """DELETE /nodebalancers/{id}/configs/{id}/nodes/{id}."""
    with call.account.store.transaction() as state:
        state.delete(backend_at(call, state))
    call.reconciler.balancing.poke()
    return {}


_CONFIGS = "/nodebalancers/{nodebalancer_id}/configs"
_CONFIG = _CONFIGS + "/{config_id}"
_BACKENDS = _CONFIG + "/nodes"
_BACKEND = _BACKENDS + "/{node_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", _CONFIGS, list_configs, READ, Bucket.LISTS),
    Operation("POST", _CONFIGS, create_config, WRITE),
    Operation("GET", _CONFIG, view_config, READ),
    Operation("PUT", _CONFIG, update_config, WRITE),
    Operation("DELETE", _CONFIG, delete_config, WRITE),
    Operation("POST", _CONFIG + "/rebuild", rebuild_config, WRITE),
    Operation("GET", _BACKENDS, list_backends, READ, Bucket.LISTS),
    Operation("POST", _BACKENDS, create_backend, WRITE),
    Operation("GET", _BACKEND, view_backend, READ),
    Operation("PUT", _BACKEND, update_backend, WRITE),
    Operation("DELETE", _BACKEND, delete_backend, WRITE),
)
