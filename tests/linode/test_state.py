"""What survives: a restart, a kill at any moment, requests side by side, a backend that fails."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.errors import SandboxError
from sandbox.linode import UNLIMITED, AccessToken, LinodeApi, LinodeApiArgs, retrying
from sandbox.linode.backend import BackendError
from sandbox.linode.simulated import SimulatedBackend
from tests.linode.conftest import LinodeUser, client_of, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.linode.backend import ClusterSpec, ClusterStatus

TOKEN = AccessToken(secret="s" * 64)


class MistakenBackend(SimulatedBackend):
    """Has a mistake of its own while it is told so."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = 0
        self.mistaken = True

    async def reconcile(self, cluster: ClusterSpec) -> None:
        """Divide by zero, or do it."""
        self.attempts += 1
        _ = 1 / (not self.mistaken)
        await super().reconcile(cluster)


class FragileBackend(SimulatedBackend):
    """Fails a number of times before each thing that it does, and notes what it did."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures = failures
        self.specs: list[ClusterSpec] = []
        self.deleted: list[int] = []
        self.may_delete = True

    async def reconcile(self, cluster: ClusterSpec) -> None:
        """Fail, then do it."""
        self._fail()
        self.specs.append(cluster)
        await super().reconcile(cluster)

    async def delete(self, cluster_id: int) -> None:
        """Wait for permission, then do it."""
        while not self.may_delete:
            await asyncio.sleep(0.01)
        self._fail()
        self.deleted.append(cluster_id)
        await super().delete(cluster_id)

    async def status(self, cluster_id: int) -> ClusterStatus:
        """Fail as often as asked to."""
        if self.failures < 0:
            raise BackendError("no status to be had")
        return await super().status(cluster_id)

    def _fail(self) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise BackendError("not this time")


def args(state: Path | None = None, backend: SimulatedBackend | None = None) -> LinodeApiArgs:
    return LinodeApiArgs(state=state, tokens=(TOKEN,), limits=UNLIMITED, backend=backend)


def _everything(user: LinodeUser) -> dict[str, Any]:
    lists = ("/lke/clusters", "/linode/instances", "/nodebalancers", "/volumes", "/account/events", "/profile/tokens")
    return {path: user.data(path) for path in lists}


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "account.sqlite"
    backend = FragileBackend()
    with LinodeApi(args(state, backend)) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        cluster = user.cluster(count=2, control_plane={"acl": {"enabled": True, "addresses": {"ipv4": ["10.0.0.1"]}}})
        user.post("/nodebalancers", {"region": "eu-west", "tags": [f"lke{cluster['id']}"], "configs": [{"port": 80}]})
        user.post("/volumes", {"label": "pvc1", "region": "eu-west"})
        pools = f"/lke/clusters/{cluster['id']}/pools"
        eventually(lambda: user.data(pools)[0]["nodes"][1]["status"] == "ready", "the nodes are ready")
        before = _everything(user), user.data(pools), user.get(f"/lke/clusters/{cluster['id']}/control_plane_acl")
    again = FragileBackend()
    with LinodeApi(args(state, again)) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        eventually(lambda: user.data(pools)[0]["nodes"][1]["status"] == "ready", "the new backend knows the nodes")
        after = _everything(user), user.data(pools), user.get(f"/lke/clusters/{cluster['id']}/control_plane_acl")
        assert after == before
        assert again.specs[0] == backend.specs[-1], "a new backend is asked for exactly the same cluster"
        assert user.cluster("next")["id"] > cluster["id"], "an id is never used twice"


def test_what_cannot_succeed_is_told_once_with_its_traceback_and_given_up_until_the_next_change(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retrying, "_MISTAKES", 3)
    backend = MistakenBackend()
    with LinodeApi(args(backend=backend)) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        cluster = user.cluster()
        eventually(lambda: "given up until the next change" in caplog.text, "it is given up")
        assert backend.attempts == 3, "what nobody foresaw may pass"
        assert caplog.text.count("Traceback") == 1
        backend.mistaken = False
        user.put(f"/lke/clusters/{cluster['id']}/pools/{cluster_pool(user, cluster)['id']}", {"count": 2})
        eventually(lambda: cluster_pool(user, cluster)["nodes"][1]["status"] == "ready", "the next change is followed")
    assert backend.attempts == 4


def cluster_pool(user: LinodeUser, cluster: dict[str, Any]) -> dict[str, Any]:
    pool: dict[str, Any] = user.data(f"/lke/clusters/{cluster['id']}/pools")[0]
    return pool


def test_a_removal_that_a_restart_interrupts_is_finished(tmp_path: Path) -> None:
    state = tmp_path / "account.sqlite"
    stuck = FragileBackend()
    stuck.may_delete = False
    with LinodeApi(args(state, stuck)) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        cluster = user.cluster()
        user.delete(f"/lke/clusters/{cluster['id']}")
    assert stuck.deleted == []
    backend = FragileBackend()
    with LinodeApi(args(state, backend)):
        eventually(lambda: backend.deleted == [cluster["id"]], "the cluster is removed after the restart")


_SERVER = """
import pathlib, resource, sys, time
from sandbox.errors import SandboxError
from sandbox.linode import UNLIMITED, AccessToken, LinodeApi, LinodeApiArgs, retrying
args = LinodeApiArgs(state=pathlib.Path(sys.argv[1]), tokens=(AccessToken(secret="s" * 64),), limits=UNLIMITED)
if len(sys.argv) > 2:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
with LinodeApi(args) as api:
    print(api.url, flush=True)
    time.sleep(60)
