"""Files that survive a crash whole."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sandbox.clusters.cluster import allocate_pods
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.provisions import Provisions
from sandbox.clusters.network.plan import node_pods
from sandbox.files import write_whole
from sandbox.local.lifecycle import stores_in_use


def test_a_secret_file_is_never_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "token"
    (tmp_path / "token.new").write_text("left by a crash")
    write_whole(path, "secret", mode=0o600)
    assert path.read_text() == "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_node_keeps_its_pod_addresses_while_others_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "pods.json"
    first = allocate_pods(path, ["a", "b", "c"])
    second = allocate_pods(path, ["c", "d"])
    assert second["c"] == first["c"]
    assert second["d"] == node_pods(0), "what is free again is given away again"


def test_more_nodes_than_there_are_ranges_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="256"):
        allocate_pods(tmp_path / "pods.json", [f"n{number}" for number in range(257)])


def test_the_images_of_every_sandbox_are_in_use_also_of_one_that_another_checkout_brought_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_STATE_HOME", str(tmp_path))
    for name in ("one", "other"):
        Provisions(programs={}, images=f"/images/of-{name}").write(Layout(name).provisions)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "provisions.json").write_text("half")
    assert stores_in_use([tmp_path]) == {Path("/images/of-one"), Path("/images/of-other")}
