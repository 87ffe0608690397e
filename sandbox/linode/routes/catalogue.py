"""What can be ordered: regions, plans and prices, which Linode tells anybody, and Kubernetes versions.

Those take a token that reads Kubernetes (https://techdocs.akamai.com/linode-api/reference/get-lke-versions). The fields
that lists can be filtered by are those of Linode's specification.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.linode.catalogue import Catalogue
from sandbox.linode.errors import not_found
from sandbox.linode.limits import Bucket
from sandbox.linode.operations import Call, Handler, Operation, Requirement
from sandbox.linode.routes.lke_views import READ
from sandbox.linode.schemas.base import ApiObject
from sandbox.linode.schemas.catalogue import LkeTier, TieredLkeVersion

Choice = Callable[[Catalogue], Mapping[str, ApiObject]]

_PRICES = frozenset({"label", "price.hourly", "price.monthly", "transfer"})
_PLANS = frozenset(
    {
        "accelerated_devices",
        "class",
        "disk",
        "gpus",
        "label",
        "memory",
        "network_out",
        "transfer",
        "vcpus",
    }
)
_REGIONS = frozenset({"country", "site_type"})


def _list(choose: Choice, filterable: frozenset[str] = frozenset()) -> Handler:
    async def handler(call: Call) -> Mapping[str, Any]:
        return call.listing(choose(call.account.catalogue).values(), filterable=filterable)

    return handler


def _view(choose: Choice) -> Handler:
    async def handler(call: Call) -> Mapping[str, Any]:
        entry = choose(call.account.catalogue).get(call.path["id"])
        if entry is None:
            raise not_found()
        return entry.body()

    return handler


def _versions(catalogue: Catalogue) -> Mapping[str, ApiObject]:
    return {version.id: version for version in catalogue.lke_versions()}


def _tiered_versions(call: Call) -> dict[str, TieredLkeVersion]:
    try:
        tier = LkeTier(call.path["tier"])
    except ValueError as error:
        raise not_found() from error
    versions = call.account.catalogue.tiered_lke_versions(tier)
    return {version.id: version for version in versions}


async def _list_tiered_versions(call: Call) -> Mapping[str, Any]:
    return call.listing(_tiered_versions(call).values(), filterable=frozenset())


async def _view_tiered_version(call: Call) -> Mapping[str, Any]:
    version = _tiered_versions(call).get(call.path["id"])
    if version is None:
        raise not_found()
    return version.body()


def _public_list(path: str, handler: Handler) -> Operation:
    return Operation("GET", path, handler, Requirement.NOTHING, Bucket.LISTS)


def _public(path: str, handler: Handler) -> Operation:
    return Operation("GET", path, handler, Requirement.NOTHING)


def _of_kubernetes(path: str, handler: Handler, bucket: Bucket = Bucket.OTHERS) -> Operation:
    return Operation("GET", path, handler, READ, bucket)


OPERATIONS: tuple[Operation, ...] = (
    _public_list("/regions", _list(lambda catalogue: catalogue.regions, _REGIONS)),
    _public("/regions/{id}", _view(lambda catalogue: catalogue.regions)),
    _public_list("/linode/types", _list(lambda catalogue: catalogue.types, _PLANS)),
    _public("/linode/types/{id}", _view(lambda catalogue: catalogue.types)),
    _public_list("/nodebalancers/types", _list(lambda catalogue: catalogue.nodebalancer_types, _PRICES)),
    _public_list("/object-storage/types", _list(lambda catalogue: catalogue.object_storage_types, _PRICES)),
    _public_list("/volumes/types", _list(lambda catalogue: catalogue.volume_types, _PRICES)),
    _public_list("/lke/types", _list(lambda catalogue: catalogue.lke_types, _PRICES)),
    _of_kubernetes("/lke/versions", _list(_versions), Bucket.LISTS),
    _of_kubernetes("/lke/versions/{id}", _view(_versions)),
    _of_kubernetes("/lke/tiers/{tier}/versions", _list_tiered_versions, Bucket.LISTS),
    _of_kubernetes("/lke/tiers/{tier}/versions/{id}", _view_tiered_version),
)
