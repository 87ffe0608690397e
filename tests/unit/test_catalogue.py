"""Claims about checking the config against what Linode offers."""

import copy
from typing import Any

import pytest

from fleet.config.reader import parse
from fleet.deployed import Deployed
from fleet.lke.catalogue import Catalogue, errors
from tests.unit.configs import fleet_of

OFFERED = Catalogue(
    regions={"eu-west": frozenset({"Kubernetes"}), "us-west": frozenset({"Kubernetes", "Premium Plans"})},
    types={
        "g6-standard-2": "standard",
        "g6-standard-4": "standard",
        "g6-nanode-1": "nanode",
        "g7-premium-2": "premium",
        "g1-gpu-rtx6000-1": "gpu",
    },
    kubernetes_versions=frozenset({"1.34", "1.35"}),
)
NOTHING = Deployed()


def test_what_linode_offers_is_accepted() -> None:
    assert errors(parse(fleet_of(2)), OFFERED, NOTHING) == []


def test_what_linode_does_not_offer_is_reported_at_once_with_hints() -> None:
    raw = copy.deepcopy(fleet_of(2))
    raw["clusters"]["m0"]["region"] = "eu-wset"
    raw["clusters"]["m1"]["pools"]["main"]["type"] = "g6-standard-3"
    raw["clusters"]["manager"]["kubernetesVersion"] = "1.33"
    assert sorted(errors(parse(raw), OFFERED, NOTHING)) == [
        "clusters.m0.region: 'eu-wset' is not a region with LKE; did you mean eu-west, us-west?",
        "clusters.m1.pools.main.type: 'g6-standard-3' is not a node type; did you mean g6-standard-4, g6-standard-2?",
        "clusters.manager.kubernetesVersion: '1.33' is not a Kubernetes version of LKE; did you mean 1.35, 1.34?",
    ]


def test_without_anything_close_the_hint_lists_what_there_is() -> None:
    raw = fleet_of(1)
    raw["clusters"]["m0"]["region"] = "mars"
    [error] = errors(parse(raw), OFFERED, NOTHING)
    assert "Linode offers eu-west, us-west" in error


@pytest.mark.parametrize(
    ("kind", "region", "wrong"),
    [
        ("g6-nanode-1", "eu-west", "is too small for LKE; did you mean g6-standard-4, g6-standard-2?"),
        (
            "g7-premium-2",
            "eu-west",
            "takes a region with Premium Plans, and eu-west has none; take another type, or one of the regions us-west",
        ),
        ("g1-gpu-rtx6000-1", "us-west", "takes a region with GPU Linodes, and us-west has none; take another type"),
    ],
)
def test_a_type_that_nodes_in_the_region_cannot_have_is_refused_with_the_reason(
    kind: str, region: str, wrong: str
) -> None:
    raw = copy.deepcopy(fleet_of(1))
    raw["clusters"]["m0"] |= {"region": region, "pools": {"main": {"type": kind, "count": 1}}}
    assert errors(parse(raw), OFFERED, NOTHING) == [f"clusters.m0.pools.main.type: {kind!r} {wrong}"]


def test_a_type_is_accepted_where_the_region_has_it() -> None:
    raw = copy.deepcopy(fleet_of(1))
    raw["clusters"]["m0"] |= {"region": "us-west", "pools": {"main": {"type": "g7-premium-2", "count": 1}}}
    assert errors(parse(raw), OFFERED, NOTHING) == []


def test_of_a_region_that_there_is_not_nothing_else_is_said() -> None:
    raw = copy.deepcopy(fleet_of(1))
    raw["clusters"]["m0"] |= {"region": "mars", "pools": {"main": {"type": "g7-premium-2", "count": 1}}}
    assert [error.split(":")[0] for error in errors(parse(raw), OFFERED, NOTHING)] == ["clusters.m0.region"]


RETIRED = Catalogue(
    regions={"us-west": frozenset({"Kubernetes"})},
    types={"g7-standard-2": "standard"},
    kubernetes_versions=frozenset({"1.36"}),
)
"""What Linode offers when it has retired everything that a fleet was made of."""


def running(**m0: Any) -> Deployed:
    """Three clusters as the config has them, the member m0 with something else."""
    there = {"region": "eu-west", "version": "1.35", "pools": [{"name": "main", "type": "g6-standard-2"}]}
    clusters = [{"name": name, **there} for name in ("manager", "m0", "m1")]
    clusters[1] |= m0
    return Deployed.model_validate({"clusters": clusters})


def test_what_linode_has_retired_stops_no_cluster_that_runs_with_it() -> None:
    assert errors(parse(fleet_of(2)), RETIRED, running()) == [], "its certificates could not be renewed"


@pytest.mark.parametrize(
    ("m0", "key"),
    [
        ({"version": "1.34"}, "clusters.m0.kubernetesVersion"),
        ({"region": "us-west"}, "clusters.m0.region"),
        ({"pools": [{"name": "main", "type": "g6-standard-4"}]}, "clusters.m0.pools.main.type"),
        ({"pools": [{"name": "other", "type": "g6-standard-2"}]}, "clusters.m0.pools.main.type"),
    ],
)
def test_what_linode_has_retired_cannot_be_ordered_anew(m0: dict[str, Any], key: str) -> None:
    raw = fleet_of(2)
    raw["clusters"]["m0"]["kubernetesVersion"] = "1.35"
    assert [error.split(":")[0] for error in errors(parse(raw), RETIRED, running(**m0))] == [key]


def test_a_cluster_without_a_version_keeps_one_that_linode_has_retired() -> None:
    assert errors(parse(fleet_of(2)), RETIRED, running(version="1.33")) == [], "the default of new clusters is not its"


def test_a_new_cluster_of_a_retired_version_is_refused_although_others_run_it() -> None:
    found = errors(parse(fleet_of(3)), RETIRED, running())
    assert {error.split(".")[1] for error in found} == {"m2"}
