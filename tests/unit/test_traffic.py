"""Claims about Istio's policies."""

from typing import Any

import pytest

from fleet.config.settings import OutlierDetection, Route, Traffic
from fleet.config.workloads import TrafficMode, Workload
from fleet.mesh import traffic
from fleet.mesh.callers import allowed, forbidden_sources, not_from
from fleet.mesh.rules import strict
from fleet.mesh.values import east_west_gateway, ingress_gateway
from tests.article import WORKLOADS
from tests.unit.configs import article, fleet_of, stack
from tests.unit.graph import build, built

AUTHORIZATION = "kubernetes:security.istio.io/v1:AuthorizationPolicy"


def test_plain_text_is_refused_in_the_whole_mesh() -> None:
    graph = built(stack("dev"))
    rules = graph.of_type("kubernetes:security.istio.io/v1:PeerAuthentication")
    assert {node.provider_name for node in rules} == {"eu-provider", "ap-provider", "us-provider"}
    for rule in rules:
        assert rule.plain()["spec"] == strict() == {"mtls": {"mode": "STRICT"}}
        assert rule.plain()["metadata"] == {"name": "default", "namespace": "istio-system"}, "istio-system is mesh-wide"


REGIONS = {"eu": "eu-west", "ap": "ap-south", "us": "us-west"}


def balance(wanted: Traffic, member: str = "eu") -> dict[str, Any]:
    """Hello's DestinationRule in one member."""
    return traffic.balance("hello", WORKLOADS["hello"], wanted, member=member, regions=REGIONS)


GRACE_SECONDS = 30.0
"""terminationGracePeriodSeconds of Istio's gateway chart."""


def test_requests_prefer_their_own_region_and_fail_over() -> None:
    policy = balance(Traffic())["trafficPolicy"]
    assert policy["loadBalancer"]["localityLbSetting"] == {"enabled": True}
    assert policy["outlierDetection"]["consecutive5xxErrors"] > 0, "Istio fails over only with outlier detection"


def test_global_mode_spreads_over_all_regions() -> None:
    policy = balance(Traffic(mode=TrafficMode.GLOBAL))["trafficPolicy"]
    assert policy["loadBalancer"]["localityLbSetting"] == {"enabled": False}


def test_callers_leave_a_gateway_that_goes_before_it_ends() -> None:
    policy = balance(Traffic())["trafficPolicy"]
    [of_port] = policy["portLevelSettings"]
    assert "connectionPool" not in policy, "a gateway would cut off what it passes"
    assert {key: of_port[key] for key in ("loadBalancer", "outlierDetection")} == {
        key: policy[key] for key in ("loadBalancer", "outlierDetection")
    }, "what a port leaves out is Istio's default"
    duration = of_port["connectionPool"]["tcp"]["maxConnectionDuration"]
    assert float(duration.removesuffix("s")) <= GRACE_SECONDS / 2, "the last call of a connection has time to end too"
    for values in (east_west_gateway("network1", [], 1), ingress_gateway("eu", 1)):
        assert values["env"]["EXIT_ON_ZERO_ACTIVE_CONNECTIONS"] == "true"
        assert "terminationGracePeriodSeconds" not in values, "the chart's own"


def test_outlier_detection_is_config() -> None:
    detection = OutlierDetection.model_validate(
        {"consecutive5xxErrors": 7, "intervalSeconds": 2, "baseEjectionSeconds": 9}
    )
    policy = balance(Traffic(outlier_detection=detection))["trafficPolicy"]
    assert policy["outlierDetection"] == {
        "consecutive5xxErrors": 7,
        "interval": "2s",
        "baseEjectionTime": "9s",
        "maxEjectionPercent": 100,
    }


def test_only_sleep_and_the_ingress_gateway_may_call_hello() -> None:
    spec = allowed("hello", WORKLOADS)
    assert spec["action"] == "ALLOW"
    (rule,) = spec["rules"]
    assert rule["from"][0]["source"]["principals"] == [
        "cluster.local/ns/default/sa/sleep-*",
        "cluster.local/ns/istio-system/sa/istio-ingressgateway-*",
    ]


def test_each_members_ingress_gateway_has_an_identity_of_its_own() -> None:
    graph = built(fleet_of(2))
    releases = [graph.one("kubernetes:helm.sh/v3:Release", f"{name}-ingress-release").plain() for name in ("m0", "m1")]
    accounts = [release["values"]["serviceAccount"]["name"] for release in releases]
    assert accounts == ["istio-ingressgateway-m0", "istio-ingressgateway-m1"]


