"""The manager is lost with Karmada and all that users had submitted.

Steady: a user's Deployment runs in every region, and there is a backup in the bucket.
Done: the manager's cluster is deleted behind the program's back, rebuilt by it, and Karmada restored from the backup.
Must hold: what users had submitted is the very same object; no member's pod is another one or restarts; a restore with
what does not fit changes nothing.
By: all members are Ready within 5 minutes of the restore.
"""

from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fleet.karmada.users import OPERATOR
from sandbox.clusters.host.subprocesses import CommandError
from sandbox.toolchain import tool_path
from sandbox.verify.karmada import all_joined
from tests.e2e.clients import AccountClient, eventually
from tests.e2e.operating import IDENTITY, Bucket, Operator
from tests.e2e.running import wrong
from tests.e2e.stack import YES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

GUEST = Path(__file__).with_name("guest.yaml").read_text()
"""What a user has submitted, of which the program knows nothing."""
RENEWED = {"karmada": {"caDays": 3651}}
"""Another lifetime is another certificate of Karmada's authority."""


def _pods(fleet: Fleet) -> dict[str, tuple[str, int]]:
    """Every pod of every member outside of Karmada's own namespace: its uid, and how often it has restarted."""
    found: dict[str, tuple[str, int]] = {}
    for name, member in fleet.members.items():
        for pod in member.get("pods", "--all-namespaces")["items"]:
            meta: dict[str, Any] = pod["metadata"]
            if meta["namespace"] != "karmada-system":
                restarts = sum(one["restartCount"] for one in pod["status"].get("containerStatuses", ()))
                found[f"{name}/{meta['namespace']}/{meta['name']}"] = (meta["uid"], restarts)
    return found


def _guests(fleet: Fleet) -> int:
    return sum(len(member.running("guest")) for member in fleet.members.values())


def _uid(fleet: Fleet) -> str:
    found: str = fleet.karmada.view.get("deployment", "guest")["metadata"]["uid"]
    return found


def _reporting(fleet: Fleet, since: datetime) -> bool:
    """Whether every member is Ready by what its agent has said since some moment: a snapshot has conditions as well."""
    leases = fleet.karmada.view.get("leases", "--namespace=karmada-cluster")["items"]
    renewed = {lease["metadata"]["name"]: datetime.fromisoformat(lease["spec"]["renewTime"]) for lease in leases}
    names = set(fleet.members)
    return all(renewed.get(name, since) > since for name in names) and all_joined(fleet.karmada.view, names).holds


def _lose_manager(account: AccountClient) -> None:
    """Delete the manager's cluster behind the program's back, and what it leaves in the account."""
    clusters = account.call("GET", "lke/clusters")["data"]
    [lost] = [cluster["id"] for cluster in clusters if cluster["label"].startswith("cluster-manager-")]
    account.delete(lost)


def _took(begin: float, what: str) -> float:
    """Tell how long a step took, for the documentation; the time now."""
    now = time.monotonic()
    print(f"{what}: {now - begin:.0f} s at a load of {os.getloadavg()[0]:.0f}")
    return now


def _containers(fleet: Fleet) -> dict[str, tuple[str, int]]:
    """Every pod of Karmada's on the manager: its uid, and how often it has restarted."""
    manager = fleet.views["cluster-manager"]
    return {
        pod["metadata"]["name"]: (
            pod["metadata"]["uid"],
            sum(one["restartCount"] for one in pod["status"].get("containerStatuses", ())),
        )
        for pod in manager.get("pods", "--namespace=karmada-system")["items"]
        if not pod["metadata"]["name"].startswith(("karmada-backup", "karmada-failover"))
    }


def _refusals(operator: Operator, bucket: Bucket, name: str, folder: Path, restore: list[str]) -> Iterator[str]:
    """What is said of an identity that is another's, not there, or not given, and of a backup that was cut short."""
    subprocess.run([tool_path("age-keygen"), "--output", folder / "other"], check=True, capture_output=True)
    for identity in (f"--identity={folder / 'other'}", f"--identity={folder / 'none'}", "--lost=nobody"):
        done = operator.run("restore", *restore, identity)
        assert done.returncode != 0, done.stdout
        yield done.stderr
    whole = bucket.get(name)
    later = f"{name[:-1]}1Z"
    bucket.put(later, whole[: len(whole) - 1000])
    done = operator.run("restore", *restore, f"--identity={IDENTITY}", f"--backup={later}")
    assert done.returncode != 0, done.stdout
    yield done.stderr


