"""A bucket over the S3 protocol, with errors that say what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from operations.errors import OperationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_s3 import S3Client

    from operations.state.access import Access

Done = TypeVar("Done")
# A key of Linode's is known to its S3 hosts some seconds after the API has made it.
_NOT_KNOWN_YET: Final = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})
KNOWN_WITHIN: Final = 60.0
"""Seconds that a new key is waited for."""
_CONFIG: Final = Config(
    # A bucket's name in the host needs a certificate and a resolver that know it; in the path it always works.
    s3={"addressing_style": "path"},
    connect_timeout=10,
    read_timeout=60,
    retries={"total_max_attempts": 5, "mode": "standard"},
    # Stores that speak S3 but are not Amazon's refuse checksums that they do not know.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


def client(access: Access) -> S3Client:
    """An S3 client with a key."""
    return boto3.client(
        "s3",
        endpoint_url=access.endpoint,
        region_name=access.signing_region,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        config=_CONFIG,
    )


def code(error: ClientError) -> str:
    """S3's name of an error, "NoSuchBucket"; where the answer had no body, the HTTP status."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def explained(what: str, *, remedy: str) -> Iterator[None]:
    """Turn S3's errors into one for the user.

    Raises:
        OperationError: the store refused, or did not answer.

    """
    try:
        yield
    except ClientError as error:
        message = error.response.get("Error", {}).get("Message", "")
        why = f"the store answered {code(error)}{f' ({message})' if message else ''}"
        raise OperationError(what=what, why=why, remedy=remedy) from error
    except BotoCoreError as error:
        raise OperationError(what=what, why=str(error).rstrip("."), remedy=remedy) from error


def once_known(action: Callable[[], Done], *, patience: float = KNOWN_WITHIN) -> Done:
    """Do something with a key that may be too new for the store to know it; what else it raises is passed on."""
    waiting = Retrying(
        retry=retry_if_exception(_is_not_known_yet),
        stop=stop_after_delay(patience),
        wait=wait_fixed(2),
        reraise=True,
    )
    return waiting(action)


def _is_not_known_yet(error: BaseException) -> bool:
    return isinstance(error, ClientError) and code(error) in _NOT_KNOWN_YET
