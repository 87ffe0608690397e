"""Pools change through the API, and the cluster's nodes follow."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from sandbox.clusters.host import cgroups
from sandbox.clusters.images.library import Library
from sandbox.toolchain.tools import TOOLS
from tests.e2e.clients import AccountClient, Cluster, claim, client, eventually, service
from tests.e2e.own_images import FULL_NAME, archive, images, job
from tests.e2e.traces import traces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout

pytestmark = pytest.mark.privileged


@pytest.fixture(scope="module")
def before(layout: Layout) -> dict[str, list[str]]:
    """What the sandbox has when it has no cluster yet."""
    return kept(layout)


@pytest.fixture(scope="module")
def own_image(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the user had loaded when there was no node yet, as after a `down` and an `up`."""
    folder: Path = tmp_path_factory.mktemp("own")
    yield images(layout, "load", str(archive(folder / "age.tar", "--version")))
    shutil.rmtree(Library.of(layout).folder)


@pytest.fixture(scope="module")
def cluster(before: dict[str, list[str]], own_image: str, account: AccountClient) -> Cluster:
    """One cluster of one node, up."""
    return account.ready(account.create("changing", region="eu-west", nodes=1))


def kept(layout: Layout) -> dict[str, list[str]]:
    """What clusters and nodes have of the host beside their folders."""
    groups = traces(layout)["control groups"]
    return {"control groups": sorted(groups), "logs": sorted(path.name for path in layout.logs.iterdir())}


def machines(layout: Layout) -> set[str]:
    """The nodes that have a control group or a log."""
    groups = {path.name for root in cgroups.hierarchies() for path in (root / layout.cgroup).glob("lke*")}
    return groups | {path.name.partition(".")[0] for path in layout.logs.glob("*.machine.log")}


def pool(account: AccountClient, cluster: Cluster) -> int:
    """The id of the cluster's only pool."""
    [only] = account.call("GET", f"lke/clusters/{cluster.id}/pools")["data"]
    return int(only["id"])


def ready_names(cluster: Cluster) -> set[str]:
    """The nodes that Kubernetes calls Ready."""
    return {
        node["metadata"]["name"]
        for node in cluster.get("nodes")["items"]
        if any(item["type"] == "Ready" and item["status"] == "True" for item in node["status"]["conditions"])
    }


def test_a_pool_grows_and_shrinks(account: AccountClient, cluster: Cluster) -> None:
    path = f"lke/clusters/{cluster.id}/pools/{pool(account, cluster)}"
    account.call("PUT", path, {"count": 2})
    eventually(lambda: len(ready_names(cluster)) == 2, "there are two nodes", within_seconds=120)
    account.call("PUT", path, {"count": 1})
    eventually(lambda: len(cluster.get("nodes")["items"]) == 1, "there is one node", within_seconds=120)
    eventually(lambda: len(cluster.layout.namespaces()) == 4, "the network of the other is gone")
    eventually(lambda: machines(cluster.layout) == ready_names(cluster), "so are its control groups and its log")


def test_a_recycled_node_is_another_one(account: AccountClient, cluster: Cluster) -> None:
    before = ready_names(cluster)
    account.call("POST", f"lke/clusters/{cluster.id}/pools/{pool(account, cluster)}/recycle")
    eventually(
        lambda: len(now := ready_names(cluster)) == 1 and not now & before, "another node is Ready", within_seconds=180
    )
    system = ("--namespace=kube-system", "deployment/coredns")
    eventually(lambda: cluster.get(*system)["status"].get("readyReplicas") == 1, "DNS runs on it", within_seconds=120)


def test_a_new_node_has_the_images_that_its_user_loaded_before(own_image: str, cluster: Cluster) -> None:
    assert own_image.strip() == f"{FULL_NAME} is on every new node"
    [node] = ready_names(cluster)
    cluster.apply(job("own", node=node))
    cluster.kubectl("wait", "--for=condition=Complete", "job/own", "--timeout=45s")
    assert cluster.kubectl("logs", "job/own").strip() == TOOLS["age"].version


def test_a_deleted_cluster_leaves_nothing_on_the_host_and_its_balancers_and_volumes_in_the_account(
    before: dict[str, list[str]], account: AccountClient, cluster: Cluster
) -> None:
    cluster.apply(service("left", "LoadBalancer"), claim("left"))
    eventually(lambda: account.left().keys() >= {"nodebalancers", "volumes"}, "the cluster has a balancer and a volume")
    account.call("DELETE", f"lke/clusters/{cluster.id}")
    layout = cluster.layout
    eventually(lambda: not layout.clusters.joinpath(str(cluster.id)).exists(), "its files are gone")
    left = [(kind, item) for kind in ("nodebalancers", "volumes") for item in account.call("GET", kind)["data"]]
    assert [(kind, item["tags"]) for kind, item in left] == [
        ("nodebalancers", [f"lke{cluster.id}"]),
        ("volumes", [f"lke{cluster.id}"]),
    ], "Linode deletes neither with a cluster"
    balancer = left[0][1]
    assert layout.namespaces() == sorted([layout.wan, layout.cloud, layout.balancer(balancer["id"])])
    assert balancer["ipv4"] in client(layout, "ip", "route", "show").split(), "it has nobody to call, and goes on"
    for kind, item in left:
        account.call("DELETE", f"{kind}/{item['id']}")
    assert account.left() == {}
    eventually(lambda: layout.namespaces() == sorted([layout.wan, layout.cloud]), "the load balancer is gone")
    assert [path.stem for path in layout.units.glob("*.json")] == ["etcd"]
    assert balancer["ipv4"] not in client(layout, "ip", "route", "show").split()
    assert kept(layout) == before
