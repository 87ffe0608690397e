"""The mesh's root is replaced by another one, which is what somebody does whose key is in wrong hands.

Steady: calls from `eu` to every region, each with a connection of its own, which shows and sees a certificate.
Done: three updates: both roots are trusted, the next one signs, the first one is dropped.
Must hold: no call fails.
By: every proxy trusts and is signed as the config says within 3 minutes of each update.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.x509 import NameOID

from sandbox.verify import mesh
from tests.e2e.clients import eventually
from tests.e2e.load import load
from tests.e2e.mesh_parts import GLOBAL, ONE_CALL_A_CONNECTION, WORKLOADS, report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography import x509

    from sandbox.verify.member import Member
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]


def names(certificates: list[x509.Certificate]) -> set[str]:
    """The common names of certificates."""
    return {str(one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value) for one in certificates}


def issuer(certificate: x509.Certificate) -> str:
    """The common name of who signed a certificate."""
    return str(certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def follows(members: Mapping[str, Member], trusted: set[str], signer: str) -> bool:
    """Whether every proxy trusts these roots, and has a certificate by an intermediate of this one."""
    return all(
        names(mesh.trusted(member, workload)) == trusted and issuer(mesh.certificates(member, workload)[1]) == signer
        for member in members.values()
        for workload in WORKLOADS
    )


def test_no_call_fails_while_one_root_follows_another(rotated_fleet: Fleet) -> None:
    eu = (members := rotated_fleet.configured(**(rotated_fleet.sections | GLOBAL)).members)["eu"]
    sections, certs = rotated_fleet.sections, rotated_fleet.sections.get("certs", {})
    # A connection that is there already would hide a certificate that nobody trusts.
    eu.kubectl("patch", "destinationrule/hello", "--type=json", f"--patch={json.dumps(ONE_CALL_A_CONNECTION)}")
    steps: list[tuple[dict[str, Any], set[str], str]] = [
        ({"roots": ["root", "next"]}, {"Root CA", "Root CA next"}, "Root CA"),
        ({"roots": ["root", "next"], "signing": "next"}, {"Root CA", "Root CA next"}, "Root CA next"),
        ({"roots": ["next"]}, {"Root CA next"}, "Root CA next"),
    ]
    for roots, trusted, signer in steps:
        with load(eu) as outcomes:
            rotated_fleet.up(**(sections | {"certs": certs | {"mesh": roots}}))
            updated = time.monotonic()
            eventually(
                lambda trusted=trusted, signer=signer: follows(members, trusted, signer),  # type: ignore[misc]  # early
                f"every proxy trusts {trusted} and is signed by {signer}",
                within_seconds=180,
            )
            took = time.monotonic() - updated
            time.sleep(5)
        report(f"roots {roots}", outcomes, took)
        assert not outcomes.failed, outcomes
        assert len(outcomes.calls) > 50
        assert set(outcomes.regions) == {member.region for member in members.values()}, "calls to every region"
