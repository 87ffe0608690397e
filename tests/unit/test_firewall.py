"""Claims about who reaches Karmada's API, and about what LKE needs to reach behind its firewall."""

import enum
import json
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

import pulumi
import pytest

from fleet.config.pools import Acl
from fleet.deployed import Deployed
from fleet.karmada.firewall import ACL_ANNOTATION, LKE_RULES, let_in, not_behind, not_let_in
from tests.unit.configs import fleet_of
from tests.unit.graph import LET_THROUGH, Graph, Node, Stage, build

FIREWALL = "linode:index/firewall:Firewall"
PATCH = "kubernetes:core/v1:ServicePatch"
SERVICE = "kubernetes:core/v1:Service"
RELEASE = "kubernetes:helm.sh/v3:Release"
CLUSTER = "linode:index/lkeCluster:LkeCluster"
OPERATORS = "203.0.113.0/24"
ACL = {"ipv4": [OPERATORS], "ipv6": ["2001:db8::/32"]}
ANYWHERE = "8.8.8.8"


class Mode(enum.Enum):
    """How members reach Karmada's API, which has an ACL."""

    BY_NODE = "node"
    BY_LOAD_BALANCER = "loadBalancer"

    @property
    def section(self) -> dict[str, Any]:
        """The config's section `karmada`."""
        return {"acl": ACL, "endpoint": self.value}


BY_NODE, BY_LOAD_BALANCER = Mode


@cache
def fleet(mode: Mode, stage: Stage = Stage.UPDATE) -> Graph:
    """The graph of two members; it takes a while."""
    return build(fleet_of(2, karmada=mode.section), stage)


def node_ips(graph: Graph, *clusters: str) -> list[str]:
    return [address for cluster in clusters for address in graph.outputs["stack"]["nodeIps"][cluster]]


def firewall(graph: Graph) -> Node:
    (found,) = graph.of_type(FIREWALL)
    return found


def admits(inputs: dict[str, Any], source: str, protocol: str, port: int | None = None) -> bool:
    """Whether a firewall lets a packet in, as Linode reads its rules."""
    for rule in inputs["inbounds"]:
        networks = [*(rule.get("ipv4s") or ()), *(rule.get("ipv6s") or ())]
        if rule["protocol"] != protocol or not any(ip_address(source) in ip_network(one) for one in networks):
            continue
        first, _, last = (rule.get("ports") or "0-65535").partition("-")
        if port is None or int(first) <= port <= int(last or first):
            return bool(rule["action"] == "ACCEPT")
    return bool(inputs["inboundPolicy"] == "ACCEPT")


def allow_list(graph: Graph) -> Any:
    (patch,) = graph.of_type(PATCH)
    return json.loads(patch.plain()["metadata"]["annotations"][ACL_ANNOTATION])["allowList"]


def test_without_an_acl_no_firewall_is_made_and_the_service_has_no_annotation_of_one() -> None:
    for karmada in ({}, {"endpoint": "loadBalancer"}):
        graph = build(fleet_of(1, karmada=karmada))
        assert not graph.of_type(FIREWALL, PATCH)
        assert "karmadaFirewall" not in graph.outputs["stack"], "None"
        assert not graph.let_in, "nobody waits at a door that is open"
        assert all("firewall" not in json.dumps(service.inputs) for service in graph.of_type(SERVICE))


def test_by_node_the_port_is_open_to_the_acl_and_the_members_nodes_alone() -> None:
    graph = fleet(BY_NODE)
    inputs = firewall(graph).plain()
    for source in ("203.0.113.9", "2001:db8::9", *node_ips(graph, "m0", "m1")):
        assert admits(inputs, source, "TCP", 32443), source
    for source in (ANYWHERE, "2001:4860::1", "192.168.255.7"):
        assert admits(inputs, source, "TCP", 32443) is source.startswith("192.168.255."), source
    assert not graph.of_type(PATCH)


def test_by_load_balancer_no_node_port_is_open_to_anybody_but_nodebalancers() -> None:
    graph = fleet(BY_LOAD_BALANCER)
    inputs = firewall(graph).plain()
    for source in ("203.0.113.9", "2001:db8::9", *node_ips(graph, "m0"), ANYWHERE):
        for port in (30000, 32443, 32767):
            assert not admits(inputs, source, "TCP", port), (source, port)


def test_the_nodebalancer_lets_in_the_acl_and_the_members_nodes_alone() -> None:
    graph = fleet(BY_LOAD_BALANCER)
    nodes = [f"{address}/32" for address in node_ips(graph, "m0", "m1")]
    assert allow_list(graph) == {"ipv4": [OPERATORS, *sorted(nodes)], "ipv6": ["2001:db8::/32"]}


def test_nobody_waits_at_the_door_for_pods_that_come_after_it() -> None:
    [patch] = fleet(BY_LOAD_BALANCER).of_type(PATCH)
    annotations = patch.plain()["metadata"]["annotations"]
    assert annotations["pulumi.com/skipAwait"] == "true", "the API server behind it starts only once it is closed"


