"""Claims about the credentials that members give to each other."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import pytest
import yaml

from fleet import rights as rights_of_program
from fleet.config.enforcement import Level
from fleet.lke.kubeconfig import ApiServer, with_client_certificate, with_token
from fleet.mesh import peering as peering_of_program
from policies.guardrails.model import UNKNOWN, Planned, Resource
from policies.guardrails.rights import excess, excess_of
from policies.guardrails.rules.credentials import (
    ACCOUNT,
    SECRET,
    TOKEN_TYPE,
    remote_secret_comes_from_a_token,
    remote_secret_holds_a_reader,
    remote_secret_only_reads_endpoints,
)
from tests.policies.guardrails.fleets import findings, planned_of, stack, stack_of, token
from tests.policies.guardrails.resources import planned, resource
from tests.unit.configs import stack as config_of
from tests.unit.graph import Stage

SERVER = ApiServer(url="https://us.example:6443", ca_pem="ca")
READER = token("system:serviceaccount:istio-system:fleet-peer")
ADMIN = token("system:serviceaccount:kube-system:lke-admin")


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


def harmless(**over: Any) -> dict[str, Any]:
    """A rule for looking at endpoints, with something else in it."""
    return {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list", "watch"], **over}


@pytest.mark.parametrize(
    "rule",
    [
        harmless(),
        harmless(apiGroups=["discovery.k8s.io"], resources=["endpointslices"]),
        harmless(resources=["configmaps"], resourceNames=["istio"]),
        harmless(apiGroups=["example.com"], resources=["secrets"]),
    ],
)
def test_looking_at_endpoints_is_harmless(rule: dict[str, Any]) -> None:
    assert list(excess(rule)) == []


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (harmless(resources=["secrets"]), ["read secrets"]),
        (harmless(resources=["secrets"], resourceNames=["one"]), ["read secrets"]),
        (harmless(apiGroups=["*"], resources=["pods"]), ["read pods in every API group"]),
        (harmless(resources=["*"]), ["read everything"]),
        (harmless(resources=["configmaps"]), ["read all config maps"]),
        (harmless(resources=["pods/exec"]), ["read pods/exec"]),
        (harmless(resources=["nodes/proxy", "pods/log"]), ["read nodes/proxy", "read pods/log"]),
        (harmless(verbs=["*"]), ["* pods, services"]),
        (harmless(verbs=["list", "patch", "delete"]), ["patch, delete pods, services"]),
        (
            harmless(resources=["serviceaccounts/token"], verbs=["create"]),
            ["create serviceaccounts/token", "read serviceaccounts/token"],
        ),
        (harmless(resources=["users", "groups"], verbs=["impersonate"]), ["impersonate users, groups"]),
        (
            harmless(apiGroups=["rbac.authorization.k8s.io"], resources=["clusterroles"], verbs=["bind", "escalate"]),
            ["bind, escalate clusterroles"],
        ),
        (
            harmless(apiGroups=["authentication.k8s.io"], resources=["tokenreviews"], verbs=["create"]),
            ["create tokenreviews"],
        ),
        ({"nonResourceURLs": ["/metrics"], "verbs": ["post"]}, ["post /metrics"]),
    ],
)
def test_what_goes_beyond_endpoints_is_named(rule: dict[str, Any], found: list[str]) -> None:
    assert list(excess(rule)) == found


def test_a_role_that_others_add_to_may_come_to_allow_anything() -> None:
    [found] = excess_of({"rules": [], "aggregationRule": {"clusterRoleSelectors": [{}]}})
    assert "whatever other roles add to it" in found


PEER = {"name": "fleet-peer", "namespace": "istio-system"}
RBAC = "kubernetes:rbac.authorization.k8s.io/v1"
SECRETS = [harmless(resources=["secrets"])]


def peering(*more: Resource, subject: dict[str, str] | None = None) -> list[Planned]:
    """A member's account for its peers, bound to a role `any`, and the remote secret that holds its token."""
    account = resource(ACCOUNT, "us-peer-access-account", {"metadata": PEER})
    annotations = {"kubernetes.io/service-account.name": PEER["name"]}
    issued = resource(SECRET, "us-peer-access-token", {"type": TOKEN_TYPE, "metadata": {"annotations": annotations}})
    subjects = [subject or {"kind": "ServiceAccount", **PEER}]
    inputs = {"roleRef": {"kind": "ClusterRole", "name": "any"}, "subjects": subjects}
    binding = resource(f"{RBAC}:ClusterRoleBinding", "us-binding", inputs)
    return planned(account, issued, binding, *more, remote(UNKNOWN), stringData=[issued.urn])


