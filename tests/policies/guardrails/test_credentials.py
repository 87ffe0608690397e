"""Claims about the credentials that members give to each other."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from fleet.kubeconfig import ApiServer, with_client_certificate, with_token
from policies.guardrails.model import UNKNOWN
from policies.guardrails.rules.credentials import (
    SECRET,
    TOKEN_TYPE,
    no_service_account_is_admin,
    remote_secret_comes_from_a_token,
    remote_secret_holds_a_reader,
)
from tests.policies.guardrails.fleets import stack, token
from tests.policies.guardrails.resources import planned, resource

SERVER = ApiServer(url="https://us.example:6443", ca_pem="ca")
READER = token("system:serviceaccount:istio-system:fleet-peer")
ADMIN = token("system:serviceaccount:kube-system:lke-admin")
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"


def remote(kubeconfig: str, key: str = "stringData") -> Any:
    """A remote secret with a kubeconfig."""
    metadata = {"name": "istio-remote-secret-us", "labels": {"istio/multiCluster": "true"}}
    return resource(SECRET, "eu-reads-us-remote-secret", {"metadata": metadata, key: {"us": kubeconfig}})


def found(kubeconfig: str, key: str = "stringData") -> list[str]:
    return [str(finding) for finding in remote_secret_holds_a_reader(remote(kubeconfig, key), stack())]


def test_a_readers_token_is_what_a_remote_secret_is_for() -> None:
    kubeconfig = with_token(name="us", server=SERVER, token=READER)
    assert found(kubeconfig) == []
    assert found(base64.b64encode(kubeconfig.encode()).decode(), "data") == []


def test_the_administrators_token_is_refused_and_never_shown() -> None:
    (message,) = found(with_token(name="us", server=SERVER, token=ADMIN))
    assert "holds the token of system:serviceaccount:kube-system:lke-admin" in message
    assert "raise fleet:mesh.remoteTokenGeneration" in message
    assert ADMIN not in message


def test_a_client_certificate_is_refused_also_in_data() -> None:
    kubeconfig = with_client_certificate(name="us", server=SERVER, certificate_pem="crt", private_key_pem="k3y")
    for text, key in ((kubeconfig, "stringData"), (base64.b64encode(kubeconfig.encode()).decode(), "data")):
        (message,) = found(text, key)
        assert "authenticates by client-certificate-data, client-key-data, which no service account has" in message
        assert base64.b64encode(b"k3y").decode() not in message


@pytest.mark.parametrize("opaque", ["abcdef", "a.b.c", "a.bm8ganNvbg.c", "a.e30.c"])
def test_a_token_of_nobody_knows_whom_is_refused(opaque: str) -> None:
    (message,) = found(with_token(name="us", server=SERVER, token=opaque))
    assert "holds a token of which cannot be told whose it is" in message
    assert opaque not in message


def test_a_user_beside_the_reader_is_seen() -> None:
    document = yaml.safe_load(with_token(name="us", server=SERVER, token=READER))
    document["users"].append({"name": "root", "user": {"exec": {"command": "get-admin"}}})
    (message,) = found(yaml.safe_dump(document))
    assert "authenticates by exec" in message


def test_other_secrets_and_unknown_values_are_left_alone() -> None:
    other = resource(SECRET, "cacerts", {"metadata": {"name": "cacerts"}, "stringData": {"a": "{users: [x]}"}})
    assert list(remote_secret_holds_a_reader(other, stack())) == []
    assert found(UNKNOWN) == []


def test_an_unknown_kubeconfig_has_to_come_from_a_service_accounts_token() -> None:
    issued = resource(SECRET, "us-peer-access-token", {"type": TOKEN_TYPE})
    cluster = resource("linode:index/lkeCluster:LkeCluster", "us-cluster", {})
    secret = remote(UNKNOWN)
    good = planned(issued, cluster, secret, stringData=[cluster.urn, issued.urn])
    assert list(remote_secret_comes_from_a_token(good, stack())) == []
    bad = planned(issued, cluster, secret, stringData=[cluster.urn])
    (finding,) = remote_secret_comes_from_a_token(bad, stack())
    assert "is not made from the token of a service account" in finding.what
    assert finding.urn == secret.urn


@pytest.mark.parametrize(
    ("role", "kind", "count"),
    [("cluster-admin", "ServiceAccount", 1), ("istio-reader", "ServiceAccount", 0), ("cluster-admin", "User", 0)],
)
def test_no_service_account_is_cluster_admin(role: str, kind: str, count: int) -> None:
    subject = {"kind": kind, "name": "fleet-peer", "namespace": "istio-system"}
    binding = resource(BINDING, "us-peer-access-binding", {"roleRef": {"name": role}, "subjects": [subject]})
    findings = [str(finding) for finding in no_service_account_is_admin(binding, stack())]
    assert len(findings) == count
    assert all("makes the service account fleet-peer cluster-admin" in finding for finding in findings)
