"""The linode stand-in, driven by the real engine against the emulated API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from sandbox.plugins.linode.api import connect
from tests.plugins.engine import Stack
from tests.plugins.linode.conftest import settings_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.linode import LinodeApi
    from sandbox.plugins.linode.api import Api
    from tests.plugins.linode.conftest import Clock

pytestmark = pytest.mark.engine

_PROGRAM = """
    import pulumi
    import pulumi_linode as linode

    config = pulumi.Config()
    cluster = linode.LkeCluster(
        "cluster",
        label="eu",
        region=config.get("region") or "eu-west",
        k8s_version=linode.get_lke_versions().versions[0].id,
        pools=[linode.LkeClusterPoolArgs(type="g6-standard-2", count=config.get_int("nodes") or 1)],
        tags=["fleet"],
    )
    found = linode.get_instances_output(
        filters=cluster.pools.apply(
            lambda pools: [
                linode.GetInstancesFilterArgs(
                    name="id", values=[str(node.instance_id) for pool in pools for node in pool.nodes]
                )
            ]
        )
    )
    pulumi.export("addresses", found.apply(lambda result: sorted(one.ip_address for one in result.instances)))
    pulumi.export("kubeconfig", cluster.kubeconfig)
"""


@pytest.fixture
def linode_stack(tmp_path: Path, plugin_home: Path) -> Callable[[LinodeApi], Stack]:
    """Makes a stack for an account."""

    def make(account: LinodeApi) -> Stack:
        environment = {
            "LINODE_TOKEN": account.token,
            "LINODE_URL": account.url,
            "LINODE_EVENT_POLL_MS": "50",
            "LINODE_LKE_NODE_READY_POLL_MS": "50",
        }
        return Stack(tmp_path / "stack", home=plugin_home, environment=environment)

    return make


def test_a_cluster_lives_from_its_plan_to_its_end(
    linode_stack: Callable[[LinodeApi], Stack], account: LinodeApi, api: Api
) -> None:
    stack = linode_stack(account)
    stack.program(_PROGRAM)
    assert stack.preview().operations == {"cluster": ["create"]}
    assert api.list("/lke/clusters") == [], "a preview creates nothing"

    created = stack.up()
    assert created.operations == {"cluster": ["create"]}
    outputs = stack.outputs
    assert len(outputs["addresses"]) == 1
    assert outputs["kubeconfig"] not in stack.stored_text + created.output
    assert account.token not in stack.stored_text + created.output
    assert stack.up().operations == {"cluster": ["same"]}

    stack.config("nodes", "2")
    grown = stack.up()
    assert grown.operations == {"cluster": ["update"]}
    assert grown.diff("cluster") == {"pools[0].count": "update"}
    assert len(stack.outputs["addresses"]) == 2

    identity = stack.resources["cluster"]["id"]
    pool = api.list(f"/lke/clusters/{identity}/pools")[0]["id"]
    api.put(f"/lke/clusters/{identity}/pools/{pool}", {"count": 3})
    drifted = stack.up("--refresh")
    assert drifted.operations["cluster"] == ["refresh", "update"]
    assert api.list(f"/lke/clusters/{identity}/pools")[0]["count"] == 2

    api.post(f"/lke/clusters/{identity}/pools", {"type": "g6-standard-2", "count": 1, "label": "by hand"})
    assert stack.up("--refresh").diff("cluster") == {"pools[1]": "delete"}
    assert [left["id"] for left in api.list(f"/lke/clusters/{identity}/pools")] == [pool]

    stack.config("region", "us-west")
    moved = stack.preview()
    assert moved.diff("cluster") == {"region": "update-replace"}
    assert moved.operations["cluster"] == ["create-replacement", "replace", "delete-replaced"]

    stack.destroy()
    assert api.list("/lke/clusters") == api.list("/linode/instances") == []


_GUARDED = (
    _PROGRAM
    + """
    linode.Firewall(
        "door",
        label="door",
        inbound_policy="DROP",
        inbounds=[
            linode.FirewallInboundArgs(
                action="ACCEPT", label="door", protocol="TCP", ports="32443", ipv4s=["192.0.2.0/24"]
            )
        ],
        outbound_policy="ACCEPT",
        linodes=found.apply(lambda result: [int(one.id) for one in result.instances]),
    )
