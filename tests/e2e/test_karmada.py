"""What Karmada promises, on real pods in three regions: `pulumi up` of its control plane, agents and workloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.kubernetes import lifecycle
from sandbox.kubernetes.layout import Layout
from sandbox.verify.commands import claims
from sandbox.verify.karmada import running_pods
from sandbox.verify.member import members
from tests.e2e.clients import Account, eventually
from tests.e2e.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.privileged

LAYERS = ["karmada", "workloads"]
TEN = {"replicas": 10}


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    """A sandbox of this module's own."""
    layout = Layout("e2ekarmada")
    lifecycle.down(layout)
    try:
        lifecycle.up(layout, say=print)
        yield layout
    finally:
        lifecycle.down(layout)


@pytest.fixture(scope="module")
def stack(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack, with Karmada and the workloads up as they are checked in."""
    stack = Stack(layout=layout, folder=tmp_path_factory.mktemp("stack"))
    stack.up(layers=LAYERS)
    return stack


def wrong(stack: Stack, folder: Path) -> list[str]:
    """The claims of `python -m sandbox verify` that do not hold, with their evidence."""
    seen = list(claims(stack.outputs(), stack.layout, folder))
    assert len(seen) == 10, "members, no policy, two workloads, and three answers and three agents"
    return [f"{claim.text}: {claim.evidence}" for claim in seen if not claim.holds]


def test_every_claim_about_members_placement_answers_and_rights_holds(stack: Stack, tmp_path: Path) -> None:
    assert wrong(stack, tmp_path) == []


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    said = stack.up(layers=LAYERS)
    assert " unchanged" in said
    assert not any(f" {word}" in said for word in ("created", "updated", "replaced", "deleted"))


def test_ten_replicas_and_equal_weights_leave_no_region_a_whole_pod_off(stack: Stack, tmp_path: Path) -> None:
    stack.up(layers=LAYERS, workloads={"hello": TEN})
    assert wrong(stack, tmp_path) == []


def test_the_articles_weights_move_pods_by_config_alone(stack: Stack, tmp_path: Path) -> None:
    wanted = {"us": 4, "ap": 2, "eu": 4}
    stack.up(layers=LAYERS, workloads={"hello": TEN | {"weights": {"us": 2, "ap": 1, "eu": 2}}})
    found = members(stack.outputs(), stack.layout, tmp_path)
    eventually(
        lambda: {member.name: len(running_pods(member, "hello")) for member in found} == wanted,
        f"hello runs as {wanted}",
    )


def test_destroy_leaves_nothing_that_costs_money(stack: Stack, tmp_path: Path) -> None:
    stack.destroy()
    account = Account(layout=stack.layout, folder=tmp_path)
    left = {kind: account.call("GET", kind)["data"] for kind in ("lke/clusters", "linode/instances", "nodebalancers")}
    assert left == {"lke/clusters": [], "linode/instances": [], "nodebalancers": []}
    assert account.call("GET", "volumes")["data"] == []
