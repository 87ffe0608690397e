"""What an update waited for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.critical_path import Step, critical_path, steps, waits_for

if TYPE_CHECKING:
    from pathlib import Path


def urn(name: str) -> str:
    return f"urn:pulumi:s::p::a:b:C$kubernetes:apps/v1:Deployment::{name}"


def step(name: str, began: float, ended: float) -> Step:
    return Step(urn=urn(name), began=began, ended=ended)


def test_steps_begin_and_end_when_the_engine_says_so(tmp_path: Path) -> None:
    events = [
        {"timestamp": 100, "preludeEvent": {}},
        {"timestamp": 103, "resourcePreEvent": {"metadata": {"urn": urn("a")}}},
        {"timestamp": 110, "resOutputsEvent": {"metadata": {"urn": urn("a")}}},
    ]
    file = tmp_path / "events.json"
    file.write_text("\n".join(json.dumps(event) for event in events))
    assert steps(file) == {urn("a"): step("a", 3.0, 10.0)}
    assert step("a", 3.0, 10.0).name == "a (Deployment)"


def test_the_path_leads_through_what_ended_last_before_each_began() -> None:
    taken = {each.urn: each for each in (step("a", 0, 9), step("b", 0, 4), step("c", 9, 12), step("d", 0, 30))}
    before = {urn("c"): {urn("a"), urn("b"), urn("d")}, urn("a"): {"a component, which takes no time"}}
    assert [link.urn for link in critical_path(taken, before, urn("c"))] == [urn("a"), urn("c")]


def test_a_resource_waits_for_data_order_and_its_provider() -> None:
    provider = "urn:pulumi:s::p::pulumi:providers:kubernetes::eu-provider"
    resource = {
        "urn": urn("c"),
        "dependencies": [urn("a")],
        "propertyDependencies": {"spec": [urn("b")], "metadata": None},
        "provider": f"{provider}::0001",
    }
    assert waits_for([resource]) == {urn("c"): {urn("a"), urn("b"), provider}}
