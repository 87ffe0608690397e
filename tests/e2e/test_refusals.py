"""What a machine cannot give is told in one sentence, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.clusters.host import preflight
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.subprocesses import inside
from sandbox.clusters.network.plan import CLOUD, LINODE_API_PORT
from sandbox.local import lifecycle
from sandbox.local.lifecycle import LifecycleError
from tests.e2e.clients import client, eventually
from tests.e2e.traces import traces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.privileged


@pytest.fixture
def full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of a few blocks as the home of sandboxes."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], check=True)
    monkeypatch.setenv("FLEET_STATE_HOME", str(tmp_path / "state"))
    # It would refuse so small a disk before anything is written; here it is as if the disk filled up afterwards.
    monkeypatch.setattr(preflight, "check_disk", lambda *_: None)
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_is_one_clear_sentence_and_down_still_works(full_disk: Path) -> None:
    layout = Layout("full")
    before = traces(layout)
    try:
        with pytest.raises(LifecycleError, match=r"cannot keep its files.*No space left on device.*FLEET_STATE_HOME"):
            lifecycle.up(layout, say=print)
    finally:
        lifecycle.down(layout)
    assert traces(layout) == before


def test_a_taken_port_is_one_clear_sentence_and_up_works_once_it_is_free() -> None:
    layout = Layout("taken")
    before = traces(layout)
    squatter = None
    try:
        lifecycle.up(layout, say=print)
        daemon = lifecycle.running_daemon(layout)
        assert daemon is not None
        daemon.stop(grace_seconds=10)
        address = [str(LINODE_API_PORT), "--bind", str(CLOUD)]
        squatter = subprocess.Popen(inside(layout.cloud, [sys.executable, "-m", "http.server", *address]))
        eventually(lambda: bool(client(layout, "curl", "--silent", f"http://{CLOUD}/")), "the port is taken")
        with pytest.raises(LifecycleError, match=r"did not start.*Address already in use"):
            lifecycle.up(layout, say=print)
        squatter.kill()
        squatter.wait()
        lifecycle.up(layout, say=print)
        assert lifecycle.running_daemon(layout)
    finally:
        if squatter is not None and squatter.poll() is None:
            squatter.kill()
            squatter.wait()
        lifecycle.down(layout)
    assert traces(layout) == before
