"""What counts as replaced: the same thing by another name does not, another thing by the same name does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plan.steps import FIREWALL, LKE_CLUSTER, SERVICE, VOLUME_CLAIM
from tests.e2e.kept import (
    BUCKET,
    BUCKET_KEY,
    CERTIFICATES,
    ENCRYPTION_KEY,
    PRIVATE_KEY,
    encrypts,
    forbidden,
    in_state,
    lost,
    of_objects,
    replaced,
    resources,
)

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
PARENT = "fleet:index:Fleet$fleet:karmada:Pki"


def urn(kind: str, name: str, parent: str = PARENT) -> str:
    return f"urn:pulumi:sandbox::fleet::{parent}${kind}::{name}"


def state(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"deployment": {"resources": list(entries)}}


def secret(value: str) -> dict[str, str]:
    """As `stack export --show-secrets` has it."""
    return {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(value)}


def key(name: str, value: Any, parent: str = PARENT) -> dict[str, Any]:
    return {"type": PRIVATE_KEY, "urn": urn(PRIVATE_KEY, name, parent), "outputs": {"privateKeyPem": value}}


def test_a_key_that_moved_to_another_component_or_became_a_secret_is_the_same() -> None:
    before = in_state(state(key("ca-key", KEY)))
    assert lost(before, in_state(state(key("pki-ca-key", secret(KEY), "fleet:index:Fleet")))) == []


def test_another_key_by_the_same_name_is_a_loss_and_is_not_shown() -> None:
    before = in_state(state(key("ca-key", secret(KEY))))
    [line] = lost(before, in_state(state(key("ca-key", secret(KEY.replace("MIIE", "MIIF"))))))
    assert line.startswith("private key ca-key: was ")
    assert "MIIE" not in line


def test_a_cluster_and_a_certificate_that_are_gone_are_losses_but_for_what_is_let_go() -> None:
    cluster = {"type": LKE_CLUSTER, "urn": urn(LKE_CLUSTER, "us-cluster"), "id": "7", "outputs": {}}
    certificates = [
        {"type": kind, "urn": urn(kind, name), "outputs": {"certPem": name}}
        for kind, name in zip(CERTIFICATES, ("root", "leaf"), strict=True)
    ]
    before = in_state(state(cluster, *certificates))
    assert [line.partition(": was ")[0] for line in lost(before, {}, ["root"])] == [
        "certificate leaf",
        "cluster us-cluster",
    ]


@pytest.mark.parametrize(
    ("kind", "what", "output"),
    [(ENCRYPTION_KEY, "encryption key", "base64"), (BUCKET_KEY, "bucket key", "secretKey")],
)
def test_another_key_of_encryption_or_of_a_bucket_is_a_loss_and_is_not_shown(kind: str, what: str, output: str) -> None:
    def having(value: Any) -> dict[str, Any]:
        return state({"type": kind, "urn": urn(kind, "k"), "id": "7", "outputs": {output: value}})

    before = in_state(having("c2VjcmV0"))
    assert lost(before, in_state(having(secret("c2VjcmV0")))) == []
    [line] = lost(before, in_state(having(secret("b3RoZXI="))))
    assert line.startswith(f"{what} k: was ")
    assert "c2VjcmV0" not in line


def test_a_fleet_encrypts_at_rest_if_it_has_a_key_for_that_and_no_other_key_counts() -> None:
    at_rest = {"type": ENCRYPTION_KEY, "urn": urn(ENCRYPTION_KEY, "k"), "outputs": {"base64": secret("c2VjcmV0")}}
    assert encrypts(in_state(state(key("ca-key", KEY), at_rest)))
    assert not encrypts(in_state(state(key("ca-key", KEY))))


@pytest.mark.parametrize(("kind", "what"), [(BUCKET, "bucket"), (FIREWALL, "firewall")])
def test_another_bucket_or_firewall_by_the_same_name_is_a_loss(kind: str, what: str) -> None:
    before, after = (in_state(state({"type": kind, "urn": urn(kind, "n"), "id": i, "outputs": {}})) for i in "78")
    assert lost(before, after) == [f"{what} n: was {kind} 7, is {kind} 8"]


@pytest.mark.parametrize("kind", [ENCRYPTION_KEY, BUCKET, BUCKET_KEY, FIREWALL])
def test_a_plan_may_replace_no_key_of_encryption_bucket_or_firewall(kind: str) -> None:
    assert forbidden([step("replace", kind, "n", "length")]) == [f"{kind} n for its length"]


def pod(uid: str = "1", restarts: int = 0) -> dict[str, Any]:
    status = {"containerStatuses": [{"restartCount": restarts}, {"restartCount": 0}]}
    return {"kind": "Pod", "metadata": {"name": "hello-x", "namespace": "default", "uid": uid}, "status": status}


def balancer(uid: str = "1", address: str = "203.0.113.1") -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [{"ip": address}]}}
    return {"kind": "Service", "metadata": {"name": "gateway", "namespace": "mesh", "uid": uid}, "status": status}


def node(uid: str = "1", address: str = "198.51.100.1") -> dict[str, Any]:
    addresses = [{"type": "InternalIP", "address": "192.168.0.1"}, {"type": "ExternalIP", "address": address}]
    return {"kind": "Node", "metadata": {"name": "lke1", "uid": uid}, "status": {"addresses": addresses}}


def volume(uid: str = "1") -> dict[str, Any]:
    return {"kind": "PersistentVolume", "metadata": {"name": "pvc1", "uid": uid}}


@pytest.mark.parametrize(
    ("before", "after", "loses"),
    [
        (pod(), pod(), False),
        (pod(), pod(uid="2"), True),
        (pod(), pod(restarts=1), True),
        (balancer(), balancer(uid="2"), True),
        (balancer(), balancer(address="203.0.113.2"), True),
        (node(), node(address="198.51.100.2"), True),
        (node(), node(uid="2"), True),
        (volume(), volume(uid="2"), True),
        (volume(), volume(), False),
    ],
)
def test_another_pod_a_restart_another_address_and_another_volume_are_losses(
    before: dict[str, Any], after: dict[str, Any], loses: bool
) -> None:
    assert bool(lost(dict(of_objects("us", [before])), dict(of_objects("us", [after])))) is loses


def test_the_same_uid_in_another_kind_or_what_was_not_there_before_makes_no_loss_and_saves_nothing() -> None:
    before = dict(of_objects("us", [volume(uid="1 restarted 0 times")]))
    assert len(lost(before, dict(of_objects("us", [pod()])))) == 1
    assert lost({}, dict(of_objects("us", [pod(), balancer()]))) == []


def test_a_service_without_an_address_is_not_counted() -> None:
    assert dict(of_objects("us", [balancer() | {"status": {"loadBalancer": {}}}])) == {}


def step(op: str, kind: str, name: str, *reasons: str) -> dict[str, Any]:
    return {"op": op, "urn": urn(kind, name), "replaceReasons": list(reasons) or None}


PLAN = [
    step("same", LKE_CLUSTER, "us-cluster"),
    step("update", SERVICE, "endpoint"),
    step("create-replacement", LKE_CLUSTER, "eu-cluster", "region"),
    step("replace", LKE_CLUSTER, "eu-cluster", "region"),
    step("delete-replaced", LKE_CLUSTER, "eu-cluster"),
    step("replace", CERTIFICATES[1], "leaf", "dnsNames"),
    step("replace", "tls:index/certRequest:CertRequest", "request"),
    step("replace", VOLUME_CLAIM, "disk"),
    step("replace", "kubernetes:batch/v1:Job", "homecoming", "spec"),
    step("delete", SERVICE, "old"),
]


def test_a_plan_may_replace_a_job_but_no_cluster_certificate_or_claim() -> None:
    assert len(replaced(PLAN)) == 5
    assert forbidden(PLAN) == [
        f"{VOLUME_CLAIM} disk for its deletion",
        f"{LKE_CLUSTER} eu-cluster for its region",
        "tls:index/certRequest:CertRequest request for its deletion",
        f"{CERTIFICATES[1]} leaf for its dnsNames",
    ]


def test_what_is_let_go_of_may_be_replaced() -> None:
    assert forbidden(PLAN, ["leaf", "eu-cluster", "request", "disk"]) == []


def test_only_what_a_provider_manages_counts_as_changed() -> None:
    component = {"urn": urn("fleet:index:Fleet", "fleet"), "outputs": {"endpoint": "a"}}
    custom = {"urn": urn(LKE_CLUSTER, "us-cluster"), "custom": True, "id": "7", "inputs": {"k8sVersion": "1.34"}}
    moved = component | {"outputs": {}}
    changed = custom | {"inputs": {"k8sVersion": "1.35"}}
    assert resources(state(component, custom)) == resources(state(moved, custom))
    assert resources(state(component, custom)) != resources(state(component, changed))