def _bundles(fleet: Fleet) -> set[str]:
    """The authorities that Karmada's API server trusts where it calls Karmada's own webhooks."""
    kinds = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
    found = [item for kind in kinds for item in fleet.karmada.get(kind)["items"]]
    return {webhook["clientConfig"]["caBundle"] for item in found for webhook in item["webhooks"]}


def test_a_lost_manager_comes_back_with_what_users_had_submitted_and_no_pod_restarts(
    ending_fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, layout = ending_fleet.configured(), ending_fleet.layout
    fleet.karmada.kubectl("apply", "--filename=-", stdin=GUEST)
    eventually(lambda: _guests(fleet) == 3, "the guest runs in every region", within_seconds=180)
    operator = Operator(layout=layout, backups=fleet.outputs["backups"])
    # As in a snapshot from before the operator's user: whoever restores it has to do without a binding.
    fleet.karmada.kubectl("delete", "clusterrolebinding", OPERATOR)
    begin = time.monotonic()
    made = operator.do("backup", operator.manager).split()[0]
    begin = _took(begin, "backup")
    uid, pods, address = _uid(fleet), _pods(fleet), fleet.outputs["karmadaEndpoint"]
    assert sum("/guest-" in pod for pod in pods) == 3, "what is compared later is there"

    begin = time.monotonic()
    _lose_manager(AccountClient(layout=layout, folder=tmp_path))
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    fleet.stack.run("refresh", *YES)
    monkeypatch.delenv("PULUMI_K8S_DELETE_UNREACHABLE")
    begin = _took(begin, "refresh without the manager")
    fleet.up(certs=RENEWED)
    begin = _took(begin, "up, with a new manager")
    assert fleet.outputs["karmadaEndpoint"] != address, "it is another one, at another address"
    assert "guest" not in fleet.karmada.kubectl("get", "deployments", "--output=name"), "the new Karmada is empty"
    assert _pods(fleet) == pods
    [today] = _bundles(fleet)

    # For its address alone: of the user in it the snapshot knows nothing.
    karmada = f"--karmada-kubeconfig={fleet.karmada.kubeconfig}"
    restore = [*operator.store, operator.manager, karmada, "--yes"]
    before, bucket = _containers(fleet), Bucket.of(layout, fleet.outputs["backups"], tmp_path)
    another, missing, ungiven, short = _refusals(operator, bucket, made, tmp_path, restore)
    assert "encrypted to another recipient than this identity's" in another
    assert "no such file" in missing
    assert "--identity" in ungiven
    assert "cut short or damaged" in short
    assert _containers(fleet) == before, "nothing was touched"

    begin = time.monotonic()
    print(operator.do("restore", *restore, f"--identity={IDENTITY}", f"--backup={made}"))
    begin, restored = _took(begin, "restore"), datetime.now(UTC)
    eventually(lambda: _reporting(fleet, restored), "members reconnect and are Ready", within_seconds=300)
    begin = _took(begin, "all members Ready")
    assert _uid(fleet) == uid, "it is the very object that was there"
    with pytest.raises(CommandError, match="Forbidden"):
        fleet.karmada.get("deployments")
    fleet.stack.run("refresh", *YES)
    fleet.up(certs=RENEWED)
    _took(begin, "refresh and up")
    assert fleet.stack.changes(**fleet.sections) == {}, "nothing is left to do"
    assert _pods(fleet) == pods
    assert _bundles(fleet) == {today}, "the backup is from before the renewal"

    # What came back is alive: a change of it arrives in the members.
    fleet.karmada.kubectl("scale", "deployment/guest", "--replicas=2")
    eventually(lambda: _guests(fleet) == 6, "the guest is scaled in every region", within_seconds=180)
    assert wrong(fleet, tmp_path) == []
    # The tests after this one count on a fleet that runs the program's own workloads alone.
    fleet.karmada.kubectl("delete", "--filename=-", stdin=GUEST)
    eventually(lambda: _guests(fleet) == 0, "the guest is gone from every region", within_seconds=180)


def test_the_next_updates_change_policies_that_came_back(ending_fleet: Fleet) -> None:
    sections = ending_fleet.sections
    # Twice, since what the first one takes over the second one would drop.
    for us in (2, 1):
        weights = {"us": us, "ap": 1, "eu": 1}
        ending_fleet.up(**sections, workloads={"hello": {"weights": weights}})
        policy = ending_fleet.karmada.view.get("propagationpolicy", "hello-propagation")
        shares = policy["spec"]["placement"]["replicaScheduling"]["weightPreference"]["staticWeightList"]
        assert {one["targetCluster"]["clusterNames"][0]: one["weight"] for one in shares} == weights
    ending_fleet.up(**sections)
