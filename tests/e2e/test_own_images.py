"""A user's own image on the fleet: loaded, run, replaced and removed, while everything there goes on."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from fleet.naming import KARMADA
from sandbox.clusters.images.library import Library
from sandbox.toolchain.tools import TOOLS
from tests.e2e.clients import eventually
from tests.e2e.own_images import FULL_NAME, archive, images, job, nodes, processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout
    from sandbox.verify.member import Member
    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged


@pytest.fixture
def two(fleet: Fleet) -> Iterator[list[Member]]:
    """Two members, with nothing of the user's own on them before and after."""
    members = list(fleet.configured().members.values())[:2]
    yield members
    for member in members:
        member.kubectl("delete", "job", "--namespace=default", "--all", "--cascade=foreground")
    shutil.rmtree(Library.of(fleet.layout).folder, ignore_errors=True)


def said_on_every_node(members: list[Member], name: str) -> set[str]:
    """What the image prints as a Job on each node of some members."""
    said = set()
    for member in members:
        for number, node in enumerate(nodes(member)):
            member.kubectl("apply", "--filename=-", stdin=json.dumps(job(f"{name}-{number}", node=node)))
        for number, _ in enumerate(nodes(member)):
            member.kubectl("wait", "--for=condition=Complete", f"job/{name}-{number}", "--timeout=45s")
            said.add(member.kubectl("logs", f"job/{name}-{number}").strip())
    return said


def refused(layout: Layout, *arguments: str) -> str:
    """What a user reads whose command is refused."""
    with pytest.raises(subprocess.CalledProcessError) as error:
        images(layout, *arguments)
    return str(error.value.stdout).strip()


def never_pulled(member: Member, name: str) -> bool:
    """Whether a Job's pod waits for an image that its node does not have."""
    [pod] = member.get("pods", "--namespace=default", f"--selector=job-name={name}")["items"]
    return any(
        status["state"].get("waiting", {}).get("reason") == "ErrImageNeverPull"
        for status in pod["status"].get("containerStatuses", ())
    )


def test_an_own_image_is_loaded_run_replaced_and_removed_and_no_process_is_started_anew(
    fleet: Fleet, two: list[Member], tmp_path: Path
) -> None:
    layout, before = fleet.layout, processes(fleet.layout)
    count = sum(len(nodes(view)) for name, view in fleet.views.items() if name != KARMADA)
    running = f"{count} nodes that run"

    loaded = images(layout, "load", str(archive(tmp_path / "age.tar.gz", "--version")))
    assert loaded.strip() == f"{FULL_NAME} is on {running} and on every new one"
    assert f"{count} of {count}" in images(layout, "list")
    assert said_on_every_node(two, "first") == {TOOLS["age"].version}

    images(layout, "load", str(archive(tmp_path / "age.tar", "--help")))
    assert all("Usage:" in said for said in said_on_every_node(two, "second")), "the newer one of the same name runs"

    broken = tmp_path / "broken.tar"
    broken.write_bytes((tmp_path / "age.tar").read_bytes()[:100_000])
    listed = images(layout, "list")
    assert refused(layout, "load", str(broken)).startswith(f"error: {broken} cannot be loaded: it is damaged: ")
    assert images(layout, "list") == listed

    assert images(layout, "remove", FULL_NAME).strip() == f"{FULL_NAME} is gone from {running}"
    assert FULL_NAME not in images(layout, "list")
    assert "no image of yours is called that" in refused(layout, "remove", FULL_NAME)
    [member, _] = two
    member.kubectl("apply", "--filename=-", stdin=json.dumps(job("third", node=nodes(member)[0])))
    eventually(lambda: never_pulled(member, "third"), "the node does not have the image any more", within_seconds=45)

    assert processes(layout) == before, "containerd, kubelet and all others run as they did"