def test_a_family_without_networks_is_left_out() -> None:
    graph = build(fleet_of(1, karmada=BY_LOAD_BALANCER.section | {"acl": {"ipv4": [OPERATORS]}}))
    assert "ipv6" not in allow_list(graph), "the cloud controller would make a rule that names nobody"
    assert all(rule.get("ipv6s") != [] for rule in firewall(graph).plain()["inbounds"]), "Linode's provider takes none"


@pytest.mark.parametrize("mode", Mode)
def test_the_managers_live_nodes_are_behind_the_firewall_and_nobody_elses(mode: Mode) -> None:
    config = fleet_of(2, karmada=mode.section)
    config["clusters"]["manager"]["pools"]["main"]["count"] = 3
    graph = build(config)
    node = firewall(graph)
    number = sum(b"manager-cluster")
    assert node.plain()["linodes"] == [number * 10 + index for index in range(3)]
    assert node.sources["linodes"] == (graph.one(CLUSTER, "manager-cluster").urn,)


@pytest.mark.parametrize(
    ("source", "protocol", "port", "what"),
    [
        ("192.168.130.7", "TCP", 10250, "the control plane asks kubelets for logs, exec and metrics"),
        ("192.168.130.7", "TCP", 10256, "kube-proxy's health is asked for"),
        ("192.168.130.7", "UDP", 51820, "the control plane's tunnel"),
        ("192.168.130.7", "TCP", 53, "pods ask the cluster's DNS on other nodes"),
        ("192.168.130.7", "UDP", 53, "pods ask the cluster's DNS on other nodes"),
        ("192.168.130.7", "TCP", 179, "Calico's nodes tell each other routes"),
        ("192.168.130.7", "TCP", 5473, "Calico's nodes ask Typha"),
        ("192.168.130.7", "IPENCAP", None, "pods of different nodes talk"),
        ("192.168.255.7", "TCP", 30000, "a NodeBalancer's calls and health checks"),
        ("192.168.255.7", "TCP", 32767, "a NodeBalancer's calls and health checks"),
        ("192.168.255.7", "UDP", 31000, "a NodeBalancer's calls"),
        (ANYWHERE, "ICMP", None, "a path's largest packet is found by ICMP"),
        ("2001:4860::1", "ICMP", None, "a path's largest packet is found by ICMP"),
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_lke_stays_healthy_behind_the_firewall(
    mode: Mode, source: str, protocol: str, port: int | None, what: str
) -> None:
    assert admits(firewall(fleet(mode)).plain(), source, protocol, port), what


@pytest.mark.parametrize("mode", Mode)
def test_nodes_answer_the_world_by_icmp_alone_and_may_call_whom_they_want(mode: Mode) -> None:
    inputs = firewall(fleet(mode)).plain()
    for port in (22, 53, 179, 5473, 6443, 10250, 10256, 30000, 32443, 51820):
        for protocol in ("TCP", "UDP"):
            assert not admits(inputs, ANYWHERE, protocol, port), (protocol, port)
    assert not admits(inputs, ANYWHERE, "IPENCAP")
    assert (inputs["inboundPolicy"], inputs["outboundPolicy"]) == ("DROP", "ACCEPT")
    assert not inputs.get("disabled")


def test_the_rules_are_such_as_linode_takes() -> None:
    inputs = firewall(fleet(BY_NODE)).plain()
    assert len(inputs["inbounds"]) <= 25
    labels = [rule["label"] for rule in inputs["inbounds"]]
    assert len(set(labels)) == len(labels)
    assert all(3 <= len(label) <= 32 for label in [*labels, inputs["label"]])
    assert all(rule.ports is None for rule in LKE_RULES if rule.protocol in ("ICMP", "IPENCAP")), "they have no ports"


@pytest.mark.parametrize("mode", Mode)
def test_the_api_answers_only_after_the_door_is_closed(mode: Mode) -> None:
    graph = fleet(mode)
    before = graph.reaches(graph.one(RELEASE, "karmada-release"))
    assert "karmada-firewall-nodes" in before
    assert ("karmada-firewall-balancer" in before) is (mode is BY_LOAD_BALANCER)


def test_the_mesh_and_the_clusters_wait_for_no_firewall() -> None:
    graph = fleet(BY_LOAD_BALANCER)
    for node in [*graph.below("mesh"), *graph.of_type(CLUSTER)]:
        assert not {name for name in graph.reaches(node) if "firewall" in name}, node.name


def test_an_address_that_is_not_known_yet_leaves_karmadas_own_known_in_a_preview() -> None:
    """Else the review of a new region would show every certificate and object of Karmada as another one."""
    graph = fleet(BY_LOAD_BALANCER)
    members = {"m0-cluster", "m1-cluster"}
    assert members <= graph.reaches(graph.of_type(PATCH)[0])
    assert not members & graph.reaches(graph.one(SERVICE, "karmada-endpoint"))
    request = graph.one("tls:index/certRequest:CertRequest", "karmada-pki-server-request")
    assert not members & graph.reaches(request)


@pytest.mark.parametrize("mode", Mode)
def test_a_fresh_preview_plans_the_firewalls_that_an_update_makes(mode: Mode) -> None:
    assert fleet(mode, Stage.PREVIEW).nodes.keys() == fleet(mode).nodes.keys()


def test_the_cloud_controller_removes_the_balancers_firewall_with_the_service() -> None:
    (patch,) = fleet(BY_LOAD_BALANCER).of_type(PATCH)
    assert patch.retained, "it would find no annotation any more, and leave the firewall in the account"


def test_an_update_stands_at_the_door_itself_and_a_preview_does_not() -> None:
    graph = fleet(BY_NODE)
    assert len(graph.let_in) == 1
    assert "https://" in graph.let_in[0]
    provider = graph.one("pulumi:providers:kubernetes", "karmada-provider")
    assert provider.plain()["kubeconfig"].endswith(LET_THROUGH), "it goes round the door"
    preview = fleet(BY_NODE, Stage.PREVIEW)
    assert not preview.let_in
    sources = preview.one("pulumi:providers:kubernetes", "karmada-provider").sources["kubeconfig"]
    assert not [urn for urn in sources if "firewall" in urn], "with an unknown kubeconfig it could compare nothing"


def test_an_expelled_member_is_let_in_no_more() -> None:
    config = fleet_of(2, karmada=BY_LOAD_BALANCER.section)
    config["clusters"]["m1"]["expelled"] = True
    graph = build(config)
    assert allow_list(graph)["ipv4"] == [OPERATORS, *(f"{address}/32" for address in node_ips(graph, "m0"))]


def deployed(graph: Graph, **record: Any) -> dict[str, Any]:
    """What the next update reads of this one."""
    outputs = graph.outputs["stack"]
    clusters = [{"name": cluster["name"], "version": "1.35"} for cluster in outputs["clusters"]]
    return {"clusters": clusters, "karmadaFirewall": outputs["karmadaFirewall"] | record}


@pytest.mark.parametrize("mode", Mode)
def test_the_next_update_finds_no_gap_where_no_node_is_another_one(mode: Mode) -> None:
    graph = fleet(mode)
    assert build(fleet_of(2, karmada=mode.section), deployed=deployed(graph)).warned == []


@pytest.mark.parametrize("mode", Mode)
def test_an_update_after_nodes_were_recycled_closes_the_gap_and_says_that_there_was_one(
    mode: Mode,
) -> None:
    graph = fleet(mode)
    (recycled,) = node_ips(graph, "m1")
    (linode,) = firewall(graph).plain()["linodes"]
    sources = [source for source in graph.outputs["stack"]["karmadaFirewall"]["sources"] if recycled not in source]
    again = build(fleet_of(2, karmada=mode.section), deployed=deployed(graph, sources=sources, linodes=[1]))
    assert sorted(again.warned) == [
        f"Karmada's API did not let in {recycled}: nodes of m1 that came since the last update. This one lets them in.",
        f"No firewall was before Linode {linode}: nodes of manager that came since the last update, whose node ports "
        "answered everybody. This one puts them behind it.",
    ]
    assert recycled in json.dumps(again.outputs["stack"]["karmadaFirewall"]["sources"])
    assert again.outputs["stack"]["karmadaFirewall"]["linodes"] == [linode]


def test_a_member_and_a_manager_that_are_new_are_no_gap() -> None:
    record = {"manager": "other", "linodes": [1], "sources": [OPERATORS]}
    before = Deployed.model_validate({"karmadaFirewall": record, "clusters": [{"name": "eu", "version": "1.35"}]})
    assert list(not_let_in(before, {"us": ["198.51.100.7"], "eu": ["203.0.113.7"]})) == []
    assert list(not_behind(before, "manager", [2])) == []


def test_a_node_in_a_network_of_the_acl_takes_no_room() -> None:
    acl = Acl.model_validate({"ipv4": ["198.51.100.0/25"]})
    admitted = let_in(acl, ["198.51.100.200", "198.51.100.7", "198.51.100.130"])
    assert admitted.ipv4 == ("198.51.100.0/25", "198.51.100.130/32", "198.51.100.200/32")


def test_more_nodes_than_a_rule_has_room_for_are_refused_with_the_remedy() -> None:
    acl = Acl.model_validate({"ipv4": [OPERATORS]})
    nodes = [f"10.0.{number // 250}.{number % 250}" for number in range(255)]
    assert len(let_in(acl, nodes[:254]).ipv4) == 255
    with pytest.raises(pulumi.RunError, match=r"karmada\.acl: .* 255 nodes of members are 256, .* room for 255; name"):
        let_in(acl, nodes)


def test_an_acl_that_is_dropped_is_taken_off_the_nodebalancer() -> None:
    before = deployed(fleet(BY_LOAD_BALANCER))
    graph = build(fleet_of(2, karmada={"endpoint": "loadBalancer"}), deployed=before)
    (patch,) = graph.of_type(PATCH)
    assert ACL_ANNOTATION not in patch.plain()["metadata"]["annotations"], "what is retained would shut new nodes out"
    assert not graph.of_type(FIREWALL)
    assert "karmadaFirewall" not in graph.outputs["stack"], "None"
