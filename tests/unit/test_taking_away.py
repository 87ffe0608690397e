"""Claims about what is left to go with its cluster, and what is taken away while the cluster lives."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.unit.configs import fleet_of
from tests.unit.graph import Graph, Node, build
from tests.unit.test_backup import SETTINGS

CLUSTER = "linode:index/lkeCluster:LkeCluster"
RELEASE = "kubernetes:helm.sh/v3:Release"
KARMADA_CLUSTER = "kubernetes:cluster.karmada.io/v1alpha1:Cluster"
MEMBERS = ("m0", "m1")
TAKEN_AWAY = {
    "east-west-release": "its NodeBalancer is deleted by the cluster's cloud controller",
    "ingress-release": "its NodeBalancer is deleted by the cluster's cloud controller",
}
"""What is in a member and is deleted before its cluster, and why."""
VOLUMES = ("PersistentVolumeClaim", "PersistentVolume", "StatefulSet")


@cache
def everything() -> Graph:
    """Two members, with all that the program can make in any cluster."""
    karmada = {"backup": SETTINGS, "acl": {"ipv4": ["192.0.2.0/24"]}, "endpoint": "loadBalancer"}
    return build(fleet_of(len(MEMBERS), karmada=karmada, mesh={"remoteTokenGeneration": 2}))


def words(value: Any) -> Iterator[Any]:
    """Every value in plain data, however deep."""
    if isinstance(value, dict):
        for below in value.values():
            yield from words(below)
    elif isinstance(value, list):
        for below in value:
            yield from words(below)
    else:
        yield value


def is_billed_or_holds_what_is(node: Node) -> bool:
    """Whether Linode bills it apart from a cluster, or it has something in its cluster that Linode bills."""
    kind = node.type.rpartition(":")[2].removesuffix("Patch")
    if node.type.startswith("linode:") or kind in VOLUMES:
        return True
    return kind in ("Service", "Release") and bool({"LoadBalancer", "pvc"} & set(map(str, words(node.plain()))))


def in_cluster(graph: Graph, cluster: str) -> list[Node]:
    """What the provider of a cluster makes."""
    return [node for node in graph.nodes.values() if node.provider_name == f"{cluster}-provider"]


@pytest.mark.parametrize("member", MEMBERS)
def test_what_is_in_a_member_goes_with_its_cluster_unless_something_outside_hangs_on_it(member: str) -> None:
    graph = everything()
    cluster = graph.one(CLUSTER, f"{member}-cluster").urn
    taken_away = {f"{member}-{role}" for role in TAKEN_AWAY}
    found = in_cluster(graph, member)
    assert taken_away < {node.name for node in found}
    for node in found:
        assert node.deleted_with == ("" if node.name in taken_away else cluster), node.name


def test_nothing_that_linode_bills_is_left_to_go_with_a_cluster() -> None:
    graph = everything()
    billed = [node for node in graph.nodes.values() if is_billed_or_holds_what_is(node)]
    assert {node.name for node in billed if not node.type.startswith("linode:")} == {
        "karmada-endpoint",
        "karmada-release",
        "karmada-etcd-volume-claim",
        "karmada-etcd-volume-owned",
        *(f"{member}-{gateway}-release" for member in MEMBERS for gateway in ("east-west", "ingress")),
    }
    for node in billed:
        assert not node.deleted_with, f"Linode would bill what {node.name} has until somebody finds it"


def test_whatever_is_submitted_to_karmada_is_taken_back_from_the_members() -> None:
    submitted = in_cluster(everything(), "karmada")
    assert {node.type for node in submitted} > {KARMADA_CLUSTER, "kubernetes:apps/v1:Deployment"}
    assert [node.name for node in submitted if node.deleted_with] == []


def test_on_the_manager_its_viewer_and_the_namespace_of_karmada_go_with_the_cluster() -> None:
    going = [node for node in in_cluster(everything(), "manager") if node.deleted_with]
    assert {node.parent.rpartition("::")[2] for node in going} == {"manager-viewer", "karmada"}
    assert [node.name for node in going if node.parent.endswith("::karmada")] == ["karmada-namespace"]


def test_a_namespace_that_still_holds_etcds_volume_is_waited_for() -> None:
    graph = build(fleet_of(1), deployed={"etcdVolumeHeld": False})
    assert graph.one("kubernetes:core/v1:Namespace", "karmada-namespace").deleted_with == ""


def test_a_remote_secret_goes_with_its_reader_and_not_with_the_member_that_it_reads() -> None:
    graph = everything()
    secret = graph.one("kubernetes:core/v1:Secret", "m0-reads-m1-remote-secret")
    assert secret.deleted_with == graph.one(CLUSTER, "m0-cluster").urn, "m0 would keep it when m1 leaves"


def test_nothing_goes_with_a_cluster_that_is_protected() -> None:
    config = fleet_of(2)
    config["clusters"]["m0"]["protect"] = True
    graph = build(config)
    assert [node.name for node in in_cluster(graph, "m0") if node.deleted_with] == []
    assert [node for node in in_cluster(graph, "m1") if node.deleted_with]


def test_a_release_that_goes_with_its_cluster_is_taken_over_after_a_destroy_that_broke_off() -> None:
    for node in everything().of_type(RELEASE):
        taking_over = [hook for hook in node.before_create if hook.endswith("-forgotten")]
        assert bool(taking_over) == bool(node.deleted_with), f"{node.name}: Helm has one, and the state has none"


@pytest.mark.parametrize("gateway", ["east-west", "ingress"])
def test_a_members_balancers_go_after_what_users_have_in_it(gateway: str) -> None:
    """Pulumi deletes in steps, from the longest chain of dependencies down, and waits for each step's end.

    So a user's Service has been told to go before a gateway's is, and the cloud controller works through them in
    order, the gateway's last, which is waited for.
    """
    graph = everything()
    for member in MEMBERS:
        joined = graph.one(KARMADA_CLUSTER, f"{member}-agent-cluster")
        balancer = graph.one(RELEASE, f"{member}-{gateway}-release")
        assert steps(graph, joined.urn) > steps(graph, balancer.urn)


def test_karmada_ends_before_the_volume_of_its_etcd_is_waited_for() -> None:
    graph = everything()
    release = graph.one(RELEASE, "karmada-release")
    holder = graph.one("kubernetes:core/v1:Namespace", "karmada-etcd-volume-holder")
    assert steps(graph, release.urn) > steps(graph, holder.urn), "a volume in use cannot go"


def steps(graph: Graph, resource: str) -> int:
    """In how many steps a resource can be made at the earliest, as the engine counts when it deletes (ScheduleDeletes).

    It counts dependencies, the provider and the parent.
    """

    @cache
    def count(urn: str) -> int:
        node = graph.nodes[urn]
        before = {*node.dependencies, node.provider.rpartition("::")[0], node.parent, node.deleted_with}
        return 1 + max((count(other) for other in before & graph.nodes.keys()), default=0)

    return count(resource)
