"""Which calls the entries of a stack's config allow, and which they do not."""

from __future__ import annotations

import json

import pytest

from operations.claims import ANSWERED, NO_ANSWER, region
from operations.workloads import allowed, entries, refused

ENTRIES = entries(
    {
        "fleet:workloads": json.dumps(
            {
                "shop": {
                    "image": "shop",
                    "namespace": "shop",
                    "ports": {"http-b": 90, "http": 80},
                    "callers": ["cart"],
                },
                "cart": {"image": "cart", "namespace": "shop"},
                "till": {"image": "till", "ports": {"tcp": 70}, "callers": ["cart"]},
                "front": {"image": "front"},
            }
        ),
        "linode:url": "elsewhere",
    }
)


def test_an_entry_allows_its_callers_at_its_first_http_port() -> None:
    [call] = allowed(ENTRIES)
    assert (call.caller, call.called, call.port) == ("cart", "shop", 80)
    assert call.url == "shop:80", "a name alone is one of the caller's namespace"
    assert call.host == "shop.shop.svc.cluster.local"


def test_all_others_are_refused() -> None:
    assert {(call.caller, call.called) for call in refused(ENTRIES)} == {("front", "shop"), ("till", "shop")}
    assert {call.url for call in refused(ENTRIES)} == {"shop.shop:80"}


def test_a_stack_without_workloads_has_none() -> None:
    assert entries({}) == {}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('"REGION=us-west CLUSTER=us" STATUS=200', "us-west"),
        ("hello STATUS=200", ANSWERED),
        ("not here STATUS=404", ANSWERED),
        ("no healthy upstream STATUS=503", NO_ANSWER),
        ("RBAC: access denied STATUS=403", NO_ANSWER),
        ("curl: (28) timed out STATUS=000", NO_ANSWER),
        ("curl: not found", NO_ANSWER),
    ],
)
def test_an_answer_counts_whatever_it_says_unless_nobody_or_only_the_mesh_gave_it(answer: str, expected: str) -> None:
    assert region(answer) == expected
