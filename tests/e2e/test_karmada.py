"""What Karmada promises, on real pods in three regions: `pulumi up` of its control plane, agents and workloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.verify import karmada
from sandbox.verify.karmada import running_pods
from tests.e2e.clients import Account, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged

TEN = {"replicas": 10}


def wrong(fleet: Fleet, folder: Path) -> list[str]:
    """The claims of `python -m sandbox verify` about Karmada that do not hold, with their evidence."""
    seen = list(karmada.claims(fleet.karmada, list(fleet.members.values()), folder))
    assert len(seen) == 10, "members, no policy, two workloads, and three answers and three agents"
    return [f"{claim.text}: {claim.evidence}" for claim in seen if not claim.holds]


def test_every_claim_about_members_placement_answers_and_rights_holds(fleet: Fleet, tmp_path: Path) -> None:
    assert wrong(fleet.configured(), tmp_path) == []


def test_a_second_up_changes_nothing(fleet: Fleet) -> None:
    said = fleet.configured().up()
    assert " unchanged" in said
    assert not any(f" {word}" in said for word in ("created", "updated", "replaced", "deleted"))


def test_ten_replicas_and_equal_weights_leave_no_region_a_whole_pod_off(fleet: Fleet, tmp_path: Path) -> None:
    assert wrong(fleet.configured(workloads={"hello": TEN}), tmp_path) == []


def test_the_articles_weights_move_pods_by_config_alone(fleet: Fleet) -> None:
    wanted = {"us": 4, "ap": 2, "eu": 4}
    members = fleet.configured(workloads={"hello": TEN | {"weights": {"us": 2, "ap": 1, "eu": 2}}}).members.values()
    eventually(
        lambda: {member.name: len(running_pods(member, "hello")) for member in members} == wanted,
        f"hello runs as {wanted}",
    )


def test_destroy_leaves_nothing_that_costs_money(ending_fleet: Fleet, tmp_path: Path) -> None:
    ending_fleet.stack.destroy()
    account = Account(layout=ending_fleet.layout, folder=tmp_path)
    left = {kind: account.call("GET", kind)["data"] for kind in ("lke/clusters", "linode/instances", "nodebalancers")}
    assert left == {"lke/clusters": [], "linode/instances": [], "nodebalancers": []}
    assert account.call("GET", "volumes")["data"] == []
