"""Workloads of one's own, added to a running fleet by config alone: called, refused, scaled and removed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from operations.claims import NO_ANSWER
from operations.workloads import Call
from sandbox.clusters.images.mesh import CURL_IMAGE
from sandbox.verify import mesh
from sandbox.verify.calls import calls
from sandbox.verify.commands import claims
from tests.article import HELLO, SLEEP, WORKLOADS
from tests.e2e.clients import eventually
from tests.e2e.running import CLAIMS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.verify.member import Member
    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged

PORT: Final = 8080
SHOP: Final[Mapping[str, Any]] = {
    "image": WORKLOADS[HELLO].image,
    "namespace": "shop",
    "ports": {"http": {"port": PORT, "target": 9898}},
    "env": {"PODINFO_UI_MESSAGE": "REGION=${region} CLUSTER=${member}"},
    "files": {"/etc/shop/app.toml": "title = 'Shop'"},
    "probes": {"ready": "/readyz", "live": "/healthz"},
    "callers": ["cart"],
    "ingress": {"hosts": ["shop.example"]},
    "disruption": {"maxUnavailable": 1},
}
CART: Final[Mapping[str, Any]] = {
    "image": CURL_IMAGE,
    "namespace": "shop",
    "command": ["/bin/sleep", "3650d"],
    "terminationGracePeriodSeconds": 0,
}
FROM_CART: Final = Call(caller="cart", caller_namespace="shop", called="shop", namespace="shop", port=PORT)
FROM_SLEEP: Final = Call(caller=SLEEP, caller_namespace="default", called="shop", namespace="shop", port=PORT)


def entries(fleet: Fleet, **changes: Any) -> dict[str, Any]:
    """Both, with a secret that the config has, and changes of the one that is called."""
    secret = next(iter(fleet.stack.hidden))
    return {"shop": {**SHOP, "secretEnv": {"PASSWORD": {"secret": secret}}, **changes}, "cart": CART}


def running(members: Mapping[str, Member]) -> dict[str, int]:
    """How many pods of the one that is called run in each member."""
    return {name: len(member.running("shop", "shop")) for name, member in members.items()}


def test_a_workload_of_ones_own_is_one_entry(fleet: Fleet, tmp_path: Path) -> None:
    fleet.configured()
    changes = fleet.stack.changes(workloads=entries(fleet))
    assert changes.keys() == {"create"}, "no resource of another changes"
    assert {name.partition(".")[0] for name in changes["create"]} == {"shop", "cart"}
    begun = time.monotonic()
    fleet.up(workloads=entries(fleet))
    print(f"two workloads are added in {time.monotonic() - begun:.1f} s")

    members = fleet.members
    for member in members.values():
        eventually(
            lambda member=member: set(calls(member, 5, FROM_CART)) == {member.region},  # type: ignore[misc]  # early
            f"shop answers cart in {member.name} at home",
        )
        assert mesh.not_let_in(member, FROM_SLEEP).holds, f"{SLEEP} is not among its callers"
        address = fleet.outputs["ingresses"][member.name]
        entered = mesh.ingress_answers(member.view, member.region, address, HELLO, WORKLOADS[HELLO])
        assert entered.holds, f"hello's own hosts lead where they led: {entered.evidence}"
    seen = list(claims(fleet.outputs, fleet.stack.settings(), fleet.layout, tmp_path))
    assert [f"{claim.text}: {claim.evidence}" for claim in seen if not claim.holds] == []
    assert len(seen) > sum(CLAIMS.values()), "those of both are among them"
    assert [claim for claim in seen if claim.text == "the secrets of shop stand in its Secret alone"]


def test_it_is_scaled_and_weighed_by_its_entry_alone(fleet: Fleet) -> None:
    fleet.configured(workloads=entries(fleet))
    more = entries(fleet, replicas=5, weights={"us": 4, "eu": 1})
    assert fleet.stack.changes(workloads=more) == {"update": {"shop.placement.policy", "shop.submission.deployment"}}
    members = fleet.configured(workloads=more).members
    eventually(lambda: running(members) == {"eu": 1, "ap": 0, "us": 4}, "replicas are where their weights are")
    ap = members["ap"]
    eventually(lambda: NO_ANSWER not in calls(ap, 10, FROM_CART), "its name resolves where no replica runs")


def test_it_goes_with_its_entry_and_nothing_else_does(fleet: Fleet) -> None:
    fleet.configured(workloads=entries(fleet))
    changes = fleet.stack.changes()
    assert changes.keys() == {"delete"}
    assert {name.partition(".")[0] for name in changes["delete"]} == {"shop", "cart"}
    members = fleet.configured().members
    for member in members.values():
        names = {one["metadata"]["name"] for one in member.view.get("namespaces")["items"]}
        assert "shop" not in names, member.name
    assert fleet.stack.changes() == {}
