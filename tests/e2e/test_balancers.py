"""NodeBalancers as processes: real HAProxy in namespaces of its own, made through the API by the official client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING

import psutil
import pytest
from linode_api4 import LinodeClient

from sandbox.clusters.balancers.backend import ProcessBalancers
from sandbox.clusters.host import preflight
from sandbox.clusters.host.layout import Layout
from sandbox.clusters.host.processes import recall
from sandbox.clusters.host.subprocesses import inside, run
from sandbox.clusters.host.supervision import Supervisor
from sandbox.clusters.network.links import attach, delete_namespace, ensure_wan, load_rules
from sandbox.linode.limits import UNLIMITED
from sandbox.linode.server import LinodeApi, LinodeApiArgs
from tests.e2e.internet import NODE_PORT, NODES, SECONDS, Internet, address, program, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from linode_api4 import NodeBalancer

pytestmark = pytest.mark.privileged

CLIENT = "192.0.2.1"
RELOADS = 8
BYTES = 15 * 1024 * 1024


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    preflight.install_packages()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLEET_STATE_HOME", str(tmp_path_factory.mktemp("fleet")))
        layout = Layout("balancing")
        for folder in (layout.logs, layout.units):
            folder.mkdir(parents=True)
        ensure_wan(layout.wan)
        for name, ip in NODES.items():
            attach(layout.node(name), address=ip, wan=layout.wan)
        supervisor = Supervisor(layout)
        supervisor.begin()
        args = LinodeApiArgs(balancers=ProcessBalancers(layout, supervisor), limits=UNLIMITED)
        with LinodeApi(args) as api:
            account = LinodeClient(api.token, base_url=f"{api.url}/v4")
            there = Internet(layout=layout, account=account, supervisor=supervisor)
            for name in NODES:
                there.serve(name)
            try:
                yield there
            finally:
                for name in list(there.servers):
                    there.silence(name)
                supervisor.end()
                supervisor.drop(supervisor.names("nodebalancer"))
                for namespace in layout.namespaces():
                    delete_namespace(namespace)


@pytest.fixture(autouse=True)
def _alone(internet: Internet) -> Iterator[None]:
    """Every test leaves no NodeBalancer, and both nodes answering."""
    yield
    for balancer in internet.account.nodebalancers():
        balancer.delete()
    for name in NODES.keys() - internet.servers.keys():
        internet.serve(name)
    until(lambda: not list(internet.layout.balancers.glob("*")), "all are gone")
    assert internet.layout.namespaces() == sorted(
        [internet.layout.wan, *(internet.layout.node(name) for name in NODES)]
    )


def test_a_balancer_divides_connections_and_comes_to_nodes_from_linodes_private_range(internet: Internet) -> None:
    balancer = internet.balancer()
    answers = internet.call(balancer, count=20)
    assert Counter(answer["node"] for answer in answers) == {"one": 10, "two": 10}
    private = f"192.168.255.{address(balancer).rpartition('.')[2]}"
    assert {answer["peer"] for answer in answers} == {private}


def test_a_backend_that_does_not_answer_is_taken_out_and_put_back(internet: Internet) -> None:
    balancer = internet.balancer(check="connection", check_interval=2, check_timeout=1, check_attempts=1)
    [config] = balancer.configs

    def states() -> dict[str, str]:
        config.invalidate()
        return {node.label: node.status for node in internet.account.load(type(config), config.id, balancer.id).nodes}

    until(lambda: set(states().values()) == {"UP"}, "both are up")
    internet.silence("two")
    until(lambda: states() == {"node-one": "UP", "node-two": "DOWN"}, "one is down, for the account too")
    assert internet.names(balancer, count=10) == {"one"}
    internet.serve("two")
    until(lambda: internet.names(balancer) == {"one", "two"}, "both answer again")


def test_a_backend_whose_page_is_wrong_is_taken_out_though_it_takes_connections(internet: Internet) -> None:
    checks = {"check": "http_body", "check_path": "/healthz", "check_body": '"node": "', "check_interval": 2}
    balancer = internet.balancer(**checks, check_timeout=1, check_attempts=1)
    assert internet.names(balancer) == {"one", "two"}
    (internet.layout.root / "one").write_text("503")
    until(lambda: internet.names(balancer) == {"two"}, "the one that answers 503 is out")
    (internet.layout.root / "one").write_text("200")
    until(lambda: internet.names(balancer) == {"one", "two"}, "it is back")


def test_what_a_check_found_outlives_a_change(internet: Internet) -> None:
    balancer = internet.balancer(check="connection", check_interval=30, check_timeout=1, check_attempts=1)
    internet.silence("two")
    [config] = balancer.configs
    path = f"/nodebalancers/{balancer.id}/configs/{config.id}"
    # A connection that fails at once goes to the next backend; only the account tells what is known of each.
    internet.account.put(path, data={"check_interval": 2})

    def known() -> set[str]:
        return {node["status"] for node in internet.account.get(f"{path}/nodes")["data"]}

    until(lambda: known() == {"UP", "DOWN"}, "one is down")
    internet.account.put(path, data={"check_interval": 3000})
    until(lambda: "inter 3000s" in _loaded(internet, balancer), "the process has the change")
    assert known() == {"UP", "DOWN"}


def _loaded(internet: Internet, balancer: NodeBalancer) -> str:
    return (internet.layout.balancers / str(balancer.id) / "loaded").read_text()


def test_a_change_loses_no_connection_and_fails_no_new_one(internet: Internet) -> None:
    balancer = internet.balancer()
    line = [*program("hold"), address(balancer), "80"]
    holder = subprocess.Popen(
        inside(internet.layout.wan, line), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    calls = subprocess.Popen(
        inside(internet.layout.wan, [*program("call"), address(balancer), "80", "400"]), stdout=subprocess.PIPE
    )
    try:
        for number in range(RELOADS):
            port = 8000 + number
            internet.account.post(f"/nodebalancers/{balancer.id}/configs", data={"port": port, "protocol": "tcp"})
            until(lambda port=port: f"port{port}" in _loaded(internet, balancer), "the process has the change")
            holder.stdin.write(f"still {number}\n")
            holder.stdin.flush()
            assert json.loads(holder.stdout.readline())["line"] == f"still {number}"
        output, _ = calls.communicate(timeout=SECONDS)
    finally:
        for child in (holder, calls):
            child.kill()
            child.communicate()
    answers = [json.loads(text) for text in output.splitlines()]
    assert len(answers) == 400
    assert not [answer for answer in answers if "failed" in answer]


@pytest.mark.parametrize(("version", "seen"), [("v1", f"PROXY TCP4 {CLIENT} "), ("v2", f"version 2 from {CLIENT}")])
def test_backends_are_told_the_client_by_the_proxy_protocol(internet: Internet, version: str, seen: str) -> None:
    balancer = internet.balancer(proxy_protocol=version)
    [answer] = internet.call(balancer)
    assert answer["proxy"].startswith(seen)


def test_over_http_backends_are_told_the_client_by_a_header(internet: Internet) -> None:
    balancer = internet.balancer(protocol="http", stickiness="table")
    answers = [internet.http(balancer) for _ in range(4)]
    assert {(answer["x-forwarded-for"], answer["x-forwarded-proto"]) for answer in answers} == {(CLIENT, "http")}
    assert len({answer["node"] for answer in answers}) == 1, "a client stays with its backend"


def test_a_client_may_open_so_many_connections_a_second(internet: Internet) -> None:
    balancer = internet.balancer()
    balancer.client_conn_throttle = 3
    balancer.save()
    until(lambda: "throttle" in _loaded(internet, balancer), "the process has the change")
    # So many at once that a second ends while they are opened no more than a few times.
    answers = internet.call(balancer, count=60)
    assert any("failed" in answer for answer in answers)
    assert any("node" in answer for answer in answers)


def test_a_firewall_is_before_the_balancer_and_not_before_its_backends(internet: Internet) -> None:
    balancer = internet.balancer()
    rules = {
        "inbound_policy": "DROP",
        "inbound": [{"action": "ACCEPT", "protocol": "TCP", "addresses": {"ipv4": ["198.51.100.0/24"]}}],
        "outbound_policy": "DROP",
    }
    made = internet.account.post(
        "/networking/firewalls", data={"label": "door", "rules": rules, "devices": {"nodebalancers": [balancer.id]}}
    )
    path = f"/networking/firewalls/{made['id']}"
    until(lambda: internet.call(balancer)[0].get("failed") == "TimeoutError", "nobody else gets in")
    line = [*program("call"), address(balancer), "80", "1"]
    [answer] = run(*inside(internet.layout.node("one"), line)).splitlines()
    assert json.loads(answer)["peer"].startswith("192.168.255."), "whoever is named gets in, and is answered"
    rules["inbound"] = [{"action": "ACCEPT", "protocol": "TCP", "addresses": {"ipv4": [f"{CLIENT}/32"]}, "ports": "80"}]
    internet.account.put(f"{path}/rules", data=rules)
    until(lambda: "node" in internet.call(balancer)[0], "the client is let in")
    internet.account.delete(path)


def test_a_deleted_port_is_closed_at_once_for_who_has_a_connection_too(internet: Internet) -> None:
    balancer = internet.balancer()
    internet.account.post(f"/nodebalancers/{balancer.id}/configs", data={"port": 81, "protocol": "tcp"})
    until(lambda: "port81" in _loaded(internet, balancer), "there is another port")
    holder = subprocess.Popen(
        inside(internet.layout.wan, [*program("hold"), address(balancer), "80"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write("before\n")
        holder.stdin.flush()
        assert "before" in holder.stdout.readline()
        next(config for config in balancer.configs if config.port == 80).delete()
        begin = time.monotonic()
        until(lambda: internet.call(balancer)[0].get("failed") == "ConnectionRefusedError", "nobody gets in")
        assert time.monotonic() - begin < 5
        holder.stdin.write("after\n")
        holder.stdin.flush()
        assert "after" not in holder.stdout.readline()
    finally:
        holder.kill()
        holder.communicate()


def test_a_balancer_without_a_port_refuses_and_a_deleted_one_cannot_be_reached(internet: Internet) -> None:
    balancer = internet.balancer()
    [config] = balancer.configs
    config.delete()
    until(lambda: internet.call(balancer)[0].get("failed") == "ConnectionRefusedError", "it refuses")
    where = address(balancer)
    balancer.delete()
    until(lambda: f"{where} " not in run("ip", "-n", internet.layout.wan, "route", "show"), "no way leads there")
    assert internet.call(where)[0]["failed"] == "OSError", "the network is unreachable"


def test_a_process_that_ends_is_started_again(internet: Internet) -> None:
    balancer = internet.balancer()
    running = recall(internet.layout.units / f"nodebalancer{balancer.id}.json")
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: internet.names(balancer) == {"one", "two"}, "it answers again")
    again = recall(internet.layout.units / f"nodebalancer{balancer.id}.json")
    assert again is not None
    assert (again.pid != running.pid, again.restarts) == (True, 1)


def test_a_balancer_whose_backends_are_away_takes_no_processor(internet: Internet) -> None:
    # As a node port does that has no endpoint.
    refuse = f"table ip away {{ chain in {{ type filter hook input priority 0; tcp dport {NODE_PORT} reject; }}; }}"
    try:
        for name in NODES:
            load_rules(internet.layout.node(name), refuse)
        balancer = internet.balancer(check="connection", check_interval=2, check_timeout=1, check_attempts=1)
        internet.call(balancer, count=3)
        running = recall(internet.layout.units / f"nodebalancer{balancer.id}.json")
        assert running is not None
        processes = [master := psutil.Process(running.pid), *master.children()]
        before = [sum(process.cpu_times()[:2]) for process in processes]
        time.sleep(3)
        after = [sum(process.cpu_times()[:2]) for process in processes]
        assert sum(after) - sum(before) < 0.3, "seconds of a processor, in three"
    finally:
        for name in NODES:
            load_rules(internet.layout.node(name), "table ip away\ndelete table ip away\n")


def test_a_balancer_takes_less_than_15_mib(internet: Internet) -> None:
    balancer = internet.balancer(check="connection")
    internet.call(balancer, count=50)
    running = recall(internet.layout.units / f"nodebalancer{balancer.id}.json")
    assert running is not None
    master = psutil.Process(running.pid)
    used = sum(process.memory_full_info().pss for process in [master, *master.children()])
    assert used < BYTES, f"{used / 1024**2:.1f} MiB"