"""


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    answered: list[int] = []
    for round_number in range(3):
        command = [sys.executable, "-c", _SERVER, str(tmp_path / "account.sqlite")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            headers = {"Authorization": f"Bearer {TOKEN.secret}"}
            with httpx.Client(base_url=url, headers=headers) as client:
                user = LinodeUser(client=client)
                assert [cluster["id"] for cluster in user.data("/lke/clusters")] == answered
                answered += [user.cluster(f"c{round_number}-{number}")["id"] for number in range(3)]
                server.send_signal(signal.SIGKILL)
            server.wait(10)
    assert len(set(answered)) == 9, "no id was given twice"


def test_a_full_disk_is_told_in_a_sentence_and_loses_nothing(tmp_path: Path) -> None:
    # A limit on the size of files stands for the disk: SQLite meets the same failure.
    command = [sys.executable, "-c", _SERVER, str(tmp_path / "account.sqlite"), "400000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        headers = {"Authorization": f"Bearer {TOKEN.secret}"}
        with httpx.Client(base_url=server.stdout.readline().strip(), headers=headers) as client:
            user = LinodeUser(client=client)
            body = {"region": "eu-west", "label": "balancer", "tags": ["t" * 50] * 100}
            made = 0
            while (answer := client.post("/v4/nodebalancers", json=body)).status_code == 200:
                made += 1
                assert made < 230, "the disk never filled"
            assert answer.status_code == 500
            assert answer.json()["errors"][0]["reason"].startswith("The account could not be kept: ")
            assert user.get("/nodebalancers?page_size=500")["results"] == made, "what was answered is still there"
        server.terminate()
        server.wait(10)


def test_a_state_of_another_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "account.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(SandboxError, match="another release"):
        LinodeApi(args(path))


def test_requests_side_by_side_never_share_an_id_or_an_address(user: LinodeUser) -> None:
    def create(number: int) -> tuple[int, str]:
        cluster = user.cluster(f"c{number}", count=3)
        balancer = user.post("/nodebalancers", {"region": "eu-west", "tags": [f"lke{cluster['id']}"]})
        return cluster["id"], balancer["ipv4"]

    with ThreadPoolExecutor(max_workers=8) as workers:
        made = list(workers.map(create, range(24)))
    assert len({cluster_id for cluster_id, _ in made}) == len({address for _, address in made}) == 24
    addresses = [item["ipv4"][0] for item in user.data("/linode/instances")]
    assert len(addresses) == len(set(addresses)) == 72


def test_one_label_asked_for_at_once_is_given_once(user: LinodeUser) -> None:
    body = {"label": "eu", "region": "eu-west", "k8s_version": "1.35"}
    with ThreadPoolExecutor(max_workers=8) as workers:
        answers = list(workers.map(lambda _: user.client.post("/v4/lke/clusters", json=body).status_code, range(16)))
    assert sorted(answers) == [200] + [400] * 15


def test_a_backend_that_fails_is_tried_again() -> None:
    backend = FragileBackend(failures=3)
    with LinodeApi(args(backend=backend)) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        cluster = user.cluster()
        eventually(lambda: len(backend.specs) == 1, "the fourth attempt works")
        backend.failures = 2
        user.delete(f"/lke/clusters/{cluster['id']}")
        eventually(lambda: backend.deleted == [cluster["id"]], "the removal works in the end")


def test_a_backend_with_no_status_means_not_ready() -> None:
    backend = FragileBackend()
    with LinodeApi(args(backend=backend)) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        cluster = user.cluster()
        eventually(lambda: len(backend.specs) == 1, "the cluster is made")
        backend.failures = -1
        pools = user.data(f"/lke/clusters/{cluster['id']}/pools")
        assert [node["status"] for node in pools[0]["nodes"]] == ["not_ready"]
        assert user.data("/linode/instances")[0]["status"] == "provisioning"


def test_the_backend_gets_the_newest_wish_in_full() -> None:
    backend = FragileBackend()
    with LinodeApi(args(backend=backend)) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        pool = {
            "type": "g6-standard-2",
            "count": 1,
            "labels": {"role": "worker"},
            "taints": [{"key": "k", "effect": "NoSchedule"}],
        }
        cluster = user.cluster(node_pools=[pool], control_plane={"high_availability": True})
        pools = f"/lke/clusters/{cluster['id']}/pools"
        shown = user.data(pools)[0]
        user.put(f"{pools}/{shown['id']}", {"count": 2})
        eventually(lambda: len(backend.specs[-1].pools[0].nodes) == 2, "the backend is asked for two nodes")
        spec = backend.specs[-1]
        instance = user.data("/linode/instances")[0]
    assert (spec.id, spec.label, spec.region, spec.kubernetes_version) == (cluster["id"], "eu", "eu-west", "1.35")
    assert spec.high_availability
    assert IPv4Address(spec.address) in IPv4Network("192.0.2.0/24")
    (wanted,) = spec.pools
    assert (wanted.type, wanted.memory, wanted.vcpus) == ("g6-standard-2", 4096, 2)
    assert (wanted.labels, wanted.taints[0].key) == ({"role": "worker"}, "k")
    node = wanted.nodes[0]
    assert (node.name, node.instance_id, node.address) == (instance["label"], instance["id"], instance["ipv4"][0])


def test_a_file_that_is_no_state_is_refused_in_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "account.sqlite"
    broken.write_text("this is no database, and long enough that nothing takes it for an empty one" * 10)
    with pytest.raises(SandboxError, match=r"account\.sqlite"):
        LinodeApi(args(broken))


def test_a_taken_port_is_refused() -> None:
    with LinodeApi(args()) as api:
        port = int(api.url.rpartition(":")[2])
        second = LinodeApi(LinodeApiArgs(port=port))
        with pytest.raises(SandboxError, match="Address already in use"):
            second.start()
        second.stop()
