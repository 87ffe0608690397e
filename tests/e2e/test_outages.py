"""What a fleet bears: a region that is lost, certificates that are renewed, a manager's node that is another one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from fleet.naming import HELLO, KARMADA_CLUSTER_NAMESPACE, KARMADA_NAMESPACE, SLEEP
from sandbox.kubernetes.commands import CommandError
from sandbox.verify.karmada import all_joined
from sandbox.verify.kubeconfigs import keep
from sandbox.verify.member import Client
from tests.e2e.clients import Account, eventually
from tests.e2e.running import hello_by_member, wrong
from tests.e2e.stack import YES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.verify.member import Member
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

AT_HOME: Final = {"eu": 1, "ap": 1, "us": 1}
AS_IN_PRODUCTION: Final = {"failover": {"tolerationSeconds": 300}}
TENANTS: Final = Path(__file__).with_name("tenants.yaml").read_text()
WEB: Final = "tenant-web"
LEDGER: Final = "tenant-ledger"
MOVING: Final = (HELLO, SLEEP, WEB)
RENEWED: Final = {"karmada": {"leafDays": 364, "caDays": 3600}}
"""What every test from the renewal on has, so that none renews them again."""
PATIENT: Final = {"failover": {"tolerationSeconds": 3600}}
"""What a user sets before something that cuts members off from Karmada: it takes them for lost, and moves nothing."""
BY_LOAD_BALANCER: Final = PATIENT | {"endpoint": "loadBalancer", "acl": None}
"""With no ACL, which refuses a node that was recycled until the next update; test_door.py has both together."""


@pytest.fixture
def account(ending_fleet: Fleet, tmp_path: Path) -> Account:
    """The fleet's account."""
    return Account(layout=ending_fleet.layout, folder=tmp_path)


def cluster_id(account: Account, name: str) -> int:
    """The id of a cluster of the fleet."""
    clusters = account.call("GET", "lke/clusters")["data"]
    return next(int(cluster["id"]) for cluster in clusters if cluster["label"].startswith(f"{name}-"))


def joined(fleet: Fleet) -> bool:
    """Whether Karmada calls every member Ready."""
    return all_joined(fleet.karmada.view, set(fleet.members)).holds


def reported(fleet: Fleet, since: datetime) -> bool:
    """Whether every member's agent has renewed its lease since then: what Karmada knew before does not count."""
    leases = fleet.karmada.view.get("leases.coordination.k8s.io", f"--namespace={KARMADA_CLUSTER_NAMESPACE}")["items"]
    renewed = {lease["metadata"]["name"]: datetime.fromisoformat(lease["spec"]["renewTime"]) for lease in leases}
    return all(renewed[name] > since for name in fleet.members)


def pods(fleet: Fleet, *apps: str) -> set[str]:
    """The pods that are ready in all members, of hello and sleep if of no others.

    A replica that moves or starts anew is another pod.
    """
    return {
        pod["metadata"]["uid"]
        for member in fleet.members.values()
        for app in apps or (HELLO, SLEEP)
        for pod in member.running(app)
    }


def by_member(members: Mapping[str, Member], app: str) -> dict[str, int]:
    """How many pods of an app are ready in each member."""
    return {name: len(member.running(app)) for name, member in members.items()}


def lives(members: Mapping[str, Member]) -> dict[str, list[str]]:
    """The claims and pods of the ledger, dead or alive, by member; members that have none are left out."""
    what = ("pods,persistentvolumeclaims", f"--selector=app={LEDGER}", "--namespace=default")
    found = {
        name: [item["metadata"]["uid"] for item in member.view.get(*what)["items"]] for name, member in members.items()
    }
    return {name: uids for name, uids in found.items() if uids}


def wait_until_joined(fleet: Fleet, since: float, what: str) -> None:
    """Wait until every member reports from now on, and tell how long after some `time.monotonic` all did.

    An agent that cannot reach Karmada ends, and kubelet may wait five minutes before it starts one again.
    """
    now = datetime.now(UTC)
    eventually(lambda: joined(fleet) and reported(fleet, now), "all members report, and are Ready", within_seconds=600)
    print(f"all members report and are Ready {time.monotonic() - since:.0f} s after {what}")


