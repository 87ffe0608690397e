"""What the engine's analyzer protocol makes of the rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_NUMBER_VALUE, UNKNOWN_STRING_VALUE, unknown_checking_proxy

from fleet.config.enforcement import Guardrail
from policies.guardrails.model import UNKNOWN
from policies.guardrails.pack import plain, policies
from policies.guardrails.stack import Session

OPTIONS = PolicyResourceOptions(False, [], None, [], PolicyCustomTimeouts(0, 0, 0), [], None)
CLUSTER = "linode:index/lkeCluster:LkeCluster"
CERTIFICATE = "tls:index/locallySignedCert:LocallySignedCert"


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:prod::fleet::fleet:index:Fleet${kind}::{name}"


def session_of(**config: Any) -> Session:
    """A session of a stack with some config, whose state and prices nobody can read."""
    encoded = {f"fleet:{section}": json.dumps(value) for section, value in config.items()}
    return Session({"PULUMI_STACK": "prod", "PULUMI_CONFIG": json.dumps(encoded)})


@pytest.fixture(autouse=True)
def _no_pulumi_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def named(session: Session, name: str) -> Policy:
    (policy,) = (policy for policy in policies(session) if policy.name == name)
    return policy


def found_early(session: Session, name: str, kind: str, props: dict[str, Any]) -> list[tuple[str, str | None]]:
    policy = named(session, name)
    assert isinstance(policy, ResourceValidationPolicy)
    reports: list[tuple[str, str | None]] = []
    args = ResourceValidationArgs(
        kind, unknown_checking_proxy(props), urn(kind, "us-cluster"), "us-cluster", OPTIONS, None, None, {}
    )
    policy.validate(args, lambda message, on=None: reports.append((message, on)))
    return reports


def test_every_guardrail_is_asked_and_no_name_is_taken_twice() -> None:
    names = [policy.name for policy in policies(session_of())]
    assert len(names) == len(set(names))
    assert {name.removesuffix("-together") for name in names} == set(Guardrail)


def test_without_a_word_in_the_config_everything_is_mandatory_but_what_is_advice_also_in_production() -> None:
    advice = {policy.name for policy in policies(session_of()) if policy.enforcement_level is EnforcementLevel.ADVISORY}
    assert {name.removesuffix("-together") for name in advice} == {"karmada-backup"}
    others = {policy.enforcement_level for policy in policies(session_of()) if policy.name not in advice}
    assert others == {EnforcementLevel.MANDATORY}


def test_a_stack_sets_its_profile_and_what_differs_from_it() -> None:
    session = session_of(guardrails={"profile": "development", "levels": {"tags": "disabled"}})
    assert named(session, "control-plane-acl").enforcement_level is EnforcementLevel.ADVISORY
    assert named(session, "node-loss").enforcement_level is EnforcementLevel.DISABLED
    assert named(session, "mutual-tls-together").enforcement_level is EnforcementLevel.MANDATORY
    assert named(session, "tags").enforcement_level is EnforcementLevel.DISABLED


def test_a_violation_says_where_and_what_mends_it_and_the_policy_why() -> None:
    session = session_of()
    reports = found_early(session, "tags", CLUSTER, {"tags": ["owner:platform"]})
    assert reports == [
        ("cluster us: it carries no tag environment. Set fleet:tags.environment.", urn(CLUSTER, "us-cluster"))
    ]
    assert named(session, "tags").description.endswith("is looked at by nobody.")


def test_what_is_unknown_in_a_preview_is_no_violation_and_no_error() -> None:
    assert found_early(session_of(), "node-loss", CLUSTER, {"pools": [{"count": UNKNOWN_NUMBER_VALUE}]}) == []


def test_properties_become_plain_data() -> None:
    props = {"count": 3.0, "price": 0.5, "name": "a", "on": True, "list": [{"x": UNKNOWN_STRING_VALUE}], "none": None}
    assert plain(unknown_checking_proxy(props)) == {**props, "list": [{"x": UNKNOWN}]}
    assert isinstance(plain(unknown_checking_proxy(props))["count"], int)


def test_state_that_cannot_be_read_is_a_refusal_with_the_reason() -> None:
    ((message, _),) = found_early(session_of(), "acknowledged", "pulumi:pulumi:Stack", {})
    assert "what is deployed cannot be read" in message
    assert "there is no pulumi on PATH" in message


def test_the_stack_is_judged_by_what_the_program_asks_for_and_what_it_is_made_of() -> None:
    session = session_of()
    wanted = {
        "us-ca-cert": {"validityPeriodHours": 24.0 * 100, "earlyRenewalHours": 24.0 * 20},
        "us-cert": {"validityPeriodHours": 24.0 * 30, "earlyRenewalHours": 24.0 * 10},
    }
    resources = []
    for name, props in wanted.items():
        args = ResourceValidationArgs(CERTIFICATE, props, urn(CERTIFICATE, name), name, OPTIONS, None, None, {})
        early = named(session, "certificates")
        assert isinstance(early, ResourceValidationPolicy)
        early.validate(args, lambda message, on=None: pytest.fail(message))
        outputs = unknown_checking_proxy({"certPem": UNKNOWN_STRING_VALUE})
        resources.append(PolicyResource(CERTIFICATE, outputs, args.urn, name, OPTIONS, None, None, [], {}))
    resources[1].property_dependencies["caCertPem"] = [resources[0]]
    late = named(session, "certificates-together")
    assert isinstance(late, StackValidationPolicy)
    reports: list[tuple[str, str | None]] = []
    late.validate(StackValidationArgs(resources, None, {}), lambda message, on=None: reports.append((message, on)))
    ((message, on),) = reports
    assert "it lives 30 days, and its issuer us-ca-cert may have 20 left when it signs" in message
    assert on == urn(CERTIFICATE, "us-cert")


def test_prices_are_asked_where_the_program_asks_linode(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr("plan.prices.fetch", lambda url, token: asked.append((url, token)))
    session = session_of(guardrails={"monthlyLimit": 100})
    provider = {"url": "https://api.example", "token": "from-config", "version": "6.8.0"}
    found_early(session, "tags", "pulumi:providers:linode", provider)
    session.stack.prices()
    assert asked == [("https://api.example", "from-config")]


def test_a_resource_is_in_the_cluster_of_its_provider() -> None:
    session = session_of()
    kind = "kubernetes:helm.sh/v3:Release"
    provider = PolicyProviderResource(
        "pulumi:providers:kubernetes", {}, urn("pulumi:providers:kubernetes", "us-provider"), "us-provider"
    )
    resource = PolicyResource(kind, {"chart": "istiod"}, urn(kind, "r"), "r", OPTIONS, provider, None, [], {})
    late = named(session, "mutual-tls-together")
    assert isinstance(late, StackValidationPolicy)
    reports: list[str] = []
    late.validate(StackValidationArgs([resource], None, {}), lambda message, on=None: reports.append(message))
    assert reports[0].startswith("member us: no PeerAuthentication in istio-system asks for STRICT")
