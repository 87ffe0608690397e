"""What `make up` does about an update that was killed, before it runs its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sandbox.clusters.host.layout import Layout
from sandbox.local import stages
from sandbox.local.stages import UpdateError, update
from sandbox.local.target import Target

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A stack in whose state a cluster was being created, and no lock."""
    monkeypatch.setenv("FLEET_STATE_HOME", str(tmp_path))
    target = Target(layout=Layout("other"))
    file = target.workspace.folder / "backend" / ".pulumi" / "stacks" / "fleet" / f"{target.stack}.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": [{"type": "creating"}]}}}))
    target.layout.token.write_text("a token")
    return target


def test_a_recovery_that_failed_is_repeated_before_anything_is_updated(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[Target] = []

    def fail(of: Target) -> None:
        attempts.append(of)
        raise UpdateError(what="it", why="broke", remedy="Mend it")

    def forbidden(*_arguments: object, **_named: object) -> int:
        raise AssertionError("an update makes anew what was being created")

    monkeypatch.setattr(stages, "_recover", fail)
    monkeypatch.setattr(stages, "run", forbidden)
    for _ in range(2):
        with pytest.raises(UpdateError):
            update(target, say=lambda _line: None)
    assert attempts == [target, target]


def test_up_builds_what_it_runs_and_nothing_that_only_tests_drive() -> None:
    runs = {"pulumi", "pulumi-resource-kubernetes", "kubelet", "coredns", "karmada-agent", "pilot-agent", "age"}
    assert runs <= stages.FLEET_TOOLS
    assert not {"helm", "age-keygen", "istioctl"} & stages.FLEET_TOOLS
