"""Karmada's door: a scan from outside, before and after it is closed, in both ways to reach it; and its gaps."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from fleet.naming import KARMADA_NAMESPACE
from sandbox.clusters.network import links
from sandbox.clusters.network.plan import NODES_ROUTER, SERVERS, SERVERS_ROUTER
from sandbox.verify import firewall
from sandbox.verify.account import ask
from sandbox.verify.kubeconfigs import keep_all
from sandbox.verify.member import Client
from tests.e2e.clients import AccountClient, ClientError, client, eventually
from tests.e2e.outages import cluster_id, joined, recycle_manager, reported
from tests.e2e.running import wrong
from tests.e2e.stack import YES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from operations.claims import Claim
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

MANAGER: Final = "cluster-manager"
CLIENTS: Final = {"ipv4": [f"{SERVERS_ROUTER}/32", f"{NODES_ROUTER}/32"]}
"""Where the sandbox's clients come from, `pulumi up` among them."""
NOBODY: Final = {"ipv4": ["192.0.2.249/32"]}
STRANGER: Final = SERVERS[250]
"""A machine on the internet that nobody has named."""
PATIENT: Final = {"failover": {"tolerationSeconds": 3600}}
OPEN: Final = PATIENT | {"acl": None}
"""Without the ACL of the checked-in config."""
BY_NODE: Final = PATIENT | {"acl": CLIENTS}
BY_LOAD_BALANCER: Final = BY_NODE | {"endpoint": "loadBalancer"}
KUBELET: Final = 10250


@pytest.fixture
def stranger(ending_fleet: Fleet) -> Iterator[str]:
    """The network namespace of a machine that no ACL names."""
    wan = ending_fleet.layout.wan
    namespace = f"{wan}-stranger"
    links.attach(namespace, address=STRANGER, wan=wan)
    try:
        yield namespace
    finally:
        links.delete_namespace(namespace)


@pytest.fixture
def account(ending_fleet: Fleet, tmp_path: Path) -> AccountClient:
    """The fleet's account."""
    return AccountClient(layout=ending_fleet.layout, folder=tmp_path)


def answers(fleet: Fleet, url: str, namespace: str | None = None) -> bool:
    """Whether a server answers a client of the sandbox, or whoever is in a namespace: anything at all."""
    line = ("curl", "--silent", "--insecure", "--max-time", "3", "--output", "/dev/null", url)
    try:
        client(fleet.layout, *line, namespace=namespace)
    except ClientError:
        return False
    return True


def scanned(fleet: Fleet, stranger: str) -> dict[str, bool]:
    """What a stranger reaches of Karmada's: its address, and each node at the kubelet's and at every node port."""
    manager = fleet.views[MANAGER]
    services = manager.get("services", "--all-namespaces")["items"]
    ports = {port["nodePort"] for service in services for port in service["spec"]["ports"] if port.get("nodePort")}
    nodes = [
        entry["address"]
        for node in manager.get("nodes")["items"]
        for entry in node["status"]["addresses"]
        if entry["type"] == "ExternalIP"
    ]
    places = [f"https://{node}:{port}" for node in nodes for port in sorted({KUBELET, *ports})]
    found = {url: answers(fleet, url, stranger) for url in (fleet.outputs["karmadaEndpoint"], *places)}
    print("\n".join(f"a stranger at {url}: {'answered' if open_ else 'nothing'}" for url, open_ in found.items()))
    return found


def claims(fleet: Fleet) -> list[Claim]:
    """What `verify` claims of the door."""
    return list(firewall.claims(fleet.outputs, partial(ask, fleet.layout)))


def gaps(fleet: Fleet) -> list[str]:
    """The claims about the door that do not hold, with their evidence."""
    return [f"{claim.text}: {claim.evidence}" for claim in claims(fleet) if not claim.holds]


def assert_closed(fleet: Fleet, stranger: str, folder: Path) -> None:
    """Strangers reach nothing, who is named and the members reach Karmada, and the manager is as healthy as before."""
    eventually(lambda: not any(scanned(fleet, stranger).values()), "a stranger reaches nothing", within_seconds=60)
    assert answers(fleet, fleet.outputs["karmadaEndpoint"])
    since = datetime.now(UTC)
    eventually(lambda: joined(fleet) and reported(fleet, since), "all members report", within_seconds=600)
    assert gaps(fleet) == []
    assert wrong(fleet, folder) == []
    # The control plane reaches kubelets, and Karmada's pods each other.
    kubeconfig = keep_all(fleet.outputs, folder)[MANAGER]
    manager = Client(kubeconfig=kubeconfig, layout=fleet.layout)
    logs = manager.kubectl("logs", "deployment/karmada-apiserver", f"--namespace={KARMADA_NAMESPACE}", "--tail=1")
    assert logs.strip()


