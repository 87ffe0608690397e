"""An S3 server for each test, and the whole of moto emptied after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto.backends import get_backend

from tests.operations.s3 import FaultyS3

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def s3() -> Iterator[FaultyS3]:
    """Moto's S3, which can be told to fail."""
    with FaultyS3() as running:
        yield running
    get_backend("s3").reset()
