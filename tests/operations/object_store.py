"""The account's buckets on an S3 server. Apart from `object_store`, since boto3 is much to load without need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.linode.object_store import ObjectStoreError, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_s3 import S3Client


class S3ObjectStore:
    """Buckets on an S3 server, reached with a key that may do everything there."""

    def __init__(self, url: str, *, access_key: str, secret_key: str) -> None:
        self._client: S3Client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=10),
        )

    def create(self, bucket: str) -> None:
        """Make a bucket."""
        self._carry_out(lambda: self._client.create_bucket(Bucket=bucket), known="BucketAlreadyOwnedByYou")

    def delete(self, bucket: str) -> None:
        """Remove an empty bucket."""
        self._carry_out(lambda: self._client.delete_bucket(Bucket=bucket), known="NoSuchBucket")

    def usage(self, bucket: str) -> Usage:
        """Count the current objects."""
        sizes: list[int] = []

        def count() -> None:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            sizes.extend(entry["Size"] for page in pages for entry in page.get("Contents", []))

        self._carry_out(count, known="NoSuchBucket")
        return Usage(objects=len(sizes), size=sum(sizes))

    def _carry_out(self, action: Callable[[], object], *, known: str) -> None:
        try:
            action()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != known:
                raise ObjectStoreError(str(error)) from error
        except BotoCoreError as error:
            raise ObjectStoreError(str(error)) from error
