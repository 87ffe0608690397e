"""What faults begin from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients import AccountClient, eventually
from tests.e2e.mesh_parts import GLOBAL, everybody_answers
from tests.e2e.outages import AT_HOME, LEDGER, TENANTS, WEB, by_member, lives, pods

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sandbox.verify.member import Member
    from tests.e2e.running import Fleet


@pytest.fixture
def account(fleet: Fleet, tmp_path: Path) -> AccountClient:
    """The fleet's account."""
    return AccountClient(layout=fleet.layout, folder=tmp_path)


@pytest.fixture
def members(fleet: Fleet) -> Mapping[str, Member]:
    """The members, whose sleeps all call every region."""
    found = fleet.configured(**GLOBAL).members
    for member in found.values():
        eventually(lambda member=member: everybody_answers(member, found), f"{member.name} is answered from everywhere")  # type: ignore[misc]  # bound early
    return found


@pytest.fixture
def tenants(ending_fleet: Fleet) -> Iterator[None]:
    """A Deployment and a StatefulSet with plain policies of their own run where they belong."""
    fleet = ending_fleet
    fleet.karmada.kubectl("apply", "--filename=-", stdin=TENANTS)
    try:
        eventually(lambda: by_member(fleet.members, WEB) == AT_HOME, "the web runs everywhere", within_seconds=180)
        eventually(lambda: by_member(fleet.members, LEDGER)["us"] == 1, "the ledger runs in us", within_seconds=180)
        yield
    finally:
        fleet.karmada.kubectl("delete", "--filename=-", "--ignore-not-found", "--wait=false", stdin=TENANTS)
        gone = "the tenants are gone, with the volume"
        eventually(lambda: not pods(fleet, WEB) and not lives(fleet.members), gone, within_seconds=180)
