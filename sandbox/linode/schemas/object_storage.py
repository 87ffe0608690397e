"""Object Storage: endpoints, buckets and the keys that reach them over the S3 protocol."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from sandbox.linode.schemas.base import ApiObject, RequestObject

# Rules for names: https://techdocs.akamai.com/linode-api/reference/post-object-storage-bucket
_BUCKET = re.compile(r"[a-z0-9](?:[-.]?[a-z0-9])*")
_REGION_LENGTH = 64


def _bucket_label(text: str) -> str:
    if not 3 <= len(text) <= 63:
        raise PydanticCustomError("length", "Length must be 3-63 characters")
    if not _BUCKET.fullmatch(text):
        raise PydanticCustomError("label", "Must only contain lowercase letters, digits, single '-' and '.'")
    return text


BucketLabel = Annotated[str, AfterValidator(_bucket_label)]
KeyLabel = Annotated[str, Field(max_length=50)]
RegionId = Annotated[str, Field(min_length=1, max_length=_REGION_LENGTH)]


class EndpointType(StrEnum):
    """The generation of an endpoint."""

    E0 = "E0"
    E1 = "E1"
    E2 = "E2"
    E3 = "E3"


class CannedAcl(StrEnum):
    """Who may read and write a new bucket."""

    PRIVATE = "private"
    PUBLIC_READ = "public-read"
    AUTHENTICATED_READ = "authenticated-read"
    PUBLIC_READ_WRITE = "public-read-write"


class Permissions(StrEnum):
    """What a limited key may do in a bucket."""

    READ_ONLY = "read_only"
    READ_WRITE = "read_write"


class BucketCreate(RequestObject):
    """A bucket to make; `cluster` is the older name of a region."""

    label: BucketLabel
    region: RegionId | None = None
    cluster: RegionId | None = None
    acl: Annotated[CannedAcl, Field(strict=False)] = CannedAcl.PRIVATE
    cors_enabled: bool = True
    endpoint_type: Annotated[EndpointType | None, Field(strict=False)] = None


class BucketAccessRequest(RequestObject):
    """One bucket that a limited key may use."""

    bucket_name: str
    permissions: Annotated[Permissions, Field(strict=False)]
    region: RegionId | None = None
    cluster: RegionId | None = None


class KeyUpdate(RequestObject):
    """What can change of a key."""

    label: KeyLabel | None = None
    regions: Annotated[list[RegionId], Field(max_length=100)] | None = None


class KeyCreate(KeyUpdate):
    """A key to make: limited to buckets, or for everything where `bucket_access` is not given."""

    bucket_access: Annotated[list[BucketAccessRequest], Field(max_length=100)] | None = None


class StorageEndpoint(ApiObject):
    """Where a region's buckets are served; the host has no scheme."""

    region: str
    endpoint_type: EndpointType
    s3_endpoint: str

    @property
    def cluster(self) -> str:
        """The older id of the region."""
        return self.s3_endpoint.partition(".")[0]


class StorageCluster(ApiObject):
    """A region as older clients know it."""

    id: str
    domain: str
    region: str
    static_site_domain: str
    status: str = "available"


class Bucket(ApiObject):
    """A bucket, as the API shows it; size in bytes."""

    label: str
    region: str
    cluster: str
    hostname: str
    created: str
    objects: int
    size: int
    endpoint_type: EndpointType
    s3_endpoint: str


class BucketAccess(ApiObject):
    """One bucket that a limited key may use."""

    bucket_name: str
    permissions: Permissions
    region: str
    cluster: str


class KeyRegion(ApiObject):
    """A region that a key is known in."""

    id: str
    s3_endpoint: str
    endpoint_type: EndpointType


class Key(ApiObject):
    """A key pair; the secret is whole in the answer that makes it, and in no other."""

    id: int
    label: str
    access_key: str
    secret_key: str
    limited: bool
    bucket_access: tuple[BucketAccess, ...] | None
    regions: tuple[KeyRegion, ...]