@pytest.mark.parametrize(("member", "sources"), [("ap", ["us"]), ("us", []), ("eu", ["us", "ap"])])
def test_a_forbidden_route_is_refused_where_it_ends(member: str, sources: list[str]) -> None:
    routes = [
        Route.model_validate({"from": source, "to": target})
        for source, target in (("us", "ap"), ("us", "eu"), ("ap", "eu"))
    ]
    assert forbidden_sources(member, routes) == sources


def test_a_forbidden_route_becomes_a_rule_in_the_called_member_alone() -> None:
    graph = build(stack("dev") | {"traffic": {"forbidden": [{"from": "us", "to": "ap"}]}})
    (rule,) = (node for node in graph.of_type(AUTHORIZATION) if node.plain()["spec"].get("action") == "DENY")
    assert rule.provider_name == "ap-provider"
    assert rule.plain()["spec"] == not_from("hello", WORKLOADS, "us")
    (source,) = rule.plain()["spec"]["rules"][0]["from"]
    assert source["source"]["principals"] == [
        "cluster.local/ns/default/sa/sleep-us",
        "cluster.local/ns/istio-system/sa/istio-ingressgateway-us",
    ]


def test_what_is_about_hello_is_about_its_pods_and_its_service_alone() -> None:
    """Without a selector a rule is for every pod of the namespace, and refuses calls of which it says nothing."""
    graph = build(stack("dev") | {"traffic": {"forbidden": [{"from": "us", "to": "ap"}]}})
    hello = graph.one("kubernetes:apps/v1:Deployment", "hello.submission.deployment").plain()
    service = graph.one("kubernetes:core/v1:Service", "hello.submission.service").plain()["metadata"]
    rules = [node.plain() for node in graph.of_type(AUTHORIZATION)]
    about_all = [rule for rule in rules if "selector" not in rule["spec"]]
    assert [rule["spec"] for rule in about_all] == [{}] * 3, (
        "what is about all pods allows nothing, and refuses nothing"
    )
    rules = [rule for rule in rules if rule not in about_all]
    assert len(rules) == 4, "who may call, in three members, and who may not, in one"
    for rule in rules:
        assert rule["metadata"]["namespace"] == hello["metadata"]["namespace"]
        assert rule["spec"]["selector"] == {"matchLabels": hello["spec"]["template"]["metadata"]["labels"]}
    host = f"{service['name']}.{service['namespace']}.svc.cluster.local"
    balances = [node.plain() for node in graph.of_type("kubernetes:networking.istio.io/v1:DestinationRule")]
    assert [rule["spec"]["host"] for rule in balances] == [host] * 3
    assert {rule["metadata"]["namespace"] for rule in balances} == {service["namespace"]}, "where its callers are"


def test_rules_of_one_kind_have_names_of_their_own_in_a_member() -> None:
    forbidden = [{"from": source, "to": "eu"} for source in ("us", "ap")]
    graph = build(stack("dev") | {"traffic": {"forbidden": forbidden}})
    rules = [node.plain()["metadata"]["name"] for node in graph.of_type(AUTHORIZATION) if "eu" in node.provider_name]
    assert sorted(rules) == [
        "allow-nothing",
        "hello-callers",
        "hello-not-from-ap",
        "hello-not-from-us",
    ], "one would overwrite another"


def test_rules_wait_for_the_webhook_that_checks_them() -> None:
    graph = built(fleet_of(1))
    rules = [node for node in graph.nodes.values() if ".istio.io/" in node.type]
    assert len(rules) == 7
    for node in rules:
        assert "m0-istio-istiod" in graph.reaches(node), node.name


def test_the_ingress_gateway_leads_to_hello() -> None:
    workloads = article(hello={"ingress": {"hosts": ["hello.example"]}})
    graph = build(fleet_of(1) | {"workloads": workloads})
    listening = graph.one("kubernetes:networking.istio.io/v1:Gateway", "default.m0.listener").plain()
    leading = graph.one("kubernetes:networking.istio.io/v1:VirtualService", "hello.ingress.m0").plain()
    gateway, route = listening["spec"], leading["spec"]
    assert route["gateways"] == [listening["metadata"]["name"]], "without a gateway it is for calls within the mesh"
    assert leading["metadata"]["namespace"] == listening["metadata"]["namespace"], "a name alone is one of there"
    release = graph.one("kubernetes:helm.sh/v3:Release", "m0-ingress-release").plain()["values"]
    assert gateway["selector"]["istio"] == release["labels"]["istio"]
    assert gateway["servers"][0]["hosts"] == ["*"], "what leads on says which"
    assert route["hosts"] == ["hello.example"]
    assert route["http"] == [
        {"route": [{"destination": {"host": "hello.default.svc.cluster.local", "port": {"number": 5000}}}]}
    ]


