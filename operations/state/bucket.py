"""The bucket's own settings, over the S3 protocol: versions of every object, and how long old ones stay.

Pulumi writes a stack's checkpoint anew for every step of an update, so a versioned bucket without an end grows fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from operations import storage

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from operations.state.access import Access

_DENIED: Final = frozenset({"AccessDenied", "403"})
_RULE: Final = "fleet-state"
_UPLOAD_DAYS: Final = 7


class DeniedError(Exception):
    """The key may not change the bucket's settings."""


def configure(access: Access, *, keep_days: int, patience: float = storage.KNOWN_WITHIN) -> None:
    """Turn versioning on, and let versions end `keep_days` after they were replaced or deleted.

    Raises:
        DeniedError: this key may not do so.
        OperationError: anything else that the store refuses.

    """
    client = storage.client(access)
    with storage.explained(
        f"Cannot set up the bucket {access.bucket}", remedy="Mend that and run again; what is done already stays"
    ):
        try:
            storage.once_known(lambda: _apply(client, access.bucket, keep_days), patience=patience)
        except ClientError as error:
            if storage.code(error) in _DENIED:
                raise DeniedError from error
            raise


def _apply(client: S3Client, bucket: str, keep_days: int) -> None:
    if client.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": _RULE,
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": keep_days},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UPLOAD_DAYS},
                }
            ]
        },
    )


def is_versioned(access: Access) -> bool:
    """Whether the bucket keeps versions, by its own word; this also shows that the key reaches it.

    Raises:
        OperationError: the store refuses the key, or does not answer.

    """
    with storage.explained(f"Cannot look at the bucket {access.bucket}", remedy="Check the key and the bucket"):
        return storage.client(access).get_bucket_versioning(Bucket=access.bucket).get("Status") == "Enabled"
