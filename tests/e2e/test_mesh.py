"""What the mesh promises, on real pods in three regions: `pulumi up` of the program's mesh, and calls through it."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from fleet.mesh.values import CROSS_NETWORK_PORT
from fleet.naming import HELLO
from sandbox.kubernetes import lifecycle
from sandbox.kubernetes.commands import CommandError, inside
from sandbox.kubernetes.layout import Layout
from sandbox.verify import mesh
from sandbox.verify.member import Member, members
from tests.e2e.callers import place
from tests.e2e.clients import ClientError, client, eventually
from tests.e2e.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.privileged

HELLO_SNI = "outbound_.5000_._.hello.default.svc.cluster.local"
"""By this name in the TLS greeting an east-west gateway knows where to (Istio, AUTO_PASSTHROUGH)."""


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    """A sandbox of this module's own."""
    layout = Layout("e2emesh")
    lifecycle.down(layout)
    try:
        lifecycle.up(layout, say=print)
        yield layout
    finally:
        lifecycle.down(layout)


@pytest.fixture(scope="module")
def stack(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack, with its mesh up in the default mode of traffic."""
    stack = Stack(layout=layout, folder=tmp_path_factory.mktemp("stack"))
    stack.up(layers=["mesh"])
    return stack


@pytest.fixture(scope="module")
def region(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Member]:
    """The members by name, each with hello and sleep."""
    found = members(stack.outputs(), stack.layout, tmp_path_factory.mktemp("kubeconfigs"))
    for member in found:
        place(member)
    for member in found:
        # The first answer may come before istiod has told every sidecar of every endpoint.
        eventually(
            lambda member=member: len(mesh.requests(member)) == len(found),  # type: ignore[misc]  # bound early
            f"{member.name} knows an endpoint of every member",
        )
    return {member.name: member for member in found}


def test_every_claim_about_peers_certificates_and_routes_holds(region: Mapping[str, Member]) -> None:
    seen = list(mesh.claims(list(region.values())))
    assert len(seen) == 7
    assert [claim for claim in seen if not claim.holds] == []


@pytest.mark.parametrize("name", ["eu", "ap", "us"])
def test_a_hundred_of_a_hundred_answers_come_from_the_callers_own_region(
    region: Mapping[str, Member], name: str
) -> None:
    assert mesh.calls(region[name], 100) == Counter({region[name].region: 100})


def test_calls_leave_a_region_that_has_no_hello_and_come_home_when_it_has(region: Mapping[str, Member]) -> None:
    us = region["us"]
    us.kubectl("scale", f"deployment/{HELLO}", "--replicas=0")
    started = time.monotonic()
    try:
        eventually(lambda: us.region not in mesh.calls(us, 1), "us is answered from elsewhere")
        print(f"left the region after {time.monotonic() - started:.1f} s")
        away = mesh.calls(us, 100)
        assert away[mesh.NO_ANSWER] == 0, "no request fails once the way has changed"
        assert away[us.region] == 0
        assert away.total() == 100
        foreign = [port for (_, port), count in mesh.requests(us).items() if count]
        assert CROSS_NETWORK_PORT in foreign, "and the way leads through an east-west gateway"
    finally:
        us.kubectl("scale", f"deployment/{HELLO}", "--replicas=1")
        us.kubectl("rollout", "status", f"deployment/{HELLO}", "--timeout=120s", timeout_seconds=150)
    eventually(lambda: mesh.calls(us, 5) == Counter({us.region: 5}), "us is answered at home again")


def test_plain_text_from_outside_the_mesh_is_refused(region: Mapping[str, Member]) -> None:
    us = region["us"]
    us.kubectl("create", "namespace", "outside")
    try:
        us.kubectl(
            *("run", "plain", "--namespace=outside", "--image=docker.io/curlimages/curl:8.16.0"),
            *("--image-pull-policy=IfNotPresent", "--command", "--", "sleep", "3600"),
        )
        us.kubectl("wait", "pod/plain", "--namespace=outside", "--for=condition=Ready", "--timeout=60s")
        with pytest.raises(CommandError, match="reset by peer"):
            us.kubectl(
                *("exec", "plain", "--namespace=outside", "--"),
                *("curl", "--silent", "--show-error", "--max-time", "5", f"http://{HELLO}.default:5000"),
            )
    finally:
        us.kubectl("delete", "namespace", "outside", "--wait=false")


def test_a_certificate_of_another_root_is_refused_behind_the_gateway(
    region: Mapping[str, Member], stack: Stack, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    identity = "subjectAltName=URI:spiffe://cluster.local/ns/default/sa/sleep-us"
    own = ["-subj", "/CN=other", "-addext", identity, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *own], check=True, capture_output=True)
    gateway = f"{stack.outputs()['eastWestGateways']['ap']}:{CROSS_NETWORK_PORT}"
    # Sidecars announce themselves so ; a greeting that does not is reset before any certificate is looked at.
    greeting = ["openssl", "s_client", "-connect", gateway, "-servername", HELLO_SNI, "-alpn", "istio", "-quiet"]
    shown = ["-cert", str(certificate), "-key", str(key)]
    done = subprocess.run(
        inside(stack.layout.wan, [*greeting, *shown]),
        input="GET / HTTP/1.1\r\nHost: hello\r\n\r\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert "Intermediate CA" in done.stderr, "the greeting went through the gateway to hello's own sidecar"
    assert "unknown ca" in done.stderr
    assert "HTTP/1.1" not in done.stdout


def test_every_ingress_answers_for_its_own_region(region: Mapping[str, Member], stack: Stack) -> None:
    for name, address in stack.outputs()["ingresses"].items():
        answer = client(stack.layout, "curl", "--silent", "--show-error", "--max-time", "5", f"http://{address}/")
        assert mesh.region(answer) == region[name].region


@pytest.fixture(scope="module")
def worldwide(region: Mapping[str, Member], stack: Stack) -> Mapping[str, Member]:
    """The members, with traffic spread over all of them and us kept out of ap."""
    stack.up(layers=["mesh"], traffic={"mode": "global", "forbidden": [{"from": "us", "to": "ap"}]})
    return region


@pytest.mark.parametrize("name", ["eu", "ap"])
def test_global_mode_spreads_calls_over_all_regions(worldwide: Mapping[str, Member], name: str) -> None:
    everywhere = {member.region for member in worldwide.values()}
    eventually(lambda: set(mesh.calls(worldwide[name], 30)) == everywhere, f"{name} is answered from everywhere")
    for _ in range(3):
        assert len(mesh.calls(worldwide[name], 10)) >= 2, "at least two regions in every ten"
    through = {address: count for address, count in mesh.requests(worldwide[name]).items() if count}
    assert sum(port == CROSS_NETWORK_PORT for _, port in through) == 2, "through both other regions' gateways"


def test_a_forbidden_region_refuses_the_caller_and_nobody_else_until_it_is_allowed(
    worldwide: Mapping[str, Member], stack: Stack
) -> None:
    us, ap = worldwide["us"], worldwide["ap"]
    eventually(lambda: ap.region not in mesh.calls(us, 30), "ap never answers us")
    assert mesh.calls(us, 30)[mesh.NO_ANSWER] > 0, "it is ap that refuses; us still asks it"
    assert mesh.calls(ap, 30)[us.region] > 0, "the other direction is free"
    stack.up(layers=["mesh"], traffic={"mode": "global"})
    everywhere = {member.region for member in worldwide.values()}
    eventually(lambda: set(mesh.calls(us, 30)) == everywhere, "ap answers us again")


def test_pods_of_another_cluster_cannot_be_called_directly(region: Mapping[str, Member], stack: Stack) -> None:
    [pod] = [item["status"]["podIP"] for item in region["ap"].get("pods", f"--selector=app={HELLO}")["items"]]
    with pytest.raises(ClientError):
        client(stack.layout, "curl", "--silent", "--max-time", "3", f"http://{pod}:9898/")
