"""Claims about the rule of failover: who is lost, what leaves, and what stays."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.karmada_state import (
    DIVIDED,
    EU_AND_AP,
    GRACEFULLY,
    THREE,
    UNREACHABLE,
    State,
    ago,
    binding,
    deployment,
    leaving,
    left,
    lost_us,
    member,
    places,
    silent,
    with_failover,
)

CLAIM = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}


def stays(found: dict[str, Any], **state: Any) -> bool:
    return lost_us(found, **state).patches() == []


# Who is lost.


def test_replicas_leave_a_lost_member_by_a_graceful_eviction() -> None:
    after = lost_us(binding(THREE)).after()
    assert places(after) == {"eu": 1, "ap": 1}, "Karmada divides anew, since replicas are missing"
    (task,) = after["spec"]["gracefulEvictionTasks"]
    since = silent("us")["status"]["conditions"][1]["lastTransitionTime"][:13]
    assert task.pop("message").startswith(f"us has not been ready since {since}")
    assert task == {
        "fromCluster": "us",
        "purgeMode": "Gracefully",
        "replicas": 1,
        "reason": "ClusterNotReady",
        "producer": "fleet:failover",
    }


def test_a_silence_shorter_than_the_toleration_moves_nothing() -> None:
    found = binding(THREE)
    assert State(members=[*EU_AND_AP, silent("us", seconds=290)], bindings=[found]).patches() == []
    assert State(members=[*EU_AND_AP, silent("us", seconds=310)], bindings=[found]).patches() != []


def test_a_member_that_says_itself_that_it_is_not_ready_is_lost_too() -> None:
    assert State(members=[*EU_AND_AP, member("us", ready="False")], bindings=[binding(THREE)]).patches() != []


def test_nobody_is_lost_where_all_are_silent() -> None:
    assert State(members=[silent("eu"), silent("ap"), silent("us")], bindings=[binding(THREE)]).patches() == []


@pytest.mark.parametrize(("seconds", "moves"), [(10, False), (310, False), (590, False), (610, True)])
def test_after_the_manager_was_away_agents_have_the_toleration_twice_to_come_back(seconds: int, *, moves: bool) -> None:
    members = [member("eu", seconds=seconds), silent("ap"), silent("us")]
    assert bool(State(members=members, bindings=[binding(THREE)]).patches()) == moves


def test_a_member_that_is_being_removed_is_neither_lost_nor_a_place_to_go() -> None:
    going = silent("us")
    going["metadata"]["deletionTimestamp"] = ago(10)
    assert State(members=[*EU_AND_AP, going], bindings=[binding(THREE)]).patches() == []
    leaving_too = member("eu")
    leaving_too["metadata"]["deletionTimestamp"] = ago(10)
    assert State(members=[leaving_too, silent("us")], bindings=[binding({"us": 1})]).patches() == []


# What stays.


def test_a_statefulset_stays() -> None:
    assert stays(binding(THREE, kind="StatefulSet"))


def test_a_deployment_whose_pods_mount_a_claim_stays() -> None:
    assert stays(binding(THREE), deployments=[deployment({"name": "tmp", "emptyDir": {}}, CLAIM)])
    assert not stays(binding(THREE), deployments=[deployment({"name": "tmp", "emptyDir": {}})])


def test_what_cannot_be_seen_to_hold_nothing_stays() -> None:
    assert stays(binding(THREE), deployments=[])
    assert stays(binding(THREE, kind="Job"))


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment", "PersistentVolumeClaim", "Flink"])
def test_what_holds_data_moves_where_its_policy_says_so(kind: str) -> None:
    found = with_failover(binding(THREE, kind=kind), GRACEFULLY)
    assert leaving(lost_us(found, deployments=[deployment(CLAIM)]).after()) == ["us"]
    of_pods_alone = with_failover(found, {"application": {"decisionConditions": {"tolerationSeconds": 60}}})
    assert stays(of_pods_alone, deployments=[deployment(CLAIM)])


def test_what_may_never_run_twice_stays_since_a_silent_member_cannot_say_that_it_has_ended() -> None:
    assert stays(with_failover(binding(THREE), {"cluster": {"purgeMode": "Directly"}}))


def test_an_object_that_all_members_have_stays() -> None:
    everywhere = with_failover(binding({"eu": None, "ap": None, "us": None}, kind="Service"), GRACEFULLY)
    assert stays(everywhere)
    assert stays(binding(THREE, {"replicaScheduling": {"replicaSchedulingType": "Duplicated"}}))
    assert stays(binding(THREE, {"clusterAffinity": {"clusterNames": ["eu", "ap", "us"]}})), "Duplicated is the default"


def test_an_object_that_one_member_of_several_has_moves_with_its_policy() -> None:
    one_of_three = {"spreadConstraints": [{"spreadByField": "cluster", "maxGroups": 1}]}
    assert leaving(lost_us(binding({"us": 2}, one_of_three)).after()) == ["us"]
    service = binding({"us": None}, one_of_three, kind="Service")
    assert stays(service), "what stays there may need it"
    assert places(lost_us(with_failover(service, GRACEFULLY)).after()) == {}


def test_a_dependency_goes_where_what_needs_it_goes() -> None:
    dependency = binding({}, kind="ConfigMap")
    del dependency["spec"]["placement"]
    dependency["spec"]["requiredBy"] = [{"name": "guest-deployment", "clusters": [{"name": "us", "replicas": 1}]}]
    assert stays(dependency), "Karmada's distributor moves it"


def test_what_tolerates_the_taint_of_a_lost_member_stays() -> None:
    def tolerating(toleration: dict[str, Any]) -> dict[str, Any]:
        return binding(THREE, DIVIDED | {"clusterTolerations": [toleration]})

    assert stays(tolerating({"operator": "Exists"})), "it would be placed there again"
    assert stays(tolerating({"key": UNREACHABLE["key"], "operator": "Exists", "effect": "NoSchedule"}))
    assert not stays(tolerating({"key": UNREACHABLE["key"], "operator": "Exists", "effect": "NoExecute"}))
    assert not stays(tolerating({"key": "maintenance", "operator": "Exists"}))
    assert not stays(tolerating({"key": UNREACHABLE["key"], "value": "yes"}))


def test_what_is_suspended_or_being_deleted_stays() -> None:
    found = binding(THREE)
    found["spec"]["suspension"] = {"scheduling": True}
    assert stays(found), "nobody would place it anew"
    found = binding(THREE)
    found["metadata"]["deletionTimestamp"] = ago(1)
    assert stays(found)


# Where it could go.


def to_us_or(**affinity: Any) -> dict[str, Any]:
    return binding({"us": 1}, DIVIDED | {"clusterAffinity": affinity})


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator} | ({"values": list(values)} if values else {})]}


NOWHERE: list[dict[str, Any]] = [
    {"clusterNames": ["us"]},
    {"exclude": ["eu", "ap"]},
    {"labelSelector": {"matchLabels": {"tier": "gold"}}},
    {"labelSelector": expression("topology.kubernetes.io/region", "NotIn", "us-west")},
    {"labelSelector": expression("tier", "Exists")},
    {"fieldSelector": expression("region", "In", "eu-west")},
    {"fieldSelector": expression("provider", "DoesNotExist")},
    {"fieldSelector": expression("zone", "Exists")},
]
SOMEWHERE: list[dict[str, Any]] = [
    {"clusterNames": ["us", "ap"]},
    {"exclude": ["eu"]},
    {"labelSelector": {"matchLabels": {"topology.kubernetes.io/region": "us-west"}}},
    {"labelSelector": expression("topology.kubernetes.io/region", "In", "us-west", "eu-west")},
    {"labelSelector": expression("tier", "DoesNotExist")},
    {"labelSelector": expression("tier", "NotIn", "gold")},
    {"fieldSelector": expression("provider", "In", "linode")},
    {"fieldSelector": expression("zone", "NotIn", "a")},
]


@pytest.mark.parametrize("affinity", NOWHERE)
def test_what_may_be_nowhere_else_stays(affinity: dict[str, Any]) -> None:
    assert stays(to_us_or(**affinity))


@pytest.mark.parametrize("affinity", SOMEWHERE)
def test_what_may_be_elsewhere_leaves(affinity: dict[str, Any]) -> None:
    assert places(lost_us(to_us_or(**affinity)).after()) == {}


def test_nothing_leaves_for_a_member_that_is_not_ready_itself() -> None:
    members = [member("eu"), silent("ap", seconds=20), silent("us")]
    assert State(members=members, bindings=[to_us_or(clusterNames=["us", "ap"])]).patches() == []


def test_nothing_leaves_for_a_member_that_it_is_just_leaving() -> None:
    found = to_us_or(clusterNames=["us", "ap"])
    found["spec"]["gracefulEvictionTasks"] = [
        {"fromCluster": "ap", "reason": "ApplicationFailure", "producer": "other"}
    ]
    assert stays(found)


def test_of_groups_of_members_the_later_ones_are_places_to_go() -> None:
    groups = [
        {"affinityName": "first", "clusterNames": ["us"]},
        {"affinityName": "second", "clusterNames": ["eu"]},
    ]
    found = binding({"us": 1}, DIVIDED | {"clusterAffinities": groups})
    assert leaving(lost_us(found).after()) == ["us"]
    groups.reverse()
    found["status"]["schedulerObservingAffinityName"] = "first"
    assert stays(found), "Karmada takes no earlier group again by itself"


def test_two_members_that_are_lost_together_are_left_together() -> None:
    state = State(members=[member("eu"), silent("ap"), silent("us")], bindings=[binding(THREE)])
    after = state.after()
    assert (places(after), leaving(after), left(after)) == ({"eu": 1}, ["ap", "us"], {"ap": 1, "us": 1})
    assert len(state.patches()) == 1


# What the job reads.


def test_at_rest_the_job_reads_the_members_and_what_is_marked() -> None:
    marked = "/apis/work.karmada.io/v1alpha2/resourcebindings?labelSelector=fleet%2Fevicted"
    assert State(members=[*EU_AND_AP, member("us")]).paths() == [marked]
    assert State(members=[*EU_AND_AP, member("us")], come_home=False).paths() == []
    assert State(members=[*EU_AND_AP, silent("us", seconds=60)]).paths() == [marked], "not lost yet"


def test_only_when_a_member_is_lost_it_reads_all_bindings_and_deployments() -> None:
    assert State(members=[*EU_AND_AP, silent("us")]).paths() == [
        "/apis/work.karmada.io/v1alpha2/resourcebindings",
        "/apis/apps/v1/deployments",
    ]
