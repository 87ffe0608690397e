"""Claims about which Kubernetes version a cluster gets, and that clusters go up one after the other."""

from collections.abc import Mapping
from typing import Any

import pytest

from fleet.config.reader import parse
from fleet.deployed import Deployed
from fleet.upgrades import errors
from tests.unit.configs import fleet_of
from tests.unit.graph import build

MEMBERS = ("m0", "m1", "m2")


def fleet(entries: Mapping[str, str] | None = None, **sections: Any) -> dict[str, Any]:
    """A manager and three members, with a version in the entries of some."""
    raw = fleet_of(3, **sections)
    for name, version in (entries or {}).items():
        raw["clusters"][name]["kubernetesVersion"] = version
    return raw


def runs(*names: str, version: str = "1.34", **others: str) -> dict[str, Any]:
    """What the last update deployed: clusters of one version, and some of others."""
    return {"clusters": [{"name": name, "version": v} for name, v in (dict.fromkeys(names, version) | others).items()]}


def refused(raw: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return errors(parse(raw), Deployed.model_validate(now))


def versions_of(raw: dict[str, Any], now: dict[str, Any]) -> dict[str, str]:
    clusters = build(raw | {"layers": []}, deployed=now).of_type("linode:index/lkeCluster:LkeCluster")
    return {cluster.name.removesuffix("-cluster"): cluster.plain()["k8sVersion"] for cluster in clusters}


EVERYBODY = ("manager", *MEMBERS)


@pytest.mark.parametrize("versions", [{}, {"kubernetes": "1.35"}, {"kubernetes": "1.33"}])
def test_a_cluster_without_a_version_keeps_the_one_that_it_runs(versions: dict[str, str]) -> None:
    raw, now = fleet(versions=versions), runs(*EVERYBODY, version="1.34")
    assert refused(raw, now) == [], "another default recycles nobody"
    assert versions_of(raw, now) == dict.fromkeys(EVERYBODY, "1.34")


def test_a_new_cluster_gets_the_version_of_new_clusters() -> None:
    raw = fleet(versions={"kubernetes": "1.33"})
    assert versions_of(raw, runs("manager", "m0", "m1")) == dict.fromkeys(("manager", "m0", "m1"), "1.34") | {
        "m2": "1.33"
    }
    assert versions_of(raw, {}) == dict.fromkeys(EVERYBODY, "1.33")


def test_an_entry_goes_before_what_runs_and_can_be_dropped_once_it_does() -> None:
    now = runs(*EVERYBODY)
    raised = versions_of(fleet({"m1": "1.35"}), now)
    assert raised == dict.fromkeys(EVERYBODY, "1.34") | {"m1": "1.35"}
    later = runs(**raised)
    assert versions_of(fleet(), later) == raised


@pytest.mark.parametrize("name", EVERYBODY)
def test_one_cluster_may_go_up_in_an_update(name: str) -> None:
    assert refused(fleet({name: "1.35"}), runs(*EVERYBODY)) == []


def test_a_second_one_is_refused_with_the_order_to_follow() -> None:
    found = refused(fleet(dict.fromkeys(("m2", "manager", "m0"), "1.35")), runs(*EVERYBODY))
    assert found == [
        f"clusters.{name}.kubernetesVersion: '1.35' recycles every node in the update that recycles those of 'm0'; "
        "keep '1.34', and raise one cluster an update, members first and the manager last: m0, m2, manager"
        for name in ("m2", "manager")
    ]


def test_the_order_that_is_told_is_allowed_step_by_step() -> None:
    raw, now = fleet(), runs(*EVERYBODY)
    for name in ("m0", "m1", "m2", "manager"):
        raw["clusters"][name]["kubernetesVersion"] = "1.35"
        assert refused(raw, now) == []
        now = runs(**versions_of(raw, now))
    assert versions_of(fleet(), now) == dict.fromkeys(EVERYBODY, "1.35")


def test_what_goes_up_already_and_what_is_made_anew_recycles_nobody() -> None:
    raw = fleet(dict.fromkeys(EVERYBODY, "1.35"))
    assert refused(raw, runs("manager", "m0", version="1.35", m1="1.34")) == [], "m2 is new"
    assert refused(raw, {}) == []


def test_an_update_that_broke_off_is_run_again_with_the_same_config() -> None:
    """Only what runs counts, so that what has not gone up yet goes up alone again."""
    raw, now = fleet({"m0": "1.35"}), runs(*EVERYBODY)
    assert refused(raw, now) == refused(raw, runs("manager", "m1", "m2", m0="1.35")) == []


def test_a_version_that_is_kept_has_to_go_with_what_runs_in_the_cluster() -> None:
    found = refused(fleet(), runs(*EVERYBODY, version="1.31"))
    assert found == [
        f"clusters.{name}.kubernetesVersion: '1.31' is not supported by istio 1.31.0; "
        "take one of 1.32, 1.33, 1.34, 1.35, 1.36"
        for name in MEMBERS
    ], "and the manager is not in the mesh"


def test_the_version_of_new_clusters_has_to_suit_new_clusters_alone() -> None:
    raw = fleet(versions={"kubernetes": "1.36"})
    assert refused(raw, runs(*EVERYBODY)) == []
    [error] = refused(raw, runs("manager", "m0", "m1"))
    assert error.startswith("clusters.m2.kubernetesVersion: '1.36' is not supported by karmada v1.18.2; take one of")


def test_an_expelled_member_keeps_its_version_whatever_the_others_run() -> None:
    raw = fleet()
    raw["clusters"]["m2"]["expelled"] = True
    assert refused(raw, runs("manager", "m0", "m1", m2="1.31")) == []
