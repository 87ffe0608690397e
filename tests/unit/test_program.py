"""Claims about the program as the engine runs it: config in, checks, outputs, exit."""

import json
import runpy
from typing import Any
from unittest import mock

import pulumi
import pulumi_linode as linode
import pytest

from fleet.config.reader import ConfigError
from fleet.lke.linode_clusters import fetch_clusters, untold
from tests.unit.configs import ROOT, fleet_of, stack
from tests.unit.graph import INSTANCES, LIVE, STATE, Engine, Graph, Recorder, Stage, own_event_loop


def run_program(monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]) -> Graph:
    """Run __main__.py in a preview, with config handed over as the engine does."""
    recorder = Recorder(Engine(Stage.PREVIEW))
    settings = {f"fleet:{key}": json.dumps(value) for key, value in config.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(settings))
    monkeypatch.chdir(ROOT)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]  # it drains what the program leaves pending
    def program() -> None:
        runpy.run_path("__main__.py")

    with own_event_loop():
        pulumi.runtime.set_mocks(
            recorder.mocks,
            project="fleet",
            stack="test",
            organization="organization",
            preview=True,
            monitor=recorder,
        )
        program()
    return recorder.graph


def record(monkeypatch: pytest.MonkeyPatch, name: str, **outputs: Any) -> None:
    """Have a cluster in the stack's state."""
    kind = "linode:index/lkeCluster:LkeCluster"
    urn = f"urn:pulumi:test::fleet::fleet:index:Fleet$fleet:lke:Cluster${kind}::{name}-cluster"
    monkeypatch.setitem(STATE, urn, {"type": kind, "outputs": {"k8sVersion": "1.35"} | outputs})


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_every_checked_in_stack_can_be_planned(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    graph = run_program(monkeypatch, stack(name))
    assert len(graph.of_type("linode:index/lkeCluster:LkeCluster")) == 4


def test_what_linode_does_not_offer_stops_the_program_before_anything_is_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = fleet_of(1)
    config["clusters"]["m0"]["region"] = "mars-north"
    with pytest.raises(ConfigError, match="'mars-north' is not a region with LKE"):
        run_program(monkeypatch, config)


def test_a_region_without_lke_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    config = fleet_of(1)
    config["clusters"]["m0"]["region"] = "no-lke"
    with pytest.raises(ConfigError, match="'no-lke' is not a region with LKE"):
        run_program(monkeypatch, config)


def test_the_program_starts_from_what_the_last_update_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    config = fleet_of(1, layers=[])
    main = config["clusters"]["m0"]["pools"]["main"]
    config["clusters"]["m0"] |= {"region": "retired-north", "pools": {"batch": main, "main": main}}
    pools = [{"id": 5, "label": "main", "type": "g6-standard-2", "count": 1}]
    record(monkeypatch, "m0", region="retired-north", pools=pools)
    cluster = run_program(monkeypatch, config).one("linode:index/lkeCluster:LkeCluster", "m0-cluster")
    assert [pool["label"] for pool in cluster.plain()["pools"]] == ["main", "batch"]


def test_an_autoscaler_s_nodes_are_counted_at_linode_before_anything_is_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = fleet_of(1, layers=[])
    config["clusters"]["m0"]["pools"]["main"] = {"type": "g6-standard-2", "autoscaler": {"min": 1, "max": 5}}
    pool = {"id": 5, "label": "main", "type": "g6-standard-2", "count": 1}
    record(monkeypatch, "m0", id="77", pools=[pool])
    grown = pool | {"count": 4, "nodes": []}
    monkeypatch.setitem(LIVE, 77, {"id": 77, "label": "m0-x4f2", "k8sVersion": "1.35", "pools": [grown]})
    cluster = run_program(monkeypatch, config).one("linode:index/lkeCluster:LkeCluster", "m0-cluster")
    assert [pool["count"] for pool in cluster.plain()["pools"]] == [4]


@pytest.fixture
def only_reading(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The config of a cluster whose one recorded node an autoscaler has made four, seen by a token that only reads."""

    def refused(**_: Any) -> None:
        raise RuntimeError(
            "invoke of linode:index/getLkeCluster:getLkeCluster failed: [401] Your OAuth token is not authorized"
        )

    config = fleet_of(1, layers=[])
    config["clusters"]["m0"]["pools"]["main"] = {"type": "g6-standard-2", "autoscaler": {"min": 1, "max": 5}}
    record(monkeypatch, "m0", id="77", pools=[{"id": 5, "label": "main", "type": "g6-standard-2", "count": 1}])
    monkeypatch.setitem(LIVE, 77, {"id": 77, "label": "m0-x4f2", "k8sVersion": "1.35"})
    monkeypatch.setattr(linode, "get_lke_cluster", refused)
    for number in range(4):
        monkeypatch.setitem(INSTANCES, f"lke77-5-{number:04x}", 500 + number)
    monkeypatch.setitem(INSTANCES, "lke77-6-0000", 600)
    monkeypatch.setitem(INSTANCES, "lke177-5-0000", 700)
    return config


def test_a_token_that_only_reads_counts_a_pool_s_nodes_by_the_labels_of_linodes(
    monkeypatch: pytest.MonkeyPatch, only_reading: dict[str, Any]
) -> None:
    graph = run_program(monkeypatch, only_reading)
    cluster = graph.one("linode:index/lkeCluster:LkeCluster", "m0-cluster")
    assert [pool["count"] for pool in cluster.plain()["pools"]] == [4]

    only_reading["clusters"]["m0"]["pools"]["main"] = {"type": "g6-standard-2", "count": 2}
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    run_program(monkeypatch, only_reading)
    assert "m0: pool main has 4 nodes, and main gets 2" in warned, "a review has to tell that nodes are lost"


def test_a_token_that_reads_no_linodes_either_leaves_what_was_last_given(
    monkeypatch: pytest.MonkeyPatch, only_reading: dict[str, Any]
) -> None:
    def refused(**_: Any) -> None:
        raise RuntimeError("[401] Your OAuth token is not authorized")

    monkeypatch.setattr(linode, "get_instances", refused)
    cluster = run_program(monkeypatch, only_reading).one("linode:index/lkeCluster:LkeCluster", "m0-cluster")
    assert [pool["count"] for pool in cluster.plain()["pools"]] == [1]


@pytest.mark.usefixtures("only_reading")
def test_an_update_whose_token_is_not_told_the_pools_is_refused_with_the_right_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    clusters = mock.Mock(lke_clusters=[mock.Mock(id=77, k8s_version="1.35")])
    monkeypatch.setattr(linode, "get_lke_clusters", lambda: clusters)
    with pytest.raises(pulumi.RunError, match=r"^cluster 'm0': .*LINODE_TOKEN lacks Kubernetes: read/write.*\[401\]"):
        fetch_clusters({"m0": 77})


def test_another_trouble_with_a_cluster_s_pools_is_no_matter_of_rights() -> None:
    assert untold("m0", "[500] Internal error") == (
        "cluster 'm0': Linode does not tell its pools, whose nodes an update must not take away: [500] Internal error"
    )


def test_a_config_error_is_a_message_and_no_traceback() -> None:
    assert issubclass(ConfigError, pulumi.RunError), "the language host prints a RunError's message alone"


def test_a_step_that_does_not_follow_from_what_is_deployed_stops_the_program_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = fleet_of(1)
    config["clusters"]["m0"] |= {"region": "mars-north", "kubernetesVersion": "1.35"}
    config["clusters"]["manager"]["kubernetesVersion"] = "1.35"
    record(monkeypatch, "m0", k8sVersion="1.34")
    record(monkeypatch, "manager", k8sVersion="1.33")
    with pytest.raises(ConfigError) as caught:
        run_program(monkeypatch, config)
    assert [error.split(": ")[0] for error in caught.value.errors] == [
        "clusters.m0.region",
        "clusters.manager.kubernetesVersion",
        "clusters.manager.kubernetesVersion",
    ], "one report for what Linode does not offer, what cannot come next, and what cannot come at once"
