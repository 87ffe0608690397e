"""Claims about checking the config against what Linode offers."""

import copy

from fleet.catalogue import Catalogue, errors
from fleet.config import parse
from tests.unit.configs import fleet_of

OFFERED = Catalogue(
    regions=frozenset({"eu-west", "us-west"}),
    types=frozenset({"g6-standard-2", "g6-standard-4"}),
    kubernetes_versions=frozenset({"1.34", "1.35"}),
)


def test_what_linode_offers_is_accepted() -> None:
    assert errors(parse(fleet_of(2)), OFFERED) == []


def test_what_linode_does_not_offer_is_reported_at_once_with_hints() -> None:
    raw = copy.deepcopy(fleet_of(2))
    raw["clusters"]["m0"]["region"] = "eu-wset"
    raw["clusters"]["m1"]["pools"]["main"]["type"] = "g6-standard-3"
    raw["clusters"]["manager"]["kubernetesVersion"] = "1.33"
    assert sorted(errors(parse(raw), OFFERED)) == [
        "clusters.m0.region: 'eu-wset' is not a region with LKE; did you mean eu-west, us-west?",
        "clusters.m1.pools.main.type: 'g6-standard-3' is not a node type; did you mean g6-standard-4, g6-standard-2?",
        "clusters.manager.kubernetesVersion: '1.33' is not a Kubernetes version of LKE; did you mean 1.35, 1.34?",
    ]


def test_without_anything_close_the_hint_lists_what_there_is() -> None:
    raw = fleet_of(1)
    raw["clusters"]["m0"]["region"] = "mars"
    [error] = errors(parse(raw), OFFERED)
    assert "Linode offers eu-west, us-west" in error
