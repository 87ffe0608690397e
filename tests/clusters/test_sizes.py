"""How much of the machine a node gives to pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from sandbox.clusters.network.plan import PODS
from sandbox.clusters.node.files import KUBE_PROXY, KUBELET, write_node_files
from sandbox.clusters.node.sizes import Size, allocatable, held_back, machine
from sandbox.linode.backend import PoolSpec
from sandbox.linode.catalogue import Catalogue

if TYPE_CHECKING:
    from pathlib import Path

HOST = Size(millicores=8000, mib=16384)


def pool(plan: str) -> PoolSpec:
    kind = Catalogue.load().types[plan]
    return PoolSpec(id=1, label="", type=plan, memory=kind.memory, vcpus=kind.vcpus)


def test_a_node_has_what_its_plan_has_without_what_the_system_and_the_network_take() -> None:
    assert allocatable(pool("g6-standard-2")) == Size(millicores=1750, mib=3750)
    assert held_back(pool("g6-standard-2"), HOST) == {"cpu": "6250m", "memory": "12634Mi"}


def test_a_machine_that_is_smaller_than_the_plan_holds_nothing_back() -> None:
    assert held_back(pool("g6-standard-20"), HOST) == {"cpu": "0m", "memory": "0Mi"}


def test_two_istiods_of_the_charts_own_size_find_no_room_on_a_node_of_4_gib() -> None:
    # So a change of istiod would wait for ever: the chart starts the new one before the old one ends.
    assert allocatable(pool("g6-standard-2")).mib < 2 * 2048 < allocatable(pool("g6-standard-4")).mib


def test_the_kubelet_is_told(tmp_path: Path) -> None:
    write_node_files(tmp_path, cgroup="fleet/node", pods=PODS, name="node", pool=pool("g6-standard-2"))
    kubelet = yaml.safe_load((tmp_path / KUBELET.lstrip("/")).read_text())
    assert kubelet["systemReserved"] == held_back(pool("g6-standard-2"), machine())


def test_a_nodes_files_are_written_only_when_something_of_them_changes(tmp_path: Path) -> None:
    proxy, kubelet = (tmp_path / path.lstrip("/") for path in (KUBE_PROXY, KUBELET))
    write_node_files(tmp_path, cgroup="fleet/node", pods=PODS, name="node", pool=pool("g6-standard-2"))
    before = proxy.stat().st_mtime_ns
    write_node_files(tmp_path, cgroup="fleet/node", pods=PODS, name="node", pool=pool("g6-standard-4"))
    assert proxy.stat().st_mtime_ns == before, "kube-proxy ends when its file is written"
    assert kubelet.stat().st_mtime_ns > before
