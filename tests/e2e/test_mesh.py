"""What the mesh promises, on real pods in three regions, and calls through it."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from fleet.mesh.values import CROSS_NETWORK_PORT
from operations.claims import NO_ANSWER
from sandbox.clusters.host.subprocesses import CommandError, inside
from sandbox.clusters.images.mesh import CURL_IMAGE
from sandbox.verify import mesh
from tests import article
from tests.e2e.clients import ClientError, client, eventually
from tests.e2e.running import CLAIMS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged

HELLO_SNI: Final = "outbound_.5000_._.hello.default.svc.cluster.local"
"""By this name in the TLS greeting an east-west gateway knows where to (Istio, AUTO_PASSTHROUGH)."""
GLOBAL: Final = {"mode": "global"}
US_KEPT_OUT_OF_AP: Final = GLOBAL | {"forbidden": [{"from": "us", "to": "ap"}]}
NO_HELLO_IN_US: Final = {"hello": {"weights": {"eu": 1, "ap": 1}}}


def regions(fleet: Fleet) -> set[str]:
    """Where the members are."""
    return {member.region for member in fleet.members.values()}


def entered(fleet: Fleet, name: str, count: int) -> Counter[str]:
    """From which regions hello answers in that many calls from outside, of a member's ingress."""
    address = fleet.outputs["ingresses"][name]
    return Counter(mesh.answer_from_outside(fleet.layout, address) for _ in range(count))


def test_every_claim_about_peers_certificates_routes_and_entrances_holds(fleet: Fleet) -> None:
    members = list(fleet.configured().members.values())
    # The last answers may come before istiod has told every sidecar of every endpoint.
    for member in members:
        eventually(
            lambda member=member: len(article.requests(member)) == len(members),  # type: ignore[misc]  # bound early
            f"{member.name} knows an endpoint of every member",
        )
    seen = list(mesh.claims(members, fleet.outputs["ingresses"], article.WORKLOADS))
    assert len(seen) == CLAIMS["mesh"]
    assert [claim for claim in seen if not claim.holds] == []


@pytest.mark.parametrize("name", ["eu", "ap", "us"])
def test_a_hundred_of_a_hundred_answers_come_from_the_callers_own_region(fleet: Fleet, name: str) -> None:
    member = fleet.configured().members[name]
    assert article.calls(member, 100) == Counter({member.region: 100})


def test_plain_text_from_outside_the_mesh_is_refused(fleet: Fleet) -> None:
    us = fleet.members["us"]
    us.kubectl("create", "namespace", "outside")
    try:
        us.kubectl(
            *("run", "plain", "--namespace=outside", f"--image={CURL_IMAGE}"),
            *("--image-pull-policy=IfNotPresent", "--command", "--", "sleep", "3600"),
        )
        us.kubectl(
            *("wait", "pod/plain", "--namespace=outside", "--for=condition=Ready", "--timeout=180s"),
            timeout_seconds=200,
        )
        with pytest.raises(CommandError, match="reset by peer"):
            us.kubectl(
                *("exec", "plain", "--namespace=outside", "--"),
                *("curl", "--silent", "--show-error", "--max-time", "5", "http://hello.default:5000"),
            )
    finally:
        us.kubectl("delete", "namespace", "outside", "--wait=false")