def test_by_node_only_who_is_named_and_the_members_reach_karmada(
    ending_fleet: Fleet, stranger: str, tmp_path: Path
) -> None:
    before = scanned(ending_fleet.configured(karmada=OPEN), stranger)
    assert all(before.values()), "without an ACL everybody reaches everything"
    assert_closed(ending_fleet.configured(karmada=BY_NODE), stranger, tmp_path)


def test_by_load_balancer_only_who_is_named_and_the_members_reach_karmada(
    ending_fleet: Fleet, stranger: str, tmp_path: Path
) -> None:
    fleet = ending_fleet.configured(karmada=OPEN | {"endpoint": "loadBalancer"})
    assert all(scanned(fleet, stranger).values()), "without an ACL everybody reaches everything"
    assert_closed(fleet.configured(karmada=BY_LOAD_BALANCER), stranger, tmp_path)


def test_an_update_after_nodes_were_recycled_closes_the_gaps_and_says_that_there_were_some(
    ending_fleet: Fleet, stranger: str, account: AccountClient, tmp_path: Path
) -> None:
    fleet = ending_fleet.configured(karmada=BY_LOAD_BALANCER)
    assert gaps(fleet) == []
    recycle_manager(account)
    member = cluster_id(account, "us")
    [pool] = account.call("GET", f"lke/clusters/{member}/pools")["data"]
    [old] = [node["id"] for node in pool["nodes"]]
    account.call("POST", f"lke/clusters/{member}/nodes/{old}/recycle")

    def another() -> bool:
        nodes = account.call("GET", f"lke/clusters/{member}/pools/{pool['id']}")["nodes"]
        return [node["status"] for node in nodes if node["id"] != old] == ["ready"]

    eventually(another, "us has another node", within_seconds=240)
    assert len(gaps(fleet)) == 2, "a node of us is not let in, and one of the manager is behind no firewall"
    said = fleet.up(karmada=BY_LOAD_BALANCER)
    assert "Karmada's API did not let in 198.51.100." in said
    assert "No firewall was before Linode " in said
    assert_closed(fleet, stranger, tmp_path)


def test_an_update_from_a_network_that_is_not_named_says_so_and_one_from_there_goes_on(
    ending_fleet: Fleet, stranger: str, tmp_path: Path
) -> None:
    fleet = ending_fleet.configured(karmada=BY_NODE)
    with pytest.raises(AssertionError, match=r"Is the network that it comes from in karmada\.acl\?"):
        fleet.up(karmada=PATIENT | {"acl": NOBODY})
    assert not answers(fleet, fleet.outputs["karmadaEndpoint"])
    fleet.up(karmada=BY_NODE)
    assert_closed(fleet, stranger, tmp_path)


def test_firewalls_that_somebody_takes_away_are_found_with_what_brings_them_back(
    ending_fleet: Fleet, stranger: str, account: AccountClient, tmp_path: Path
) -> None:
    fleet = ending_fleet.configured(karmada=BY_LOAD_BALANCER)
    assert gaps(fleet) == []
    for found in account.call("GET", "networking/firewalls")["data"]:
        account.call("DELETE", f"networking/firewalls/{found['id']}")
    balancer, nodes = gaps(fleet)
    assert "of which the config does not name 0.0.0.0/0" in balancer
    assert "whose firewall is gone" in nodes
    fleet.stack.run("up", "--refresh", *YES)
    manager = Client(kubeconfig=keep_all(fleet.outputs, tmp_path)[MANAGER], layout=fleet.layout)
    touched = ("service", "karmada-apiserver-public", f"--namespace={KARMADA_NAMESPACE}", "touched=now")
    manager.kubectl("annotate", *touched, "--overwrite")
    fleet.up(karmada=BY_LOAD_BALANCER)  # The firewall of the nodes is another one, by the outputs of now.
    eventually(lambda: gaps(fleet) == [], "both are back")
    assert_closed(fleet, stranger, tmp_path)


def test_a_door_that_is_opened_again_lets_everybody_in(
    ending_fleet: Fleet, stranger: str, account: AccountClient
) -> None:
    ending_fleet.configured(karmada=BY_LOAD_BALANCER)
    fleet = ending_fleet.configured(karmada=OPEN | {"endpoint": "loadBalancer"})
    eventually(lambda: account.call("GET", "networking/firewalls")["data"] == [], "no firewall is left")
    eventually(lambda: all(scanned(fleet, stranger).values()), "everybody is let in", within_seconds=60)
