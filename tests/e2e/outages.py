"""What tests of lost members, managers and certificates share: who reports, and where what runs."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fleet.naming import KARMADA_CLUSTER_NAMESPACE
from sandbox.verify.karmada import all_joined
from tests.article import HELLO, SLEEP
from tests.e2e.clients import AccountClient, eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.verify.member import Member
    from tests.e2e.running import Fleet

AT_HOME: Final = {"eu": 1, "ap": 1, "us": 1}
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


def cluster_id(account: AccountClient, name: str) -> int:
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


def recycle_manager(account: AccountClient) -> None:
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
