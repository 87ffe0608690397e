"""Claims about rebalancing: what is placed anew when a member has returned, where, and how often."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.karmada_state import (
    DIVIDED,
    EU_AND_AP,
    GRACEFULLY,
    RECORD,
    THREE,
    State,
    ago,
    binding,
    leaving,
    left,
    lost_us,
    member,
    places,
    silent,
    with_failover,
)

WEIGHTED = DIVIDED
AS_FREE = {
    "replicaScheduling": DIVIDED["replicaScheduling"] | {"weightPreference": {"dynamicWeight": "AvailableReplicas"}}
}
ONE_MEMBER = {"spreadConstraints": [{"spreadByField": "cluster", "maxGroups": 1}]}
US_IS_BACK = (*EU_AND_AP, member("us", seconds=310))


def away(
    now: dict[str, int | None], placement: dict[str, Any] = WEIGHTED, *, home: tuple[str, ...], **replicas: int | None
) -> dict[str, Any]:
    """A binding that has left members for others, as the job has marked it."""
    found = binding(now, placement)
    found["metadata"]["labels"]["fleet/evicted"] = ""
    record = json.dumps({"home": home, "left": replicas})
    found["metadata"]["annotations"] = {RECORD: record, "policy.karmada.io/applied-placement": "{}"}
    return found


def web() -> dict[str, Any]:
    """One that had one replica everywhere, and has left us."""
    return away({"eu": 2, "ap": 1}, home=("eu", "ap", "us"), us=1)


def test_what_left_is_divided_anew_once_its_member_has_been_ready_for_as_long() -> None:
    assert left(lost_us(binding(THREE)).after()) == {"us": 1}
    assert State(members=[*EU_AND_AP, member("us", seconds=290)], bindings=[web()]).patches() == []
    after = State(members=US_IS_BACK, bindings=[web()]).after()
    assert after["spec"]["rescheduleTriggeredAt"] >= ago(5), "weights may be others by now"
    assert left(after) == {}, "once is enough"
    assert after["metadata"]["annotations"] == {"policy.karmada.io/applied-placement": "{}"}


def test_by_weights_a_member_that_took_over_keeps_what_it_runs_until_karmada_has_divided_anew() -> None:
    after = State(members=US_IS_BACK, bindings=[away({"eu": 1}, home=("us",), us=1)]).after()
    assert places(after) == {"eu": 1, "us": 1}
    assert after["spec"]["rescheduleTriggeredAt"]


def test_a_member_that_karmada_has_given_some_by_itself_is_not_named_twice() -> None:
    found = away({"ap": 1, "us": 1}, AS_FREE, home=("ap", "us"), us=2)
    assert State(members=US_IS_BACK, bindings=[found]).after()["spec"]["clusters"] == found["spec"]["clusters"]


def test_what_never_left_is_left_in_peace() -> None:
    assert State(members=US_IS_BACK, bindings=[binding(THREE)]).patches() == []


@pytest.mark.parametrize("placement", [ONE_MEMBER, AS_FREE])
def test_where_karmada_chose_the_place_home_is_where_it_was(placement: dict[str, Any]) -> None:
    evicted = lost_us(binding({"us": 2}, placement)).after()
    evicted["spec"] |= {"clusters": [{"name": "ap", "replicas": 2}], "gracefulEvictionTasks": []}
    after = State(members=US_IS_BACK, bindings=[evicted]).after()
    assert places(after) == {"us": 2}
    assert "rescheduleTriggeredAt" not in after["spec"], "it would be placed by what is free now"


def test_an_object_without_replicas_comes_home_without_any() -> None:
    found = with_failover(binding({"us": None}, ONE_MEMBER, kind="Service"), GRACEFULLY)
    evicted = lost_us(found).after()
    evicted["spec"] |= {"clusters": [{"name": "ap"}], "gracefulEvictionTasks": []}
    assert State(members=US_IS_BACK, bindings=[evicted]).after()["spec"]["clusters"] == [{"name": "us"}]


def test_a_member_that_the_policy_does_not_allow_any_more_gets_nothing_back() -> None:
    found = away({"ap": 2}, ONE_MEMBER | {"clusterAffinity": {"exclude": ["us"]}}, home=("us",), us=2)
    after = State(members=US_IS_BACK, bindings=[found]).after()
    assert (places(after), left(after)) == ({"ap": 2}, {})


def test_a_member_that_is_still_being_left_takes_nothing_yet() -> None:
    found = web()
    found["spec"]["gracefulEvictionTasks"] = [
        {"fromCluster": "us", "reason": "ApplicationFailure", "producer": "another"},
    ]
    assert State(members=US_IS_BACK, bindings=[found]).patches() == []


def test_a_member_that_returns_before_its_replicas_run_elsewhere_keeps_them_at_once() -> None:
    evicted = lost_us(binding(THREE)).after()
    evicted["spec"]["clusters"] = [{"name": "eu", "replicas": 2}, {"name": "ap", "replicas": 1}]
    after = State(members=[*EU_AND_AP, member("us", seconds=5)], bindings=[evicted]).after()
    assert (places(after), leaving(after), left(after)) == ({"eu": 2, "ap": 1, "us": 1}, [], {})


def test_each_of_two_members_that_were_lost_gets_back_what_it_lost() -> None:
    found = away({"eu": 4}, AS_FREE, home=("ap", "us"), ap=2, us=2)
    one = State(members=[member("eu"), silent("ap"), member("us")], bindings=[found]).after()
    assert (places(one), left(one)) == ({"eu": 4, "us": 2}, {"ap": 2}), "eu runs what ap cannot run yet"
    both = State(members=[member("eu"), member("ap"), member("us")], bindings=[one]).after()
    assert (places(both), left(both)) == ({"us": 2, "ap": 2}, {})


def test_what_is_away_and_loses_another_of_its_members_comes_home_to_both() -> None:
    state = State(members=[member("eu"), silent("ap"), silent("us")], bindings=[web()])
    assert left(state.after()) == {"ap": 1, "us": 1}


def test_what_loses_the_member_that_took_over_still_comes_home_alone() -> None:
    found = away({"ap": 2}, ONE_MEMBER, home=("us",), us=2)
    after = State(members=[member("eu"), silent("ap"), silent("us")], bindings=[found]).after()
    assert (leaving(after), left(after)) == (["ap"], {"us": 2})


def test_a_member_that_is_no_more_is_forgotten() -> None:
    after = State(members=[*EU_AND_AP], bindings=[web()]).after()
    assert left(after) == {}
    assert after["spec"] == web()["spec"]


def test_of_groups_of_members_the_first_one_is_tried_again() -> None:
    groups = [{"affinityName": "first", "clusterNames": ["us"]}, {"affinityName": "second", "clusterNames": ["eu"]}]
    found = away({"eu": 1}, DIVIDED | {"clusterAffinities": groups}, home=("us",), us=1)
    found["status"]["schedulerObservingAffinityName"] = "second"
    ((flag, _),) = State(members=US_IS_BACK, bindings=[found]).patches()
    forgotten = State(members=US_IS_BACK, bindings=[found]).after()
    assert (flag, forgotten["status"]) == ("--subresource=status", {})
    assert left(forgotten) == {"us": 1}, "what is left to do is done a minute later"
    ((flag, _),) = State(members=US_IS_BACK, bindings=[forgotten]).patches()
    assert flag == "--subresource="


def test_where_the_config_says_so_nothing_is_marked_and_nothing_comes_home() -> None:
    after = lost_us(binding(THREE), come_home=False).after()
    assert (leaving(after), left(after)) == (["us"], {})
    assert State(members=US_IS_BACK, bindings=[web()], come_home=False).patches() == []


def test_what_karmada_could_place_nowhere_comes_home_all_the_same() -> None:
    found = away({}, ONE_MEMBER, home=("us",), us=2)
    del found["spec"]["clusters"]
    assert places(State(members=US_IS_BACK, bindings=[found]).after()) == {"us": 2}


def test_a_mark_that_somebody_has_broken_stops_no_other() -> None:
    broken = web()
    broken["metadata"]["annotations"][RECORD] = "us"
    assert len(State(members=US_IS_BACK, bindings=[broken, web()]).patches()) == 1
