"""The page about a running fleet, from what was found to what is read."""

from __future__ import annotations

import dataclasses
import io
from collections import Counter
from pathlib import Path

from rich.console import Console

from operations.claims import ANSWERED, NO_ANSWER, Claim
from sandbox.verify.page import ClusterView, FleetView, page
from tests.article import CALL

HOLDS = Claim(text="every member has joined", holds=True, evidence="eu Pull True")
WRONG = Claim(text="the ingress of eu answers", holds=False, evidence="http://203.0.113.4 by no answer")


def member(name: str, region: str, number: int) -> ClusterView:
    return ClusterView(
        name=name,
        region=region,
        network=f"network-{name}",
        version="v1.35.4",
        nodes=2,
        ready_nodes=2,
        agent="Pull, Ready",
        replicas={"hello": number, "sleep": 1},
        node_addresses=(f"198.51.100.{number}",),
        east_west_gateway=f"203.0.113.{number}",
        ingress=f"203.0.113.{number + 10}",
    )


MANAGER = ClusterView(
    name="cluster-manager",
    region="eu-west",
    network=None,
    version="v1.35.4",
    nodes=1,
    ready_nodes=0,
    agent=None,
    replicas={},
    node_addresses=("198.51.100.9",),
    east_west_gateway=None,
    ingress=None,
)
FLEET = FleetView(
    sandbox="local",
    workloads=("hello", "sleep"),
    clusters=(MANAGER, member("eu", "eu-west", 2), member("us", "us-west", 3)),
    calls={CALL: {"eu": Counter({"eu-west": 100}), "us": Counter({"eu-west": 40, "us-west": 60})}},
    karmada_endpoint="https://198.51.100.9:32443",
    kubeconfigs=Path("/var/lib/fleet/local/kubeconfigs"),
    checked=(HOLDS,),
)


def lines(view: FleetView) -> list[str]:
    shown = io.StringIO()
    Console(file=shown, width=140).print(page(view))
    return [" ".join(line.split()) for line in shown.getvalue().splitlines()]


def test_a_cluster_is_shown_with_its_agent_and_its_replicas() -> None:
    shown = lines(FLEET)
    assert "us us-west network-us v1.35.4 2 of 2 Pull, Ready 3 1" in shown
    assert "cluster-manager eu-west - v1.35.4 0 of 1 - - -" in shown
    assert "replicas 5 2" in shown


def test_the_matrix_says_who_was_answered_by_which_region() -> None:
    shown = lines(FLEET)
    assert "calls of hello by sleep from answered by eu-west answered by us-west" in shown
    assert "eu (eu-west) 100 0" in shown
    assert "us (us-west) 40 60" in shown


def test_calls_without_an_answer_have_a_column_of_their_own() -> None:
    shown = lines(dataclasses.replace(FLEET, calls={CALL: {"eu": Counter({"eu-west": 97, NO_ANSWER: 3})}}))
    assert "calls of hello by sleep from answered by eu-west answered by us-west no answer" in shown
    assert "eu (eu-west) 97 0 3" in shown
    assert "us (us-west) - - -" in shown, "a member that has nobody to call with shows no figures"


def test_what_does_not_say_its_region_is_counted_all_the_same() -> None:
    shown = lines(dataclasses.replace(FLEET, calls={CALL: {"eu": Counter({ANSWERED: 98, NO_ANSWER: 2})}}))
    assert "calls of hello by sleep from answered by whoever was near no answer" in shown
    assert "eu (eu-west) 98 2" in shown


def test_addresses_are_ready_to_be_used() -> None:
    shown = lines(FLEET)
    assert "eu 198.51.100.2 203.0.113.2:15443 http://203.0.113.12/" in shown
    assert "Karmada's API: https://198.51.100.9:32443" in shown
    assert any("/var/lib/fleet/local/kubeconfigs/" in line for line in shown)


def test_the_headline_counts_the_claims_that_hold() -> None:
    assert lines(FLEET)[0] == "The fleet is up: 3 clusters in 2 regions; all 1 claims about it hold"


def test_a_claim_that_does_not_hold_is_on_the_page_with_its_evidence() -> None:
    shown = lines(dataclasses.replace(FLEET, checked=(HOLDS, WRONG)))
    assert shown[0] == "The fleet is up: 3 clusters in 2 regions; 1 of 2 claims do not hold:"
    assert shown[1] == "WRONG the ingress of eu answers: http://203.0.113.4 by no answer"


def test_the_last_thing_is_how_to_stop() -> None:
    assert lines(FLEET)[-1] == "make down all of this gone again"
    assert lines(dataclasses.replace(FLEET, sandbox="other"))[-1] == "make down NAME=other all of this gone again"


def test_a_fleet_without_karmada_and_mesh_has_a_page_too() -> None:
    bare = dataclasses.replace(FLEET, clusters=(MANAGER,), calls={}, karmada_endpoint=None, checked=())
    assert lines(bare)[0] == "The fleet is up: 1 clusters in 1 regions"