@pytest.fixture
def tenants(ending_fleet: Fleet) -> Iterator[None]:
    """A Deployment and a StatefulSet with plain policies of their own run where they belong."""
    fleet = ending_fleet
    fleet.karmada.kubectl("apply", "--filename=-", stdin=TENANTS)
    try:
        eventually(lambda: by_member(fleet.members, WEB) == AT_HOME, "the web runs everywhere", within_seconds=180)
        eventually(lambda: by_member(fleet.members, LEDGER)["us"] == 1, "the ledger runs in us", within_seconds=180)
        yield
    finally:
        fleet.karmada.kubectl("delete", "--filename=-", "--ignore-not-found", "--wait=false", stdin=TENANTS)
        gone = "the tenants are gone, with the volume"
        eventually(lambda: not pods(fleet, WEB) and not lives(fleet.members), gone, within_seconds=180)


@pytest.mark.usefixtures("tenants")
def test_a_member_that_is_silent_for_a_minute_moves_nothing_of_anybody_s(ending_fleet: Fleet) -> None:
    """With the toleration that production has, and the agent stopped, so that the member's pods run on."""
    fleet = ending_fleet.configured(karmada=AS_IN_PRODUCTION)
    us = fleet.members["us"]
    before = pods(fleet, *MOVING, LEDGER)
    bindings = placements(fleet)
    in_agents = ("deployment", "--all", f"--namespace={KARMADA_NAMESPACE}")
    us.kubectl("scale", *in_agents, "--replicas=0")
    silent = time.monotonic()
    eventually(lambda: not joined(fleet), "Karmada misses the member", within_seconds=120)
    time.sleep(max(0.0, silent + 60 - time.monotonic()))
    us.kubectl("scale", *in_agents, "--replicas=1")
    wait_until_joined(fleet, silent, "the agent was stopped")
    # The job has run twice since then, while the member was silent and after its return.
    for _ in range(4):
        time.sleep(30)
        assert placements(fleet) == bindings
        assert pods(fleet, *MOVING, LEDGER) == before


def placements(fleet: Fleet) -> dict[str, object]:
    """Where Karmada has placed everything, and what it is moving."""
    items = fleet.karmada.view.get("resourcebindings.work.karmada.io", "--all-namespaces")["items"]
    return {
        item["metadata"]["name"]: (item["spec"].get("clusters"), item["spec"].get("gracefulEvictionTasks"))
        for item in items
    }


@pytest.mark.usefixtures("tenants")
def test_a_lost_region_s_replicas_run_elsewhere_and_come_home_when_it_returns_and_data_stays(
    ending_fleet: Fleet, account: Account
) -> None:
    fleet = ending_fleet.configured()
    members = fleet.members
    eventually(lambda: hello_by_member(members) == AT_HOME, "every region runs one")
    ledger = lives(members)
    assert set(ledger) == {"us"}
    lost_cluster = cluster_id(account, "us")
    machines = account.call("GET", "linode/instances")["data"]
    [machine] = [machine["id"] for machine in machines if machine["lke_cluster_id"] == lost_cluster]
    elsewhere = {name: member for name, member in members.items() if name != "us"}

    account.call("POST", f"linode/instances/{machine}/shutdown")
    lost = time.monotonic()
    eventually(lambda: not joined(fleet), "Karmada misses the member", within_seconds=120)
    print(f"missed after {time.monotonic() - lost:.0f} s")
    moved = "all that may move runs elsewhere"
    eventually(lambda: all(sum(by_member(elsewhere, app).values()) == 3 for app in MOVING), moved, within_seconds=300)
    print(f"replicas moved after {time.monotonic() - lost:.0f} s")
    # Whatever else were to move would have moved in the same minute.
    time.sleep(60)
    assert lives(elsewhere) == {}, "a StatefulSet has no second life"

    account.call("POST", f"linode/instances/{machine}/boot")
    back = time.monotonic()
    wait_until_joined(fleet, back, "the node was booted")
    home = "every region runs one of each again"
    eventually(lambda: all(by_member(members, app) == AT_HOME for app in MOVING), home, within_seconds=300)
    print(f"replicas home {time.monotonic() - back:.0f} s after the node was booted")
    eventually(lambda: len(members["us"].running(LEDGER)) == 1, "the ledger runs in us")
    assert set(lives(members)) == {"us"}
    assert set(ledger["us"]) & set(lives(members)["us"]), "on the claim that it had"
    marked = fleet.karmada.view.get("resourcebindings.work.karmada.io", "--all-namespaces", "--selector=fleet/evicted")
    assert marked["items"] == [], "nothing waits to come home"


