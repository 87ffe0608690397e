"""What calls notice while a part of the mesh is lost, or replaced on purpose, under constant load."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography.x509 import NameOID

from fleet.mesh.peering import TOKENS_ANNOTATION
from fleet.naming import ISTIO_NAMESPACE
from sandbox.kubernetes.machine import Machine
from sandbox.verify import mesh
from sandbox.verify.mesh import CALLER
from tests.e2e.clients import eventually
from tests.e2e.load import Outcomes, load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography import x509

    from sandbox.verify.member import Member
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

GLOBAL: Final = {"traffic": {"mode": "global"}}
ONE_CALL_A_CONNECTION: Final = [
    {
        "op": "add",
        "path": "/spec/trafficPolicy/portLevelSettings/0/connectionPool/http",
        "value": {"maxRequestsPerConnection": 1},
    }
]
"""A JSON patch of hello's DestinationRule."""
WORKLOADS: Final = ("deployment/sleep", "deployment/hello")
IN_ISTIO_SYSTEM: Final = f"--namespace={ISTIO_NAMESPACE}"


@pytest.fixture
def members(fleet: Fleet) -> Mapping[str, Member]:
    """The members, whose sleeps all call every region."""
    found = fleet.configured(**GLOBAL).members
    for member in found.values():
        eventually(lambda member=member: everybody_answers(member, found), f"{member.name} is answered from everywhere")  # type: ignore[misc]  # bound early
    return found


def everybody_answers(member: Member, members: Mapping[str, Member]) -> bool:
    """Whether every region answers some of a member's calls, and none fails."""
    return set(mesh.calls(member, 20)) == {other.region for other in members.values()}


def pods(member: Member, app: str) -> dict[str, bool]:
    """A deployment's pods in istio-system by name, and whether each is ready."""
    return {
        pod["metadata"]["name"]: all(status["ready"] for status in pod["status"].get("containerStatuses", ()))
        for pod in member.get("pods", f"--selector=app={app}", IN_ISTIO_SYSTEM)["items"]
    }


def kill(member: Member, app: str) -> set[str]:
    """End all of a deployment's pods in istio-system without any grace; their names."""
    ended = set(pods(member, app))
    member.kubectl("delete", "pod", f"--selector=app={app}", IN_ISTIO_SYSTEM, "--grace-period=0", "--force")
    return ended


def ready(member: Member, app: str, ended: set[str]) -> bool:
    """Whether another pod than those that ended is ready."""
    return any(ready for name, ready in pods(member, app).items() if name not in ended)


def report(what: str, outcomes: Outcomes, seconds: float) -> None:
    """The figures of docs/mesh.md."""
    print(f"\n{what}: {outcomes}; back after {seconds:.1f} s")


def test_no_call_fails_while_an_istiod_is_away(members: Mapping[str, Member]) -> None:
    eu = members["eu"]
    with load(eu) as outcomes:
        time.sleep(2)
        killed = time.monotonic()
        ended = kill(eu, "istiod")
        eventually(lambda: ready(eu, "istiod", ended), "a new istiod is ready")
        took = time.monotonic() - killed
        time.sleep(3)
    report("istiod of eu killed", outcomes, took)
    assert not outcomes.failed, outcomes
    assert len(outcomes.calls) > 20


def test_calls_go_elsewhere_while_an_east_west_gateway_is_away_and_come_back(members: Mapping[str, Member]) -> None:
    eu, ap = members["eu"], members["ap"]
    with load(eu) as outcomes:
        time.sleep(2)
        killed = time.monotonic()
        ended = kill(ap, "istio-eastwestgateway")
        eventually(lambda: ready(ap, "istio-eastwestgateway", ended), "a new gateway is ready")
        eventually(lambda: ap.region in mesh.calls(eu, 10), "ap answers eu again", within_seconds=180)
        took = time.monotonic() - killed
    report("east-west gateway of ap killed", outcomes, took)
    assert outcomes.regions[eu.region] > 0
    assert len(outcomes.failed) < len(outcomes.calls) / 3, f"at most what would have gone to ap: {outcomes}"
    eventually(lambda: everybody_answers(eu, members), "nothing fails afterwards")


def slow_calls(member: Member) -> list[str]:
    """The status of calls of three seconds each: ten callers' ten, one after the other over kept connections."""
    fetch = r"curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}\n' 'hello:5000/delay/3?[1-10]'"
    return member.shell(CALLER, f"for caller in $(seq 10); do {fetch} & done; wait", timeout_seconds=120.0).split()


def test_no_call_is_cut_off_when_an_east_west_gateway_is_replaced(members: Mapping[str, Member]) -> None:
    eu, ap = members["eu"], members["ap"]
    with ThreadPoolExecutor(max_workers=1) as pool:
        calling = pool.submit(slow_calls, eu)
        time.sleep(5)
        ap.kubectl("rollout", "restart", "deployment/istio-eastwestgateway", IN_ISTIO_SYSTEM)
        ap.kubectl("rollout", "status", "deployment/istio-eastwestgateway", IN_ISTIO_SYSTEM, "--timeout=120s")
        codes = calling.result()
    print(f"\neast-west gateway of ap replaced under calls of three seconds: {Counter(codes)}")
    assert Counter(codes) == {"200": 100}


def test_a_lost_region_costs_few_calls_and_comes_back(members: Mapping[str, Member]) -> None:
    eu, ap = members["eu"], members["ap"]
    [node] = [node["metadata"]["name"] for node in ap.get("nodes")["items"]]
    init = Machine(layout=ap.layout, name=node, folder=ap.layout.root, tools={}).first_process()
    assert init is not None
    with load(eu) as outcomes:
        time.sleep(2)
        killed = time.monotonic()
        os.kill(init, signal.SIGKILL)
        eventually(lambda: ap.region in mesh.calls(eu, 10), "ap answers eu again", within_seconds=240)
        took = time.monotonic() - killed
    report("the only node of ap killed", outcomes, took)
    assert len(outcomes.failed) < len(outcomes.calls) / 3, f"at most what would have gone to ap: {outcomes}"
    eventually(lambda: everybody_answers(eu, members), "nothing fails afterwards", within_seconds=120)


def generations(member: Member) -> set[str | None]:
    """By which generation of the peers' tokens a member's istiod was started; None stands for the first."""
    pods = member.get("pods", "--selector=app=istiod", IN_ISTIO_SYSTEM)["items"]
    return {pod["metadata"]["annotations"].get(TOKENS_ANNOTATION) for pod in pods}


def known(member: Member) -> int:
    """How many endpoints of hello a member's sleep knows."""
    return len(mesh.requests(member))


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
    sections = rotated_fleet.sections | GLOBAL
    eu = (members := rotated_fleet.configured(**sections).members)["eu"]
    # A connection that is there already would hide a certificate that nobody trusts.
    eu.kubectl("patch", "destinationrule/hello", "--type=json", f"--patch={json.dumps(ONE_CALL_A_CONNECTION)}")
    steps: list[tuple[dict[str, Any], set[str], str]] = [
        ({"roots": ["root", "next"]}, {"Root CA", "Root CA next"}, "Root CA"),
        ({"roots": ["root", "next"], "signing": "next"}, {"Root CA", "Root CA next"}, "Root CA next"),
        ({"roots": ["next"]}, {"Root CA next"}, "Root CA next"),
    ]
    for roots, trusted, signer in steps:
        with load(eu) as outcomes:
            rotated_fleet.up(**sections, certs={"mesh": roots})
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
