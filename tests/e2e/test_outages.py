"""What a fleet bears: a region that is lost, a manager's node that is another one, certificates that are renewed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.kubernetes.commands import CommandError
from sandbox.verify.karmada import all_joined
from tests.e2e.clients import Account, eventually
from tests.e2e.running import hello_by_member, wrong

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged

AT_HOME = {"eu": 1, "ap": 1, "us": 1}
BY_LOAD_BALANCER = {"endpoint": "loadBalancer"}


@pytest.fixture
def account(fleet: Fleet, tmp_path: Path) -> Account:
    """The fleet's account."""
    return Account(layout=fleet.layout, folder=tmp_path)


def cluster_id(account: Account, name: str) -> int:
    """The id of a cluster of the fleet."""
    clusters = account.call("GET", "lke/clusters")["data"]
    return next(int(cluster["id"]) for cluster in clusters if cluster["label"].startswith(f"{name}-"))


def joined(fleet: Fleet) -> bool:
    """Whether Karmada calls every member Ready."""
    return all_joined(fleet.karmada, set(fleet.members)).holds


def test_a_lost_region_s_replicas_run_elsewhere_and_come_home_when_it_returns(fleet: Fleet, account: Account) -> None:
    members = fleet.configured().members
    eventually(lambda: hello_by_member(members) == AT_HOME, "every region runs one")
    lost_cluster = cluster_id(account, "us")
    machines = account.call("GET", "linode/instances")["data"]
    [machine] = [machine["id"] for machine in machines if machine["lke_cluster_id"] == lost_cluster]
    elsewhere = {name: member for name, member in members.items() if name != "us"}

    account.call("POST", f"linode/instances/{machine}/shutdown")
    lost = time.monotonic()
    eventually(lambda: not joined(fleet), "Karmada misses the member", within_seconds=120)
    print(f"missed after {time.monotonic() - lost:.0f} s")
    eventually(lambda: sum(hello_by_member(elsewhere).values()) == 3, "all run elsewhere", within_seconds=240)
    print(f"replicas moved after {time.monotonic() - lost:.0f} s")

    account.call("POST", f"linode/instances/{machine}/boot")
    back = time.monotonic()
    eventually(lambda: joined(fleet), "the member is Ready again", within_seconds=240)
    print(f"member Ready after {time.monotonic() - back:.0f} s")
    eventually(lambda: hello_by_member(members) == AT_HOME, "every region runs one again", within_seconds=180)
    print(f"replicas home after {time.monotonic() - back:.0f} s")


def recycle_manager(account: Account) -> None:
    """Have the manager's node replaced through the Linode API, and wait for the new one."""
    cluster = cluster_id(account, "cluster-manager")
    [pool] = account.call("GET", f"lke/clusters/{cluster}/pools")["data"]
    [old] = [node["id"] for node in pool["nodes"]]
    account.call("POST", f"lke/clusters/{cluster}/nodes/{old}/recycle")

    def replaced() -> bool:
        nodes = account.call("GET", f"lke/clusters/{cluster}/pools/{pool['id']}")["nodes"]
        return [node["status"] for node in nodes if node["id"] != old] == ["ready"]

    eventually(replaced, "the manager has a new node", within_seconds=240)


def test_by_node_an_update_leads_agents_to_the_managers_new_node(
    fleet: Fleet, account: Account, tmp_path: Path
) -> None:
    before = fleet.configured().outputs["karmadaEndpoint"]
    recycle_manager(account)
    with pytest.raises(CommandError):
        fleet.karmada.kubectl("get", "clusters", "--request-timeout=5s")
    begin = time.monotonic()
    fleet.up()
    assert fleet.outputs["karmadaEndpoint"] != before
    print(f"agents are led to the new node by an update of {time.monotonic() - begin:.0f} s")
    assert wrong(fleet, tmp_path) == []


def test_by_load_balancer_agents_reconnect_by_themselves(fleet: Fleet, account: Account, tmp_path: Path) -> None:
    assert wrong(fleet.configured(karmada=BY_LOAD_BALANCER), tmp_path) == []
    recycle_manager(account)
    begin = time.monotonic()
    eventually(lambda: joined(fleet), "all members are Ready", within_seconds=300)
    print(f"all members Ready {time.monotonic() - begin:.0f} s after the manager's new node")
    assert wrong(fleet, tmp_path) == []


@pytest.mark.parametrize("lifetimes", [{"leafDays": 364}, {"leafDays": 364, "caDays": 3600}])
def test_certificates_are_renewed_by_config_and_everything_reconnects(
    fleet: Fleet, lifetimes: dict[str, Any], tmp_path: Path
) -> None:
    begin = time.monotonic()
    said = fleet.up(karmada=BY_LOAD_BALANCER, certs={"karmada": lifetimes})
    assert "replaced" in said
    eventually(lambda: joined(fleet), "all members are Ready", within_seconds=180)
    print(f"renewed within {time.monotonic() - begin:.0f} s: {', '.join(lifetimes)}")
    assert wrong(fleet, tmp_path) == []