def test_without_an_ingress_gateway_nothing_leads_in() -> None:
    graph = build(fleet_of(1, ingress={"enabled": False}))
    kinds = [node.type.rpartition(":")[2] for node in graph.below("workloads")]
    assert not {"Gateway", "VirtualService"} & set(kinds)


SHOP = Workload.model_validate({"image": "shop", "namespace": "shop", "ports": {"http": 80, "grpc": 90, "tcp": 70}})


@pytest.mark.parametrize(
    ("order", "member", "after"),
    [
        (("us", "ap"), "eu", "us-west"),
        (("us", "ap"), "us", "ap-south"),
        (("eu",), "eu", None),
        ((), "eu", None),
    ],
)
def test_calls_go_on_at_the_first_named_region_that_is_not_their_own(
    order: tuple[str, ...], member: str, after: str | None
) -> None:
    wanted = Traffic(failover=order)
    locality = balance(wanted, member)["trafficPolicy"]["loadBalancer"]["localityLbSetting"]
    assert locality.get("failover") == ([{"from": REGIONS[member], "to": after}] if after else None)


def test_members_of_one_region_do_not_fail_over_to_each_other() -> None:
    """Istio's webhook refuses a region that fails over to itself."""
    made = traffic.balance("x", SHOP, Traffic(failover=("b", "c")), member="a", regions={"a": "r", "b": "r", "c": "s"})
    assert made["trafficPolicy"]["loadBalancer"]["localityLbSetting"]["failover"] == [{"from": "r", "to": "s"}]


def test_every_port_has_the_whole_policy() -> None:
    made = traffic.balance("x", SHOP, Traffic(), member="eu", regions=REGIONS)["trafficPolicy"]["portLevelSettings"]
    assert [one["port"]["number"] for one in made] == [70, 80, 90]


def test_patience_is_for_requests_alone_and_said_nowhere_unless_it_is_asked_for() -> None:
    assert traffic.calls("shop", SHOP, Traffic()) is None
    made = traffic.calls("shop", SHOP, Traffic(timeout_seconds=5, retries=0))
    assert made is not None
    assert [(one["match"], one["timeout"], one["retries"]) for one in made["http"]] == [
        ([{"port": number}], "5s", {"attempts": 0}) for number in (80, 90)
    ]


def test_patience_of_the_whole_fleet_is_no_rule_of_a_workload_without_requests() -> None:
    """Istio's webhook refuses a VirtualService without a route."""
    database = Workload.model_validate({"image": "x", "ports": {"tcp": 5432}})
    assert traffic.calls("database", database, Traffic(timeout_seconds=5, retries=2)) is None


def test_a_path_is_that_one_and_what_is_below_it() -> None:
    entry = SHOP.model_copy(update={"ingress": None})
    ingress = article()["hello"]["ingress"] | {"paths": ["/cart"], "port": "grpc"}
    from_outside = Workload.model_validate({"image": "x", "ports": {"http": 1}, "ingress": ingress | {"port": "http"}})
    assert from_outside.ingress is not None
    made = traffic.route("shop", entry, from_outside.ingress, Traffic())
    assert made["http"][0]["match"] == [{"uri": {"exact": "/cart"}}, {"uri": {"prefix": "/cart/"}}]


def test_what_an_entry_says_of_traffic_goes_over_what_the_fleet_says() -> None:
    workloads = article(hello={"traffic": {"mode": "locality", "retries": 1}})
    graph = build(fleet_of(1) | {"workloads": workloads, "traffic": {"mode": "global", "timeoutSeconds": 9}})
    rule = graph.one("kubernetes:networking.istio.io/v1:DestinationRule", "hello.traffic.m0").plain()["spec"]
    assert rule["trafficPolicy"]["loadBalancer"]["localityLbSetting"] == {"enabled": True}
    (leads,) = graph.one("kubernetes:networking.istio.io/v1:VirtualService", "hello.traffic.m0.calls").plain()["spec"][
        "http"
    ]
    assert (leads["timeout"], leads["retries"]) == ("9s", {"attempts": 1})
