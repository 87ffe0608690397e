"""A stack whose state is in a versioned bucket, and a program that can be held in the middle."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from operations.state.access import Access
from tests.plugins.engine import Stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.operations.s3 import FaultyS3

BUCKET = "fleet-state"
CHECKPOINT = ".pulumi/stacks/test/test.json"
LOCKS = ".pulumi/locks/"
PATIENCE = 120.0

HELD = """
    import time
    from pathlib import Path
    import pulumi
    import pulumi_random as random

    def hold(value):
        Path({reached!r}).touch()
        while not Path({go!r}).exists():
            time.sleep(0.05)
        return 4

    first = random.RandomId("first", byte_length=4)
    second = random.RandomId("second", byte_length=first.hex.apply(hold))
    pulumi.export("second", second.hex)
"""
"""Makes `first`, then waits for a file before it makes `second`."""


class Held:
    """A program that stops between its two resources until it is let go."""

    def __init__(self, folder: Path) -> None:
        self._reached, self._go = folder / "reached", folder / "go"

    @property
    def source(self) -> str:
        """The program."""
        return HELD.format(reached=str(self._reached), go=str(self._go))

    def wait(self) -> None:
        """Return once `first` is made."""
        eventually(self._reached.exists, "the program has made its first resource")

    def let_go(self) -> None:
        """Let it make `second`, now and from now on."""
        self._go.touch()


def access(s3: FaultyS3) -> Access:
    """A key to the bucket."""
    return Access(bucket=BUCKET, endpoint=s3.url, access_key="state", secret_key="state")


def stack_in(s3: FaultyS3, folder: Path, home: Path) -> Stack:
    """A fresh stack in the bucket."""
    return Stack(folder / "stack", home=home, environment=access(s3).environment)


def versions(s3: FaultyS3, key: str) -> list[Any]:
    """What the store has of an object, newest first."""
    found: list[Any] = s3.client.list_object_versions(Bucket=BUCKET, Prefix=key).get("Versions", [])
    return [version for version in found if version["Key"] == key]


def names(s3: FaultyS3, prefix: str) -> list[str]:
    """The current objects below a prefix."""
    return [entry["Key"] for entry in s3.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]


def identities(stack: Stack) -> dict[str, str]:
    """The resources that the state has, each with the id that it got when it was made."""
    resources = json.loads(stack.command("stack", "export"))["deployment"].get("resources", [])
    return {one["urn"].rsplit("::", 1)[-1]: one["id"] for one in resources if one["type"].startswith("random:")}


def empty(s3: FaultyS3) -> None:
    """Remove the bucket with all its versions, as whoever has the account can."""
    listed = s3.client.list_object_versions(Bucket=BUCKET)
    for entry in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        s3.client.delete_object(Bucket=BUCKET, Key=entry["Key"], VersionId=entry["VersionId"])
    s3.client.delete_bucket(Bucket=BUCKET)


def eventually(claim: Callable[[], object], what: str) -> None:
    """Wait for a bounded time."""
    deadline = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < deadline, f"after {PATIENCE:.0f} s it is still not true that {what}"
        time.sleep(0.05)