def test_authorities_and_all_that_they_signed_are_renewed_by_config_and_everything_reconnects(
    ending_fleet: Fleet, tmp_path: Path
) -> None:
    before = pods(ending_fleet.configured(karmada=PATIENT))
    begin = time.monotonic()
    said = ending_fleet.up(certs=RENEWED, karmada=PATIENT)
    assert "replaced" in said
    print(f"the renewal took {time.monotonic() - begin:.0f} s")
    wait_until_joined(ending_fleet, begin, "the renewal began")
    assert wrong(ending_fleet, tmp_path) == []
    assert pods(ending_fleet) == before, "what runs in members goes on"


def recycle_manager(account: Account) -> None:
    """Have the manager's node replaced through the Linode API, and wait for the new one."""
    cluster = cluster_id(account, "cluster-manager")
    [pool] = account.call("GET", f"lke/clusters/{cluster}/pools")["data"]
    [old] = [node["id"] for node in pool["nodes"]]
    account.call("POST", f"lke/clusters/{cluster}/nodes/{old}/recycle")

    def replaced() -> bool:
        nodes = account.call("GET", f"lke/clusters/{cluster}/pools/{pool['id']}")["nodes"]
        return [node["status"] for node in nodes if node["id"] != old] == ["ready"]

    begin = time.monotonic()
    eventually(replaced, "the manager has a new node", within_seconds=240)
    print(f"the manager's new node is ready after {time.monotonic() - begin:.0f} s")


def test_by_node_an_update_leads_agents_to_the_managers_new_node(
    ending_fleet: Fleet, account: Account, tmp_path: Path
) -> None:
    fleet = ending_fleet.configured(certs=RENEWED, karmada=PATIENT)
    endpoint, before = fleet.outputs["karmadaEndpoint"], pods(fleet)
    recycle_manager(account)
    with pytest.raises(CommandError):
        fleet.karmada.kubectl("get", "clusters", "--request-timeout=5s")
    begin = time.monotonic()
    fleet.up(certs=RENEWED, karmada=PATIENT)
    print(f"the update took {time.monotonic() - begin:.0f} s")
    assert fleet.outputs["karmadaEndpoint"] != endpoint
    wait_until_joined(fleet, begin, "the update began")
    assert wrong(fleet, tmp_path) == []
    assert pods(fleet) == before, "what runs in members goes on"


def test_by_load_balancer_agents_reconnect_by_themselves(ending_fleet: Fleet, account: Account, tmp_path: Path) -> None:
    begin = time.monotonic()
    fleet = ending_fleet.configured(certs=RENEWED, karmada=BY_LOAD_BALANCER)
    wait_until_joined(fleet, begin, "the update to the load balancer began")
    before = pods(fleet)
    recycle_manager(account)
    begin = time.monotonic()
    wait_until_joined(fleet, begin, "the manager's new node was ready")
    assert wrong(fleet, tmp_path) == []
    assert pods(fleet) == before, "what runs in members goes on"


def signed_by_the_new_authority(kubeconfig: str, by_now: str) -> str:
    """A kubeconfig that trusts today's authority and still authenticates as it did."""
    before, now = yaml.safe_load(kubeconfig), yaml.safe_load(by_now)
    return yaml.safe_dump(before | {"clusters": now["clusters"]})


def test_another_key_of_karmadas_authority_ends_every_certificate_of_the_one_before(
    ending_fleet: Fleet, tmp_path: Path
) -> None:
    sections = {"certs": RENEWED, "karmada": BY_LOAD_BALANCER}
    fleet = ending_fleet.configured(**sections)
    kubeconfig, before = fleet.outputs["karmadaKubeconfig"], pods(fleet)
    resources = fleet.stack.exported()["deployment"]["resources"]
    [key] = [resource["urn"] for resource in resources if resource["urn"].endswith("::karmada-pki-ca-key")]
    begin = time.monotonic()
    fleet.stack.run("up", *YES, f"--replace={key}")
    print(f"the update took {time.monotonic() - begin:.0f} s")
    fleet.up(**sections)
    wait_until_joined(fleet, begin, "the update began")
    content = signed_by_the_new_authority(kubeconfig, fleet.outputs["karmadaKubeconfig"])
    old = Client(kubeconfig=keep(tmp_path / "old.kubeconfig", content), layout=fleet.layout)
    with pytest.raises(CommandError, match=r"Unauthorized|logged in"):
        old.get("clusters")
    assert wrong(fleet, tmp_path) == []
    assert pods(fleet) == before, "what runs in members goes on"