"""
)


def test_a_firewall_follows_the_nodes_of_a_cluster(
    linode_stack: Callable[[LinodeApi], Stack], account: LinodeApi, api: Api
) -> None:
    stack = linode_stack(account)
    stack.program(_GUARDED)
    assert stack.up().operations == {"cluster": ["create"], "door": ["create"]}
    assert stack.up().operations == {"cluster": ["same"], "door": ["same"]}
    path = f"/networking/firewalls/{stack.resources['door']['id']}"
    assert _guarded(api, path) == _nodes(api)

    stack.config("nodes", "2")
    assert stack.up().operations == {"cluster": ["update"], "door": ["update"]}
    assert _guarded(api, path) == _nodes(api)
    assert len(_nodes(api)) == 2

    api.put(path, {"status": "disabled"})
    drifted = stack.up("--refresh")
    assert drifted.operations["door"] == ["refresh", "update"]
    assert drifted.diff("door") == {"disabled": "update"}
    assert api.get(path)["status"] == "enabled"

    stack.destroy()
    assert api.list("/networking/firewalls") == api.list("/linode/instances") == []


def _guarded(api: Api, path: str) -> list[int]:
    return sorted(device["entity"]["id"] for device in api.list(f"{path}/devices"))


def _nodes(api: Api) -> list[int]:
    return sorted(instance["id"] for instance in api.list("/linode/instances"))


def test_an_existing_cluster_can_be_imported(
    linode_stack: Callable[[LinodeApi], Stack], account: LinodeApi, api: Api
) -> None:
    pools = [{"type": "g6-standard-2", "count": 1}]
    made = api.post(
        "/lke/clusters",
        {"label": "eu", "region": "eu-west", "k8s_version": "1.34", "node_pools": pools, "tags": ["fleet"]},
    )
    stack = linode_stack(account)
    stack.program(
        f"""
        import pulumi
        import pulumi_linode as linode

        linode.LkeCluster(
            "cluster",
            label="eu",
            region="eu-west",
            k8s_version="1.34",
            pools=[linode.LkeClusterPoolArgs(type="g6-standard-2", count=1)],
            tags=["fleet"],
            opts=pulumi.ResourceOptions(import_="{made["id"]}"),
        )
        """
    )
    assert stack.up().operations == {"cluster": ["import"]}
    assert stack.up().operations == {"cluster": ["same"]}


def test_a_refused_cluster_says_why_and_leaves_the_rest_alone(
    linode_stack: Callable[[LinodeApi], Stack], account: LinodeApi
) -> None:
    stack = linode_stack(account)
    stack.config("region", "nowhere")
    stack.program(_PROGRAM + '\n    import pulumi_random as random; random.RandomId("other", byte_length=2)\n')
    failed = stack.failing_up("--continue-on-error")
    assert any("[400]" in error and "region" in error for error in failed.errors), failed.errors
    assert set(stack.resources) == {"other"}


def test_an_interrupted_creation_is_taken_up_again(
    linode_stack: Callable[[LinodeApi], Stack], slow_account: LinodeApi, clock: Clock
) -> None:
    stack = linode_stack(slow_account)
    stack.program(_PROGRAM)
    running = stack.start("up", "--skip-preview")
    _until_created(slow_account)
    running.interrupt()
    interrupted = running.result()
    assert interrupted.status != 0
    assert "Traceback" not in interrupted.output
    assert "exited prematurely" not in interrupted.output
    recorded = stack.resources["cluster"]
    assert recorded["initErrors"], "the engine knows that the cluster is not complete"
    clock.now += 120
    assert stack.up().operations == {"cluster": ["update"]}
    assert stack.resources["cluster"]["id"] == recorded["id"]


def _until_created(account: LinodeApi) -> None:
    api = connect(settings_for(account))
    end = time.monotonic() + 120
    while not api.list("/lke/clusters"):
        assert time.monotonic() < end, "no cluster was created"
        time.sleep(0.1)
    time.sleep(1)  # until the provider waits for the nodes
