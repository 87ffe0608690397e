"""A token by which members read one of their peers is revoked.

Steady: every member's sleep is answered by every region, under constant calls from `eu`.
Done: the token's Secret in `ap` is deleted, and istiod of `eu` started anew; later `up` renews all tokens.
Must hold: no call fails, neither while `eu` knows nothing of `ap` nor during the update; nobody keeps the old token.
By: istiod is ready within 2 minutes without `ap`; `eu` knows `ap` within 2 minutes of the update.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from fleet.mesh.peering import TOKENS_ANNOTATION
from sandbox.verify import mesh
from tests import article
from tests.e2e.clients import eventually
from tests.e2e.load import load
from tests.e2e.mesh_parts import GLOBAL, IN_ISTIO_SYSTEM, everybody_answers, kill, ready, report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.verify.member import Member
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]


def generations(member: Member) -> set[str | None]:
    """By which generation of the peers' tokens a member's istiod was started; None stands for the first."""
    pods = member.get("pods", "--selector=app=istiod", IN_ISTIO_SYSTEM)["items"]
    return {pod["metadata"]["annotations"].get(TOKENS_ANNOTATION) for pod in pods}


def known(member: Member) -> int:
    """How many endpoints of hello a member's sleep knows."""
    return len(article.requests(member))


def test_a_revoked_token_costs_no_call_and_a_renewed_one_brings_its_region_back(
    fleet: Fleet, members: Mapping[str, Member]
) -> None:
    eu, ap = members["eu"], members["ap"]
    with load(eu) as revoked:
        ap.kubectl("delete", "secret", "fleet-peer-1", IN_ISTIO_SYSTEM)
        time.sleep(5)
        assert known(eu) == len(members), "what istiod has read stays"
        # Only an istiod that starts has to read anew, and is refused.
        ended = kill(eu, "istiod")
        started = time.monotonic()
        eventually(lambda: ready(eu, "istiod", ended), "istiod comes up without ap", within_seconds=120)
        eventually(lambda: known(eu) == len(members) - 1, "and forgets ap's endpoints", within_seconds=60)
        took = time.monotonic() - started
    report("token of ap revoked, istiod of eu started again", revoked, took)
    assert not revoked.failed, revoked
    with load(eu) as renewed:
        begun = time.monotonic()
        fleet.up(**GLOBAL, mesh={"remoteTokenGeneration": 2})
        updated = time.monotonic()
        eventually(lambda: known(eu) == len(members), "eu knows ap's endpoint again", within_seconds=120)
        took = time.monotonic() - updated
        for member in members.values():
            eventually(lambda member=member: generations(member) == {"2"}, f"istiod of {member.name} started anew")  # type: ignore[misc]  # bound early
    report(f"token renewed by an update of {updated - begun:.0f} s", renewed, took)
    assert not renewed.failed, renewed
    eventually(lambda: everybody_answers(eu, members), "ap answers eu again")
    ended = kill(ap, "istio-eastwestgateway")
    eventually(lambda: ready(ap, "istio-eastwestgateway", ended), "another gateway is ready")
    eventually(lambda: mesh.peers_are_read(eu, list(members.values())).holds, "endpoints come and go by the new token")
    for member in members.values():
        said = member.kubectl("logs", "deployment/istiod", IN_ISTIO_SYSTEM)
        assert "Unauthorized" not in said, f"a client of istiod in {member.name} still has the old token"
