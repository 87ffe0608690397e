"""Claims about single rules, for what no config of the fleet can cause and a change of its code can."""

from __future__ import annotations

from typing import Any

import pytest

from plan.steps import FIREWALL, LKE_CLUSTER, RELEASE, SERVICE, SERVICE_PATCH
from policies.guardrails.model import UNKNOWN
from policies.guardrails.rules.certificates import (
    LOCALLY_SIGNED,
    SELF_SIGNED,
    certificate_ends_before_its_issuer,
    certificate_is_renewed_in_time,
)
from policies.guardrails.rules.clusters import control_plane_has_an_acl, pools_survive_a_node
from policies.guardrails.rules.firewalls import (
    ACL,
    BY_ID,
    karmada_is_behind_firewalls,
    no_firewall_before_karmada_is_wide,
)
from policies.guardrails.rules.karmada import CRON_JOB, etcd_is_backed_up, etcd_is_on_a_volume
from policies.guardrails.rules.mesh import (
    east_west_gateway_publishes_two_ports,
    every_member_is_strict,
    mutual_tls_is_strict,
)
from policies.guardrails.rules.versions import LATEST_BY_DEFAULT, unpinned, versions_are_pinned
from tests.policies.guardrails.fleets import stack
from tests.policies.guardrails.resources import planned, resource

PEER_AUTHENTICATION = "kubernetes:security.istio.io/v1:PeerAuthentication"
DESTINATION_RULE = "kubernetes:networking.istio.io/v1:DestinationRule"
REPOSITORY = {"repo": "https://charts.example"}


def told(rule: Any, kind: str, inputs: dict[str, Any]) -> list[str]:
    return [finding.what for finding in rule(resource(kind, "us-thing", inputs), stack())]


@pytest.mark.parametrize("network", ["10.0.0.0/7", "0.0.0.0/1", "2000::/3"])
def test_a_piece_of_the_internet_is_as_open_as_all_of_it(network: str) -> None:
    family = "ipv6s" if ":" in network else "ipv4s"
    acl = {"enabled": True, "addresses": [{family: [network]}]}
    (what,) = told(control_plane_has_an_acl, LKE_CLUSTER, {"controlPlane": {"acl": acl}})
    assert f"lets in {network}" in what


def test_an_acl_that_is_not_enabled_is_none() -> None:
    inputs = {"controlPlane": {"acl": {"enabled": False, "addresses": []}}}
    assert told(control_plane_has_an_acl, LKE_CLUSTER, inputs) != []


def test_addresses_that_are_not_known_yet_are_no_violation() -> None:
    acl = {"enabled": True, "addresses": [{"ipv4s": ["203.0.113.0/24", UNKNOWN]}]}
    assert told(control_plane_has_an_acl, LKE_CLUSTER, {"controlPlane": {"acl": acl}}) == []


def rule(protocol: str, ports: str | None = None, network: str = "0.0.0.0/0", action: str = "ACCEPT") -> dict[str, Any]:
    return {"action": action, "protocol": protocol, "ipv4s": [network]} | ({"ports": ports} if ports else {})


@pytest.mark.parametrize(
    ("inbound", "wide"),
    [
        (rule("TCP", "32443"), True),
        (rule("TCP", "22, 80, 30000-30001"), True),
        (rule("TCP", "1-65535"), True),
        (rule("TCP"), True),
        (rule("ALL"), True),
        (rule("UDP", "32767-40000"), True),
        (rule("TCP", "32443", "128.0.0.0/2"), True),
        ({"action": "ACCEPT", "protocol": "TCP", "ipv6s": ["::/0"]}, True),
        (rule("TCP", "443"), False),
        (rule("ICMP"), False),
        (rule("TCP", "32443", action="DROP"), False),
        (rule("TCP", "32443", "203.0.113.0/24"), False),
        (rule("TCP", "32443", UNKNOWN), False),
    ],
)
def test_a_firewall_is_judged_by_what_it_lets_in_at_node_ports_and_by_no_name(
    inbound: dict[str, Any], wide: bool
) -> None:
    inputs = {"inboundPolicy": "DROP", "inbounds": [inbound], "label": "karmada-closed"}
    assert bool(told(no_firewall_before_karmada_is_wide, FIREWALL, inputs)) is wide


@pytest.mark.parametrize("kind", [SERVICE, SERVICE_PATCH])
def test_an_acl_of_a_nodebalancer_is_judged_wherever_it_stands(kind: str) -> None:
    acl = '{"allowList": {"ipv4": ["203.0.113.0/24"], "ipv6": ["::/0"]}}'
    (what,) = told(no_firewall_before_karmada_is_wide, kind, {"metadata": {"annotations": {ACL: acl}}})
    assert what == "the NodeBalancer's ACL lets in ::/0, which is much of the internet"
    unknown = {"metadata": {"annotations": {ACL: UNKNOWN}}}
    assert told(no_firewall_before_karmada_is_wide, kind, unknown) == []


