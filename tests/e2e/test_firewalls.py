"""A Cloud Firewall in front of a real cluster's nodes: what it cuts off, and what Linode's documented rules keep."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from sandbox.clusters.network.plan import NODES_ROUTER
from tests.e2e.clients import AccountClient, ClientError, Cluster, client, eventually, service, web

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.privileged

LKE: Final = "192.168.128.0/17"
# The API server waits half a minute for a kubelet whose packets are dropped, and kubectl asks twice.
_ATTEMPT_SECONDS: Final = 180.0
_WITHIN_SECONDS: Final = 20.0


def _rule(label: str, protocol: str, network: str, ports: str | None = None) -> dict[str, Any]:
    found = {"action": "ACCEPT", "label": label, "protocol": protocol, "addresses": {"ipv4": [network]}}
    return found if ports is None else found | {"ports": ports}


# https://techdocs.akamai.com/cloud-computing/docs/lke-network-firewall-details
DOCUMENTED: Final = [
    _rule("kubelet", "TCP", LKE, "10250,10256"),
    _rule("tunnel", "UDP", LKE, "51820"),
    _rule("dns-tcp", "TCP", LKE, "53"),
    _rule("dns-udp", "UDP", LKE, "53"),
    _rule("routes", "TCP", LKE, "179"),
    _rule("encapsulation", "IPENCAP", LKE),
    _rule("balancers", "TCP", "192.168.255.0/24", "30000-32767"),
]


def _rules(*inbound: dict[str, Any]) -> dict[str, Any]:
    return {"inbound": list(inbound), "inbound_policy": "DROP", "outbound": [], "outbound_policy": "ACCEPT"}


@pytest.fixture(scope="module")
def site(account: AccountClient) -> Cluster:
    """A cluster of two nodes, with a pod on each behind a node port of which each node serves its own."""
    cluster = account.ready(account.create("guarded", region="eu-west", nodes=2))
    spread = web("site", replicas=2)
    spread["spec"]["template"]["spec"]["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "site"}},
        }
    ]
    local = service("site", "NodePort")
    local["spec"]["externalTrafficPolicy"] = "Local"
    cluster.apply(spread, local)
    cluster.kubectl("rollout", "status", "deployment/site", "--timeout=90s")
    eventually(lambda: _runs(cluster), "the cluster works without a firewall")
    return cluster


@pytest.fixture
def firewall(account: AccountClient, site: Cluster) -> Iterator[int]:
    """A firewall that drops all that comes in, in front of both nodes."""
    nodes = [node["spec"]["providerID"].removeprefix("linode://") for node in site.get("nodes")["items"]]
    devices = {"linodes": [int(node) for node in nodes]}
    made = account.call("POST", "networking/firewalls", {"label": "door", "rules": _rules(), "devices": devices})
    yield int(made["id"])
    if any(known["id"] == made["id"] for known in account.call("GET", "networking/firewalls")["data"]):
        account.call("DELETE", f"networking/firewalls/{made['id']}")
    for address in site.node_addresses():
        eventually(partial(_answers, site, address), f"{address} is open again")


def _answers(site: Cluster, address: str) -> bool:
    """Whether a node's port answers a client inside the sandbox."""
    port = site.get("service", "site-nodeport")["spec"]["ports"][0]["nodePort"]
    try:
        client(site.layout, "curl", "--silent", "--max-time", "3", f"http://{address}:{port}")
    except ClientError:
        return False
    return True


def _pods(site: Cluster) -> list[dict[str, Any]]:
    return [pod for pod in site.get("pods", "--selector=app=site")["items"] if pod["status"]["phase"] == "Running"]


def _runs(site: Cluster) -> bool:
    """Whether the control plane reaches kubelets, and pods those of the other node."""
    one, other = _pods(site)
    line = ("timeout", "3", "wget", "-qO-", f"http://{other['status']['podIP']}:8080")
    try:
        said = site.kubectl("--request-timeout=8s", "exec", one["metadata"]["name"], "--", *line)
    except ClientError:
        return False
    return said.strip() == str(other["metadata"]["name"])


def test_a_firewall_without_linodes_documented_rules_cuts_a_cluster_off(
    account: AccountClient, site: Cluster, firewall: int
) -> None:
    path = f"networking/firewalls/{firewall}/rules"
    eventually(lambda: not _runs(site), "kubelets are out of reach", within_seconds=_ATTEMPT_SECONDS)
    account.call("PUT", path, _rules(*DOCUMENTED))
    eventually(lambda: _runs(site), "the cluster works behind its firewall", within_seconds=_ATTEMPT_SECONDS)
    addresses = site.node_addresses()
    assert not any(_answers(site, address) for address in addresses), "and nobody else reaches it"
    door = _rule("door", "TCP", f"{NODES_ROUTER}/32", "30000-32767")
    account.call("PUT", path, _rules(*DOCUMENTED, door))
    for address in addresses:
        eventually(partial(_answers, site, address), f"{address} is open to whom the rule names")


def test_a_recycled_node_is_open_until_it_is_a_device(account: AccountClient, site: Cluster, firewall: int) -> None:
    account.call("PUT", f"networking/firewalls/{firewall}/rules", _rules(*DOCUMENTED))
    pools = account.call("GET", f"lke/clusters/{site.id}/pools")["data"]
    old = pools[0]["nodes"][0]
    known = {node["metadata"]["name"] for node in site.get("nodes")["items"]}
    account.call("POST", f"lke/clusters/{site.id}/nodes/{old['id']}/recycle")

    def replaced() -> bool:
        names = {node["metadata"]["name"] for node in site.get("nodes")["items"]}
        return len(names) == 2 and not names <= known and set(account.node_states(site.id)) == {"ready"}

    eventually(replaced, "another node is in its place", within_seconds=180)
    devices = account.call("GET", f"networking/firewalls/{firewall}/devices")["data"]
    assert old["instance_id"] not in [device["entity"]["id"] for device in devices]
    assert len(devices) == 1
    fresh = next(node for node in site.get("nodes")["items"] if node["metadata"]["name"] not in known)
    address = next(item["address"] for item in fresh["status"]["addresses"] if item["type"] == "ExternalIP")
    site.kubectl("rollout", "status", "deployment/site", "--timeout=90s")
    eventually(lambda: _answers(site, address), "nothing stands before the new node")
    instance = int(re.sub(r"\D+", "", fresh["spec"]["providerID"]))
    account.call("POST", f"networking/firewalls/{firewall}/devices", {"id": instance, "type": "linode"})
    eventually(lambda: not _answers(site, address), "the new node is closed", within_seconds=_WITHIN_SECONDS)
