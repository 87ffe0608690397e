"""How Envoy's and hello's answers are read, in the forms that they have."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from operations.claims import NO_ANSWER, region
from sandbox.clusters.host.layout import Layout
from sandbox.verify.calls import outbound
from sandbox.verify.member import Member, View
from sandbox.verify.mesh import (
    endpoints_by_member,
    peers_are_read,
    up_to_root,
)
from tests.article import CALL, counted


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{  "hostname": "hello-1",  "message": "REGION=us-west",  "goos": "linux"}', "us-west"),
        ('{  "message": "REGION=ap-south runs podinfo",  "goos": "linux"}', "ap-south"),
        ("curl: (28) Operation timed out after 5001 milliseconds", NO_ANSWER),
        ("upstream connect error or disconnect/reset before headers", NO_ANSWER),
        ("", NO_ANSWER),
    ],
)
def test_the_region_is_what_hello_says_and_anything_else_is_no_answer(answer: str, expected: str) -> None:
    assert region(answer) == expected


def endpoint(address: str, port: int, total: dict[str, str]) -> dict[str, object]:
    return {
        "address": {"socket_address": {"address": address, "port_value": port}},
        "stats": [{"name": "cx_total", "value": "1"}, {"name": "rq_total", **total}],
    }


def test_requests_are_counted_by_endpoint_and_one_without_any_has_zero() -> None:
    hosts = [endpoint("10.2.0.9", 9898, {"value": "20"}), endpoint("203.0.113.15", 15443, {})]
    clusters = [
        {"name": outbound(CALL), "host_statuses": hosts},
        {"name": "outbound|443||kubernetes.default.svc.cluster.local"},
    ]
    assert counted({"cluster_statuses": clusters}) == {("10.2.0.9", 9898): 20, ("203.0.113.15", 15443): 0}


GATEWAYS = "istio-eastwestgateway.istio-system.svc.cluster.local"


def shards(**endpoints: list[tuple[str, int]]) -> dict[str, Any]:
    """An answer to endpointShardz: addresses and health of east-west gateways by member."""
    found = {
        f"Kubernetes/{member}": [{"Addresses": [address], "HealthStatus": health} for address, health in pods]
        for member, pods in endpoints.items()
    }
    return {GATEWAYS: {"istio-system": {"Shards": found, "ServiceAccounts": None}}}


def test_endpoints_are_told_apart_by_member_and_only_those_that_take_calls_count() -> None:
    known = shards(eu=[("10.2.0.4", 1), ("10.2.0.4", 1)], ap=[("10.2.0.4", 1), ("10.2.0.9", 4)])
    assert endpoints_by_member(known) == {"eu": {"10.2.0.4"}, "ap": {"10.2.0.4"}}
    assert endpoints_by_member({}) == {}, "an istiod that has read nothing yet"


class Answering(Member):
    """A member whose istiod answers as it is told to."""

    def kubectl(self, *arguments: str, stdin: str = "", timeout_seconds: float = 60.0) -> str:
        return json.dumps(ISTIOD[self.name])


class Seen(View):
    """A member whose API server answers as it is told to."""

    def kubectl(self, *arguments: str, stdin: str = "", timeout_seconds: float = 60.0) -> str:
        pods = [{"addresses": [address], "conditions": {"ready": ready}} for address, ready in PODS[self.name]]
        return json.dumps({"items": [{"endpoints": pods}, {"endpoints": None}]})


PODS = {"eu": [("10.2.0.4", True)], "ap": [("10.2.0.7", True), ("10.2.0.9", False)]}
ISTIOD: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("known", "holds", "evidence"),
    [
        (shards(eu=[("10.2.0.4", 1)], ap=[("10.2.0.7", 1)]), True, "eu 1 of 1, ap 1 of 1"),
        (shards(eu=[("10.2.0.4", 1)]), False, "eu 1 of 1, ap 0 of 1"),
        (shards(eu=[("10.2.0.4", 1)], ap=[("10.2.0.6", 1)]), False, "eu 1 of 1, ap 1 of 1"),
        ({}, False, "eu 0 of 1, ap 0 of 1"),
    ],
    ids=["all", "a peer that is not read", "an endpoint that is gone", "nothing"],
)
def test_an_istiod_reads_its_peers_when_it_knows_what_is_there_now(known: Any, holds: bool, evidence: str) -> None:
    members = [
        Answering(
            name=name,
            region="r",
            kubeconfig=Path("/none"),
            layout=Layout("test"),
            view=Seen(name=name, kubeconfig=Path("/none"), layout=Layout("test")),
        )
        for name in ("eu", "ap")
    ]
    ISTIOD["eu"] = known
    claim = peers_are_read(members[0], members)
    assert (claim.holds, claim.evidence) == (holds, evidence)


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def certificate(subject: str, issuer: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def test_a_chain_ends_at_its_own_root_and_not_with_the_others_that_are_trusted() -> None:
    leaf, intermediate = certificate("leaf", "intermediate"), certificate("intermediate", "next")
    following, first = certificate("next", "next"), certificate("root", "root")
    assert up_to_root([leaf, intermediate, following, following, first]) == [leaf, intermediate, following]
    assert up_to_root([leaf, intermediate]) == [leaf, intermediate], "one that lacks its root is not sound"