CONTROL_PLANE = resource(RELEASE, "release", {"chart": "karmada"})
NODES = resource(LKE_CLUSTER, "us-cluster", {})
OTHERS = resource(LKE_CLUSTER, "eu-cluster", {})


@pytest.mark.parametrize(
    ("inputs", "behind", "closed"),
    [
        ({"inboundPolicy": "DROP"}, NODES, True),
        ({"inboundPolicy": "DROP", "disabled": False}, NODES, True),
        ({"inboundPolicy": "DROP", "disabled": True}, NODES, False),
        ({"inboundPolicy": "ACCEPT"}, NODES, False),
        ({"inboundPolicy": "DROP"}, OTHERS, False),
    ],
)
def test_the_nodes_that_karmada_runs_on_are_behind_a_firewall_that_drops(
    inputs: dict[str, Any], behind: Any, closed: bool
) -> None:
    firewall = resource(FIREWALL, "any", inputs)
    stacked = planned(CONTROL_PLANE, NODES, OTHERS, firewall, linodes=[behind.urn])
    found = [finding.what for finding in karmada_is_behind_firewalls(stacked, stack())]
    assert (found == []) is closed, found


ALLOW = '{"allowList": {"ipv4": ["203.0.113.0/24"]}}'


@pytest.mark.parametrize(
    ("annotations", "what"),
    [
        ({ACL: ALLOW}, ""),
        ({ACL: UNKNOWN}, ""),
        ({}, "its NodeBalancer has no ACL"),
        ({ACL: '{"denyList": {"ipv4": ["203.0.113.0/24"]}}'}, "does not name whom it lets in"),
        ({ACL: ALLOW, BY_ID: "7"}, "a firewall by its id"),
    ],
)
def test_every_nodebalancer_that_leads_to_karmadas_api_has_an_acl_that_names_whom_it_lets_in(
    annotations: dict[str, str], what: str
) -> None:
    spec = {"type": "LoadBalancer", "selector": {"app": "karmada-apiserver"}}
    service = resource(SERVICE, "any", {"spec": spec})
    patch = resource(SERVICE_PATCH, "patch", {"metadata": {"annotations": annotations}})
    stacked = planned(CONTROL_PLANE, service, patch, metadata=[service.urn])
    found = [finding.what for finding in karmada_is_behind_firewalls(stacked, stack()) if finding.urn == service.urn]
    assert (what in found[0]) if what else found == []


@pytest.mark.parametrize(("annotations", "count"), [({}, 1), ({ACL: ALLOW}, 0)])
def test_a_nodebalancer_that_the_chart_makes_is_one_too(annotations: dict[str, str], count: int) -> None:
    values = {"apiServer": {"serviceType": "LoadBalancer", "serviceAnnotations": annotations}}
    release = resource(RELEASE, "release", {"chart": "karmada", "values": values})
    found = [one.what for one in karmada_is_behind_firewalls(planned(release), stack()) if "NodeBalancer" in one.what]
    assert len(found) == count


def test_a_nodebalancer_that_leads_elsewhere_needs_no_acl() -> None:
    spec = {"type": "LoadBalancer", "selector": {"istio": "ingressgateway"}}
    stacked = planned(CONTROL_PLANE, resource(SERVICE, "any", {"spec": spec}))
    assert all(finding.urn == CONTROL_PLANE.urn for finding in karmada_is_behind_firewalls(stacked, stack()))


def test_a_stack_without_karmada_needs_no_firewall() -> None:
    assert list(karmada_is_behind_firewalls(planned(NODES), stack())) == []


@pytest.mark.parametrize(
    ("etcd", "job", "told_of"),
    [
        ({}, "karmada-backup", False),
        ({}, "another", True),
        ({"mode": "internal"}, None, True),
        ({"mode": "external"}, None, False),
    ],
)
def test_an_etcd_in_karmadas_release_has_the_cronjob_that_backs_it_up(
    etcd: dict[str, str], job: str | None, told_of: bool
) -> None:
    release = resource(RELEASE, "release", {"chart": "karmada", "values": {"etcd": etcd}})
    jobs = [resource(CRON_JOB, "any", {"metadata": {"name": job}})] if job else []
    assert bool(list(etcd_is_backed_up(planned(release, *jobs), stack()))) is told_of