def role(kind: str = "ClusterRole", **inputs: Any) -> Resource:
    """A role `any`."""
    return resource(f"{RBAC}:{kind}", "us-role", {"metadata": {"name": "any"}, **inputs})


def beyond(stack_: list[Planned]) -> list[str]:
    return [str(finding) for finding in remote_secret_only_reads_endpoints(stack_, stack())]


def test_a_peer_that_looks_at_endpoints_is_what_a_remote_secret_is_for() -> None:
    assert beyond(peering(role(rules=[harmless()]))) == []


@pytest.mark.parametrize(
    "subject",
    [
        None,
        {"kind": "Group", "name": "system:serviceaccounts:istio-system"},
        {"kind": "Group", "name": "system:serviceaccounts"},
        {"kind": "Group", "name": "system:authenticated"},
    ],
)
def test_a_role_is_judged_by_its_rules_however_the_peer_comes_to_it(subject: dict[str, str] | None) -> None:
    [message] = beyond(peering(role(rules=SECRETS), subject=subject))
    assert message.startswith("binding us-binding: whoever has a remote secret for us may read secrets there")
    assert "raise fleet:mesh.remoteTokenGeneration" in message


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "ServiceAccount", "name": "fleet-peer", "namespace": "default"},
        {"kind": "ServiceAccount", "name": "operator", "namespace": "istio-system"},
        {"kind": "User", "name": "fleet-peer"},
        {"kind": "Group", "name": "system:masters"},
    ],
)
def test_what_others_may_do_is_not_the_peers(subject: dict[str, str]) -> None:
    assert beyond(peering(role(rules=SECRETS), subject=subject)) == []


def test_a_role_that_nobody_knows_the_rules_of_is_refused() -> None:
    [message] = beyond(peering())
    assert "may do whatever any allows, which is not a role of this stack, there" in message
    [namesake] = beyond(peering(role("Role", rules=[harmless()])))
    assert namesake == message, "a Role of the same name is another one"


def test_a_role_of_another_cluster_is_another_role() -> None:
    elsewhere = role(rules=[harmless()])
    elsewhere = dataclasses.replace(elsewhere, provider=elsewhere.provider.replace("us-provider", "eu-provider"))
    assert "not a role of this stack" in beyond(peering(elsewhere))[0]


def test_while_names_are_unknown_it_counts_what_they_come_from() -> None:
    account = resource(ACCOUNT, "us-account", {"metadata": {"name": UNKNOWN, "namespace": UNKNOWN}})
    annotations = {"kubernetes.io/service-account.name": UNKNOWN}
    issued = resource(SECRET, "us-token", {"type": TOKEN_TYPE, "metadata": {"annotations": annotations}})
    given = role(rules=SECRETS)
    subjects = [{"kind": "ServiceAccount", "name": UNKNOWN, "namespace": UNKNOWN}]
    reference = {"kind": "ClusterRole", "name": UNKNOWN}
    binding = resource(f"{RBAC}:ClusterRoleBinding", "us-binding", {"roleRef": reference, "subjects": subjects})
    secret = remote(UNKNOWN)
    made_from = [
        Planned(resource=account),
        Planned(resource=issued, sources={"metadata": [account.urn]}),
        Planned(resource=given),
        Planned(resource=binding, sources={"subjects": [account.urn], "roleRef": [given.urn]}),
        Planned(resource=secret, sources={"stringData": [issued.urn]}),
    ]
    assert len(beyond(made_from)) == 1
    of_somebody_else = [dataclasses.replace(one, sources={}) if one.resource is binding else one for one in made_from]
    assert beyond(of_somebody_else) == []


@pytest.mark.parametrize("stage", Stage)
def test_what_the_program_would_give_too_much_is_seen_before_anything_is_known(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [*peering_of_program.endpoint_rules(), rights_of_program.rule("", ["secrets"], ["list"])]
    monkeypatch.setattr(peering_of_program, "endpoint_rules", lambda: rules)
    config = config_of("prod")
    found = [str(finding) for _, finding in findings(planned_of(config, stage), stack_of(config), [Level.MANDATORY])]
    assert sorted(message.split(" there.")[0] for message in found) == [
        f"binding {member}-peer-access-endpoints-binding: whoever has a remote secret for {member} may read secrets"
        for member in sorted(member for member, cluster in config["clusters"].items() if cluster.get("network"))
    ]
