"""Volumes: what a cluster's storage driver does with them.

The emulator keeps the records; whoever attaches a volume makes its storage, as the sandbox's cloud controller does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.linode.auth import Access, Scope
from sandbox.linode.errors import Problem, invalid, invalid_all
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Operation, listing, viewing
from sandbox.linode.rules import not_valid
from sandbox.linode.schemas.volumes import Volume, VolumeAttach, VolumeClone, VolumeCreate, VolumeResize, VolumeUpdate
from sandbox.linode.state.events import emit
from sandbox.linode.state.records import ClusterRecord, NodeRecord, VolumeRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode.state import Transaction

_READ = Scope(service="volumes", access=Access.READ_ONLY)
_WRITE = Scope(service="volumes", access=Access.READ_WRITE)
_FIRST_ID = 10_000_000
_FILTERABLE = frozenset({"label", "tags"})


def show_volume(record: VolumeRecord, state: Transaction) -> Volume:
    """A volume."""
    node = None if record.linode_id is None else state.get(NodeRecord, record.linode_id)
    return Volume.of(
        record,
        filesystem_path=f"/dev/disk/by-id/scsi-0Linode_Volume_{record.label}",
        linode_label=None if node is None else node.label,
        io_ready=node is not None,
    )


async def create_volume(call: Call) -> Mapping[str, Any]:
    """POST /volumes."""
    request = call.body(VolumeCreate)
    with call.account.store.transaction() as state:
        region = _region_for(call, state, request)
        _require_new_label(state, request.label)
        now = call.account.timestamp()
        volume = VolumeRecord(
            id=state.next_id(VolumeRecord, first=_FIRST_ID),
            label=request.label,
            region=region,
            size=request.size,
            linode_id=request.linode_id,
            tags=tuple(request.tags or ()),
            encryption=request.encryption,
            created=now,
            updated=now,
        )
        state.put(volume)
        emit(state, "volume_create", volume, now=now)
        return show_volume(volume, state).body()


def _region_for(call: Call, state: Transaction, request: VolumeCreate) -> str:
    """Where the volume goes: with its Linode, or where the request says.

    Raises ApiError: 400, there is no such Linode or region, or they differ.
    """
    if request.linode_id is not None:
        region = _region_of(state, request.linode_id)
        if request.region not in (None, region):
            raise invalid("Must be the region of the Linode", field="region")
        return region
    if request.region is None:
        raise invalid_all(
            [
                Problem(reason="Must provide a region or a Linode ID", field="region"),
                Problem(reason="Must provide a region or a Linode ID", field="linode_id"),
            ]
        )
    known = call.account.catalogue.regions.get(request.region)
    if known is None or "Block Storage" not in known.capabilities:
        raise invalid_all([not_valid("region")])
    return known.id


def _region_of(state: Transaction, linode_id: int) -> str:
    node = state.get(NodeRecord, linode_id)
    cluster = None if node is None else state.get(ClusterRecord, node.cluster_id)
    if cluster is None:
        raise invalid_all([not_valid("linode_id")])
    return cluster.region


def _require_new_label(state: Transaction, label: str, *, of: VolumeRecord | None = None) -> None:
    if any(known.label == label and (of is None or known.id != of.id) for known in state.all(VolumeRecord)):
        raise invalid("Label must be unique among your volumes", field="label")


async def update_volume(call: Call) -> Mapping[str, Any]:
    """PUT /volumes/{id}."""
    request = call.body(VolumeUpdate)
    with call.account.store.transaction() as state:
        volume = call.record(state, VolumeRecord, "volume_id")
        if request.label is not None:
            _require_new_label(state, request.label, of=volume)
        tags = volume.tags if request.tags is None else tuple(request.tags)
        change = {"label": request.label or volume.label, "tags": tags}
        return _keep(call, state, volume, change, "volume_update")


async def delete_volume(call: Call) -> Mapping[str, Any]:
    """DELETE /volumes/{id}: not while it is attached."""
    with call.account.store.transaction() as state:
        volume = call.record(state, VolumeRecord, "volume_id")
        if volume.linode_id is not None:
            raise invalid("This volume must be detached before it can be deleted.")
        state.delete(volume)
        emit(state, "volume_delete", volume, now=call.account.timestamp())
    return {}


async def attach_volume(call: Call) -> Mapping[str, Any]:
    """POST /volumes/{id}/attach."""
    request = call.body(VolumeAttach)
    with call.account.store.transaction() as state:
        volume = call.record(state, VolumeRecord, "volume_id")
        if volume.linode_id not in (None, request.linode_id):
            raise invalid("Volume is already attached", field="linode_id")
        if _region_of(state, request.linode_id) != volume.region:
            raise invalid("Volume and Linode must be in the same region", field="linode_id")
        return _keep(call, state, volume, {"linode_id": request.linode_id}, "volume_attach")


async def detach_volume(call: Call) -> Mapping[str, Any]:
    """POST /volumes/{id}/detach."""
    with call.account.store.transaction() as state:
        _keep(call, state, call.record(state, VolumeRecord, "volume_id"), {"linode_id": None}, "volume_detach")
    return {}


async def resize_volume(call: Call) -> Mapping[str, Any]:
    """POST /volumes/{id}/resize: volumes only grow."""
    request = call.body(VolumeResize)
    with call.account.store.transaction() as state:
        volume = call.record(state, VolumeRecord, "volume_id")
        if request.size < volume.size:
            raise invalid("Volumes can only be resized up", field="size")
        return _keep(call, state, volume, {"size": request.size}, "volume_resize")


async def clone_volume(call: Call) -> Mapping[str, Any]:
    """POST /volumes/{id}/clone."""
    request = call.body(VolumeClone)
    with call.account.store.transaction() as state:
        volume = call.record(state, VolumeRecord, "volume_id")
        _require_new_label(state, request.label)
        change = {
            "id": state.next_id(VolumeRecord, first=_FIRST_ID),
            "label": request.label,
            "linode_id": None,
            "created": call.account.timestamp(),
        }
        return _keep(call, state, volume, change, "volume_clone")


def _keep(
    call: Call, state: Transaction, volume: VolumeRecord, change: Mapping[str, Any], action: str
) -> Mapping[str, Any]:
    now = call.account.timestamp()
    changed = volume.model_copy(update={**change, "updated": now})
    state.put(changed)
    emit(state, action, changed, now=now)
    return show_volume(changed, state).body()


_VOLUMES = "/volumes"
_VOLUME = _VOLUMES + "/{volume_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", _VOLUMES, listing(VolumeRecord, show_volume, _FILTERABLE), _READ, Bucket.LISTS),
    Operation("POST", _VOLUMES, create_volume, _WRITE, Bucket.VOLUMES),
    Operation("GET", _VOLUME, viewing(VolumeRecord, "volume_id", show_volume), _READ),
    Operation("PUT", _VOLUME, update_volume, _WRITE),
    Operation("DELETE", _VOLUME, delete_volume, _WRITE),
    Operation("POST", _VOLUME + "/attach", attach_volume, _WRITE),
    Operation("POST", _VOLUME + "/detach", detach_volume, _WRITE),
    Operation("POST", _VOLUME + "/resize", resize_volume, _WRITE),
    Operation("POST", _VOLUME + "/clone", clone_volume, _WRITE),
)