def test_every_pool_counts_for_the_loss_of_a_node() -> None:
    pools = [{"label": "main", "count": 3}, {"label": "gpu", "count": 1}]
    assert told(pools_survive_a_node, LKE_CLUSTER, {"pools": pools}) == [
        "pool gpu may have 1 node, and none when that is lost"
    ]


@pytest.mark.parametrize(
    ("image", "wrong"),
    [
        ("docker.io/library/busybox", "has no tag, which means latest"),
        ("busybox:", "has no tag, which means latest"),
        ("registry.example:5000/busybox", "has no tag, which means latest"),
        ("busybox:latest", "has the moving tag 'latest'"),
        ("registry.example:5000/busybox:1.36.1", ""),
        ("busybox@sha256:0123", ""),
    ],
)
def test_an_image_is_pinned_by_a_tag_that_stays_or_a_digest(image: str, wrong: str) -> None:
    assert unpinned(image) == wrong


@pytest.mark.parametrize("version", [None, "1.x", "^1.31.0", ">=1.31.0", "1.31"])
def test_a_range_of_versions_is_no_version(version: str | None) -> None:
    (what,) = told(versions_are_pinned, RELEASE, {"chart": "base", "version": version, "repositoryOpts": REPOSITORY})
    assert "of chart base is a range" in what or what == "chart base has no version"


@pytest.mark.parametrize(
    "where",
    [
        {"chart": "base", "version": "1.31.0", "repositoryOpts": REPOSITORY},
        {"chart": "oci://charts.example/istio/base", "version": "1.31.0-rc.1"},
        {"chart": "/var/lib/charts/istio/base"},
    ],
)
def test_a_chart_is_pinned_by_an_exact_version_or_lies_in_a_folder(where: dict[str, Any]) -> None:
    assert told(versions_are_pinned, RELEASE, where) == []


def test_images_deep_in_values_are_seen_with_their_path() -> None:
    values = {"a": [{"image": "example/tool"}], "b": {"image": "proxyv2"}, "c": {"image": {"tag": ""}}}
    assert told(versions_are_pinned, RELEASE, {"chart": "base", "version": "1.31.0", "values": values}) == [
        "a[0].image is 'example/tool', which has no tag, which means latest",
        "c.image.tag is '', which moves",
    ]


def test_what_karmadas_chart_leaves_at_latest_has_to_be_set() -> None:
    set_by_fleet = {part: {"image": {"tag": "v1.18.2"}} for part in LATEST_BY_DEFAULT["karmada"]["host"]}
    inputs = {"chart": "karmada", "version": "v1.18.1", "values": set_by_fleet}
    assert told(versions_are_pinned, RELEASE, inputs) == []
    inputs["values"] = {part: tag for part, tag in set_by_fleet.items() if part != "cfssl"}
    assert told(versions_are_pinned, RELEASE, inputs) == [
        "cfssl.image.tag is not set, and latest by the chart's default"
    ]


def test_images_of_jobs_on_a_schedule_are_seen_too() -> None:
    template = {"template": {"spec": {"containers": [{"image": "example/tool:latest"}]}}}
    told_of = told(versions_are_pinned, "kubernetes:batch/v1:CronJob", {"spec": {"jobTemplate": {"spec": template}}})
    assert told_of == ["image 'example/tool:latest' has the moving tag 'latest'"]


@pytest.mark.parametrize("values", [{}, {"etcd": {"internal": {}}}])
def test_karmadas_chart_without_a_word_keeps_etcd_on_the_node(values: dict[str, Any]) -> None:
    assert "hostPath" in told(etcd_is_on_a_volume, RELEASE, {"chart": "karmada", "values": values})[0]


@pytest.mark.parametrize("values", [{"installMode": "agent"}, {"etcd": {"mode": "external"}}])
def test_where_the_chart_runs_no_etcd_there_is_no_volume_to_ask_for(values: dict[str, Any]) -> None:
    assert told(etcd_is_on_a_volume, RELEASE, {"chart": "karmada", "values": values}) == []


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"mtls": {"mode": "PERMISSIVE"}}, "mtls.mode is PERMISSIVE"),
        ({}, "mtls.mode is not set"),
        (
            {"mtls": {"mode": "STRICT"}, "portLevelMtls": {"80": {"mode": "DISABLE"}}},
            "portLevelMtls.80.mode is DISABLE",
        ),
    ],
)
def test_no_policy_lets_plain_text_in(spec: dict[str, Any], what: str) -> None:
    (found,) = told(mutual_tls_is_strict, PEER_AUTHENTICATION, {"spec": spec})
    assert what in found


