"""Claims about the program as the engine runs it: config in, checks, outputs, exit."""

import json
import runpy
from typing import Any

import pulumi
import pytest

from fleet.config import ConfigError
from tests.unit.configs import ROOT, fleet_of, stack
from tests.unit.graph import OUTPUTS, Engine, Graph, Recorder, Stage, own_event_loop


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
    pools = [{"name": "main", "type": "g6-standard-2"}]
    there = {"name": "m0", "version": "1.35", "region": "retired-north", "pools": pools}
    monkeypatch.setitem(OUTPUTS, "clusters", [there])
    cluster = run_program(monkeypatch, config).one("linode:index/lkeCluster:LkeCluster", "m0-cluster")
    assert [pool["label"] for pool in cluster.plain()["pools"]] == ["main", "batch"]


def test_a_config_error_is_a_message_and_no_traceback() -> None:
    assert issubclass(ConfigError, pulumi.RunError), "the language host prints a RunError's message alone"


def test_a_step_that_does_not_follow_from_what_is_deployed_stops_the_program_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = fleet_of(1)
    config["clusters"]["m0"] |= {"region": "mars-north", "kubernetesVersion": "1.35"}
    config["clusters"]["manager"]["kubernetesVersion"] = "1.35"
    there = [{"name": "m0", "version": "1.34"}, {"name": "manager", "version": "1.33"}]
    monkeypatch.setitem(OUTPUTS, "clusters", there)
    with pytest.raises(ConfigError) as caught:
        run_program(monkeypatch, config)
    assert [error.split(": ")[0] for error in caught.value.errors] == [
        "clusters.m0.region",
        "clusters.manager.kubernetesVersion",
        "clusters.manager.kubernetesVersion",
    ], "one report for what Linode does not offer, what cannot come next, and what cannot come at once"
