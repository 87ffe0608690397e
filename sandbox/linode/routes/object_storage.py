"""Object Storage: endpoints, the older clusters, and buckets.

Whatever is in a bucket is a matter of the S3 protocol; the API makes buckets, lists them and removes empty ones.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sandbox.linode.auth import Access, Scope
from sandbox.linode.errors import invalid, invalid_all, not_found, unexpected
from sandbox.linode.limits import Bucket as RateBucket
from sandbox.linode.object_store import ObjectStoreError, Usage
from sandbox.linode.operations import Call, Operation, Requirement
from sandbox.linode.rules import not_valid
from sandbox.linode.schemas.object_storage import Bucket, BucketCreate, StorageCluster, StorageEndpoint
from sandbox.linode.state.records import BucketRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from sandbox.linode.catalogue import Catalogue
    from sandbox.linode.state import Transaction

    T = TypeVar("T")

_READ = Scope(service="object_storage", access=Access.READ_ONLY)
_WRITE = Scope(service="object_storage", access=Access.READ_WRITE)
_NOTHING: frozenset[str] = frozenset()


def endpoints_of(catalogue: Catalogue, name: str) -> list[StorageEndpoint]:
    """The endpoints of a region, or the one of a cluster's older id ("us-east-1")."""
    return [endpoint for endpoint in catalogue.storage_endpoints if name in (endpoint.region, endpoint.cluster)]


def find_bucket(state: Transaction, region: str, label: str) -> BucketRecord | None:
    """The bucket of that label in a region."""
    return next(
        (bucket for bucket in state.all(BucketRecord) if (bucket.region, bucket.label) == (region, label)), None
    )


async def list_endpoints(call: Call) -> Mapping[str, Any]:
    """GET /object-storage/endpoints."""
    return call.listing(call.account.catalogue.storage_endpoints, filterable=_NOTHING)


def _clusters(catalogue: Catalogue) -> dict[str, StorageCluster]:
    return {
        endpoint.cluster: StorageCluster(
            id=endpoint.cluster,
            domain=endpoint.s3_endpoint,
            region=endpoint.region,
            static_site_domain=f"website-{endpoint.s3_endpoint}",
        )
        for endpoint in catalogue.storage_endpoints
    }


async def list_clusters(call: Call) -> Mapping[str, Any]:
    """GET /object-storage/clusters."""
    return call.listing(_clusters(call.account.catalogue).values(), filterable=_NOTHING)


async def view_cluster(call: Call) -> Mapping[str, Any]:
    """GET /object-storage/clusters/{id}."""
    cluster = _clusters(call.account.catalogue).get(call.path["cluster_name"])
    if cluster is None:
        raise not_found()
    return cluster.body()


async def list_buckets(call: Call) -> Mapping[str, Any]:
    """GET /object-storage/buckets."""
    with call.account.store.transaction() as state:
        buckets = state.all(BucketRecord)
    return call.listing([await _show(call, bucket) for bucket in buckets], filterable=_NOTHING)


async def list_buckets_of_region(call: Call) -> Mapping[str, Any]:
    """GET /object-storage/buckets/{region}."""
    region = _region_at(call)
    with call.account.store.transaction() as state:
        buckets = [bucket for bucket in state.all(BucketRecord) if bucket.region == region]
    return call.listing([await _show(call, bucket) for bucket in buckets], filterable=_NOTHING)


async def create_bucket(call: Call) -> Mapping[str, Any]:
    """POST /object-storage/buckets: one that the account has already is answered as if it were new."""
    request = call.body(BucketCreate)
    endpoint = _endpoint_for(call, request)
    with call.account.store.transaction() as state:
        known = find_bucket(state, endpoint.region, request.label)
    if known is not None:
        return (await _show(call, known)).body()
    # In this order, so that a bucket in the records is always one that S3 has.
    await _in_store(lambda: call.account.object_store.create(request.label))
    with call.account.store.transaction() as state:
        bucket = find_bucket(state, endpoint.region, request.label) or BucketRecord(
            id=state.next_id(BucketRecord),
            label=request.label,
            region=endpoint.region,
            s3_endpoint=endpoint.s3_endpoint,
            created=call.account.timestamp(),
        )
        state.put(bucket)
    return (await _show(call, bucket)).body()


def _endpoint_for(call: Call, request: BucketCreate) -> StorageEndpoint:
    """Where the bucket goes.

    Raises ApiError: 400, no region is named, it has no Object Storage, or none of that type.
    """
    name = request.region or request.cluster
    if name is None:
        raise invalid("region is required", field="region")
    found = endpoints_of(call.account.catalogue, name)
    if not found:
        raise invalid_all([not_valid("region")])
    chosen = [one for one in found if request.endpoint_type in (None, one.endpoint_type)]
    if not chosen:
        raise invalid_all([not_valid("endpoint_type")])
    return chosen[0]


async def view_bucket(call: Call) -> Mapping[str, Any]:
    """GET /object-storage/buckets/{region}/{label}."""
    with call.account.store.transaction() as state:
        bucket = _bucket_at(call, state)
    return (await _show(call, bucket)).body()


async def delete_bucket(call: Call) -> Mapping[str, Any]:
    """DELETE /object-storage/buckets/{region}/{label}: an empty one only."""
    with call.account.store.transaction() as state:
        bucket = _bucket_at(call, state)
    if (await _usage(call, bucket)).objects:
        raise invalid("Bucket is not empty")
    await _in_store(lambda: call.account.object_store.delete(bucket.label))
    with call.account.store.transaction() as state:
        state.delete(bucket)
    return {}


def _region_at(call: Call) -> str:
    found = endpoints_of(call.account.catalogue, call.path["region"])
    if not found:
        raise not_found()
    return found[0].region


def _bucket_at(call: Call, state: Transaction) -> BucketRecord:
    bucket = find_bucket(state, _region_at(call), call.path["bucket"])
    if bucket is None:
        raise not_found()
    return bucket


async def _show(call: Call, record: BucketRecord) -> Bucket:
    endpoint = next(one for one in call.account.catalogue.storage_endpoints if one.s3_endpoint == record.s3_endpoint)
    usage = await _usage(call, record)
    return Bucket.of(
        record,
        cluster=endpoint.cluster,
        hostname=f"{record.label}.{record.s3_endpoint}",
        objects=usage.objects,
        size=usage.size,
        endpoint_type=endpoint.endpoint_type,
    )


async def _usage(call: Call, bucket: BucketRecord) -> Usage:
    return await _in_store(lambda: call.account.object_store.usage(bucket.label))


async def _in_store(action: Callable[[], T]) -> T:
    """Do what may wait for another server, off the event loop."""
    try:
        return await asyncio.to_thread(action)
    except ObjectStoreError as error:
        raise unexpected(str(error)) from error


_BUCKETS = "/object-storage/buckets"
_BUCKET = _BUCKETS + "/{region}/{bucket}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/object-storage/endpoints", list_endpoints, _READ, RateBucket.LISTS),
    Operation("GET", "/object-storage/clusters", list_clusters, Requirement.NOTHING, RateBucket.LISTS),
    Operation("GET", "/object-storage/clusters/{cluster_name}", view_cluster, Requirement.NOTHING),
    Operation("GET", _BUCKETS, list_buckets, _READ, RateBucket.LISTS),
    Operation("POST", _BUCKETS, create_bucket, _WRITE),
    Operation("GET", _BUCKETS + "/{region}", list_buckets_of_region, _READ, RateBucket.LISTS),
    Operation("GET", _BUCKET, view_bucket, _READ),
    Operation("DELETE", _BUCKET, delete_bucket, _WRITE),
)
