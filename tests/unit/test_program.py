"""Claims about the program as the engine runs it: config in, checks, outputs, exit."""

import json
import runpy
from typing import Any

import pulumi
import pytest

from fleet.config import ConfigError
from tests.unit.configs import ROOT, fleet_of, stack
from tests.unit.graph import LIVE, STATE, Engine, Graph, Recorder, Stage, own_event_loop


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