def test_a_certificate_of_another_root_is_refused_behind_the_gateway(fleet: Fleet, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    identity = "subjectAltName=URI:spiffe://cluster.local/ns/default/sa/sleep-us"
    own = ["-subj", "/CN=other", "-addext", identity, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *own], check=True, capture_output=True)
    gateway = f"{fleet.outputs['eastWestGateways']['ap']}:{CROSS_NETWORK_PORT}"
    # Sidecars announce themselves so; a greeting that does not is reset before any certificate is looked at.
    greeting = ["openssl", "s_client", "-connect", gateway, "-servername", HELLO_SNI, "-alpn", "istio", "-quiet"]
    shown = ["-cert", str(certificate), "-key", str(key)]
    done = subprocess.run(
        inside(fleet.layout.wan, [*greeting, *shown]),
        # No request: with one unread, the sidecar closes by a reset, which may outrun the reason that it gave.
        input="",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Intermediate CA" in done.stderr, "the greeting went through the gateway to hello's own sidecar"
    assert "unknown ca" in done.stderr
    assert "HTTP/1.1" not in done.stdout


def test_pods_of_another_cluster_cannot_be_called_directly(fleet: Fleet) -> None:
    for pod in fleet.members["ap"].running("hello"):
        with pytest.raises(ClientError):
            client(fleet.layout, "curl", "--silent", "--max-time", "3", f"http://{pod['status']['podIP']}:9898/")


def test_calls_leave_a_region_that_has_no_hello(fleet: Fleet) -> None:
    us = fleet.configured(workloads=NO_HELLO_IN_US).members["us"]
    updated = time.monotonic()
    eventually(lambda: us.region not in article.calls(us, 5), "us is answered from elsewhere")
    print(f"every call left the region {time.monotonic() - updated:.1f} s after the update")
    away = article.calls(us, 100)
    assert away[NO_ANSWER] == 0, "no request fails once the way has changed"
    assert away[us.region] == 0
    assert away.total() == 100
    foreign = [port for (_, port), count in article.requests(us).items() if count]
    assert set(foreign) == {CROSS_NETWORK_PORT}, "and the way leads through east-west gateways"


def test_calls_come_home_when_the_region_has_hello_again(fleet: Fleet) -> None:
    us = fleet.configured().members["us"]
    eventually(lambda: article.calls(us, 5) == Counter({us.region: 5}), "us is answered at home again")


def test_a_forbidden_region_refuses_the_caller_and_nobody_else(fleet: Fleet) -> None:
    members = fleet.configured(traffic=US_KEPT_OUT_OF_AP).members
    us, ap = members["us"], members["ap"]
    eventually(lambda: ap.region not in article.calls(us, 30), "ap never answers us")
    assert article.calls(us, 30)[NO_ANSWER] > 0, "it is ap that refuses; us still asks it"
    eventually(lambda: article.calls(ap, 30)[us.region] > 0, "the other direction is free")


def test_a_forbidden_region_is_not_reached_through_an_ingress_either(fleet: Fleet) -> None:
    fleet.configured(traffic=US_KEPT_OUT_OF_AP)
    us, ap = fleet.members["us"], fleet.members["ap"]
    by_us = entered(fleet, "us", 30)
    assert by_us[ap.region] == 0
    assert by_us[NO_ANSWER] > 0, "it is ap that refuses; the ingress of us still asks it"
    assert by_us[us.region] > 0
    assert entered(fleet, "ap", 30)[us.region] > 0, "the other direction is free"


@pytest.mark.parametrize("name", ["eu", "ap", "us"])
def test_global_mode_spreads_calls_over_all_regions_through_their_gateways(fleet: Fleet, name: str) -> None:
    member = fleet.configured(traffic=GLOBAL).members[name]
    eventually(lambda: set(article.calls(member, 30)) == regions(fleet), f"{name} is answered from everywhere")
    for _ in range(3):
        assert len(article.calls(member, 10)) >= 2, "at least two regions in every ten"
    through = {address: count for address, count in article.requests(member).items() if count}
    assert sum(port == CROSS_NETWORK_PORT for _, port in through) == 2, "through both other regions' gateways"
    assert article.calls(member, 100).keys() == regions(fleet), "all three in a hundred, and none failed"


def test_a_pod_that_is_not_ready_has_no_calls_from_other_regions(fleet: Fleet) -> None:
    members = fleet.configured(traffic=GLOBAL).members
    us, ap = members["us"], members["ap"]
    eventually(lambda: set(article.calls(us, 30)) == regions(fleet), "us is answered from everywhere")
    pods = [pod["metadata"]["name"] for pod in ap.running("hello")]

    def say(whether: str) -> None:
        for pod in pods:
            address = f"http://127.0.0.1:9898/readyz/{whether}"
            ap.kubectl("exec", pod, "--container=istio-proxy", "--", "wget", "-qO-", "--post-data=", address)

    say("disable")
    try:
        eventually(lambda: not ap.running("hello"), "no hello of ap is ready")
        # What istiod of ap has read is told to the others within a second or two.
        eventually(lambda: ap.region not in article.calls(us, 10), "us asks ap no more")
        asked = article.calls(us, 100)
        assert asked.total() == 100
        assert asked[NO_ANSWER] == 0, "calls went to a gateway behind which nobody is ready"
        known = [address for address, port in article.requests(us) if port == CROSS_NETWORK_PORT]
        assert len(known) == 1, "the gateway of ap is no endpoint of hello's while nobody is ready behind it"
    finally:
        say("enable")
    eventually(lambda: ap.region in article.calls(us, 30), "ap answers again")


def test_every_east_west_gateway_has_passed_calls_on_to_hello(fleet: Fleet) -> None:
    passed = {name: article.passed_on(member) for name, member in fleet.configured(traffic=GLOBAL).members.items()}
    assert min(passed.values()) > 0, passed
