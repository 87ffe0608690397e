"""What an update waited for."""

from __future__ import annotations

from graphlib import CycleError

import pytest

from bench.critical_path import Step, critical_path, steps, waited_for, waits_for
from bench.event_log import Event


def urn(name: str) -> str:
    return f"urn:pulumi:s::p::a:b:C$kubernetes:apps/v1:Deployment::{name}"


def step(name: str, began: float, ended: float) -> Step:
    return Step(urn=urn(name), began=began, ended=ended)


def by_urn(*some: Step) -> dict[str, Step]:
    return {each.urn: each for each in some}


def custom(name: str, **others: object) -> dict[str, object]:
    return {"urn": urn(name), "custom": True, **others}


def test_steps_begin_and_end_when_the_engine_said_so() -> None:
    events = [
        Event(seconds=0.0, told={"preludeEvent": {}}),
        Event(seconds=3.25, told={"resourcePreEvent": {"metadata": {"urn": urn("a")}}}),
        Event(seconds=10.5, told={"resOutputsEvent": {"metadata": {"urn": urn("a")}}}),
    ]
    assert steps(events) == {urn("a"): step("a", 3.25, 10.5)}
    assert step("a", 3.25, 10.5).name == "a (Deployment)"


def test_each_link_of_what_was_waited_for_is_the_dependency_that_was_there_last() -> None:
    taken = by_urn(step("a", 0, 9), step("b", 0, 4), step("c", 9, 12), step("d", 0, 30))
    before = {urn("c"): {urn("a"), urn("b")}}
    assert [link.urn for link in waited_for(taken, before, urn("c"))] == [urn("a"), urn("c")]


def test_the_critical_path_sums_up_the_links_own_time_and_nothing_between_them() -> None:
    taken = by_urn(step("a", 1, 4), step("b", 6, 8), step("c", 20, 21))
    before = {urn("a"): set[str](), urn("b"): {urn("a")}, urn("c"): {urn("b")}}
    assert critical_path(taken, before, urn("c")) == pytest.approx(3 + 2 + 1)


def test_the_critical_path_is_the_longest_chain_and_not_what_ended_last() -> None:
    # b ended last only because it began late; the chain through a and its long step needs more time.
    taken = by_urn(step("a", 0, 10), step("b", 11, 12), step("c", 12, 14), step("elsewhere", 0, 99))
    before = {urn("a"): set[str](), urn("b"): set[str](), urn("c"): {urn("a"), urn("b")}, urn("elsewhere"): set[str]()}
    assert critical_path(taken, before, urn("c")) == pytest.approx(10 + 2)
    assert [link.urn for link in waited_for(taken, before, urn("c"))] == [urn("b"), urn("c")]


def test_a_resource_that_the_update_did_not_touch_takes_no_time_but_leads_to_what_did() -> None:
    taken = by_urn(step("a", 0, 5), step("c", 5, 6))
    before = {urn("a"): set[str](), urn("untouched"): {urn("a")}, urn("c"): {urn("untouched")}}
    assert critical_path(taken, before, urn("c")) == pytest.approx(5 + 1)


def test_a_circle_of_dependencies_is_an_error() -> None:
    with pytest.raises(CycleError):
        critical_path({}, {urn("a"): {urn("b")}, urn("b"): {urn("a")}}, urn("a"))


def test_a_resource_waits_for_data_order_and_its_provider_but_for_no_component() -> None:
    provider = "urn:pulumi:s::p::pulumi:providers:kubernetes::eu-provider"
    resource = custom(
        "c",
        dependencies=[urn("a"), urn("component")],
        propertyDependencies={"spec": [urn("b")], "metadata": None},
        provider=f"{provider}::0001",
    )
    component = {"urn": urn("component"), "custom": False}
    others = [custom("a"), custom("b"), {"urn": provider, "custom": True}, component]
    found = waits_for([*others, resource])
    assert found[urn("c")] == {urn("a"), urn("b"), provider}
    assert urn("component") not in found