@pytest.mark.parametrize(
    "policy",
    [{"tls": {"mode": "DISABLE"}}, {"portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}]}],
)
def test_no_rule_turns_mutual_tls_off(policy: dict[str, Any]) -> None:
    inputs = {"spec": {"host": "hello", "trafficPolicy": policy}}
    assert told(mutual_tls_is_strict, DESTINATION_RULE, inputs) == ["it turns TLS off for calls to hello"]


@pytest.mark.parametrize(
    ("namespace", "spec", "count"),
    [
        ("istio-system", {"mtls": {"mode": "STRICT"}}, 0),
        ("istio-system", {"mtls": {"mode": "PERMISSIVE"}}, 1),
        ("default", {"mtls": {"mode": "STRICT"}}, 1),
        ("istio-system", {"mtls": {"mode": "STRICT"}, "selector": {"matchLabels": {"app": "hello"}}}, 1),
    ],
)
def test_strict_has_to_hold_for_the_whole_mesh(namespace: str, spec: dict[str, Any], count: int) -> None:
    istiod = resource(RELEASE, "us-istio-istiod", {"chart": "istiod"})
    policy = resource(PEER_AUTHENTICATION, "tls", {"metadata": {"namespace": namespace}, "spec": spec})
    assert len(list(every_member_is_strict(planned(istiod, policy), stack()))) == count


def test_an_expelled_member_whose_policies_are_forgotten_holds_no_update_up() -> None:
    istiod = resource(RELEASE, "us-istio-istiod", {"chart": "istiod"})
    assert list(every_member_is_strict(planned(istiod), stack())) != []
    assert list(every_member_is_strict(planned(istiod), stack(expelled=["us"]))) == []


def test_a_gateway_with_the_charts_own_ports_shows_too_much() -> None:
    inputs = {"chart": "gateway", "values": {"labels": {"topology.istio.io/network": "network2"}}}
    assert told(east_west_gateway_publishes_two_ports, RELEASE, inputs) == [
        "it publishes ports 80, 443 to the internet"
    ]


def test_an_ingress_gateway_may_publish_what_the_internet_needs() -> None:
    values = {"labels": {"istio": "ingressgateway"}, "service": {"ports": [{"port": 80}, {"port": 443}]}}
    assert told(east_west_gateway_publishes_two_ports, RELEASE, {"chart": "gateway", "values": values}) == []


def test_a_service_of_the_east_west_gateway_counts_too() -> None:
    spec = {"selector": {"istio": "eastwestgateway"}, "ports": [{"port": 15443}, {"port": 15012}]}
    (what,) = told(east_west_gateway_publishes_two_ports, SERVICE, {"spec": spec})
    assert what == "it publishes port 15012 to the internet"


def certificate(kind: str, name: str, days: int, renewal: int, end: str | None = None) -> Any:
    inputs = {"validityPeriodHours": days * 24, "earlyRenewalHours": renewal * 24}
    outputs = {"validityEndTime": end} if end else {}
    return resource(kind, name, inputs, below="fleet:mesh:Mesh$", outputs=outputs)


def test_a_certificate_that_every_update_would_renew_is_refused() -> None:
    (finding,) = certificate_is_renewed_in_time(certificate(LOCALLY_SIGNED, "leaf", 30, 30), stack())
    assert "so every update would renew it" in finding.what
    assert "fleet:certs.mesh.renewBeforeDays to less than fleet:certs.mesh.intermediateDays" in finding.mend


def test_what_is_signed_last_still_ends_before_its_issuer() -> None:
    root = certificate(SELF_SIGNED, "root", 3650, 40)
    leaf = certificate(LOCALLY_SIGNED, "leaf", 41, 10)
    (finding,) = certificate_ends_before_its_issuer(planned(root, leaf, caCertPem=[root.urn]), stack())
    assert finding.what == "it lives 41 days, and its issuer root may have 40 left when it signs"
    fitting = certificate(LOCALLY_SIGNED, "leaf", 40, 10)
    assert list(certificate_ends_before_its_issuer(planned(root, fitting, caCertPem=[root.urn]), stack())) == []


def test_dates_that_are_known_count_before_plans() -> None:
    root = certificate(SELF_SIGNED, "root", 3650, 400, "2027-01-01T00:00:00Z")
    leaf = certificate(LOCALLY_SIGNED, "leaf", 365, 30, "2027-02-01T00:00:00Z")
    (finding,) = certificate_ends_before_its_issuer(planned(root, leaf, caCertPem=[root.urn]), stack())
    assert finding.what == "it ends on 2027-02-01, after its issuer root on 2027-01-01"
