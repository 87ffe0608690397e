"""What Kubernetes promises, on the sandbox's clusters, by kubectl."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.clients import AccountClient, ClientError, Cluster, claim, client, eventually, service, web

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.privileged


@pytest.fixture(scope="module")
def site(eu: Cluster) -> Iterator[Cluster]:
    """A Deployment `site` of two pods, with a Service of each type."""
    spread: dict[str, Any] = web("site", replicas=2)
    spread["spec"]["template"]["spec"]["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "site"}},
        }
    ]
    kinds = ("ClusterIP", "NodePort", "LoadBalancer")
    eu.apply(spread, *(service("site", kind) for kind in kinds))
    eu.kubectl("rollout", "status", "deployment/site", "--timeout=90s")
    yield eu
    eu.kubectl("delete", "deployment/site", *(f"service/site-{kind.lower()}" for kind in kinds))


def balancer(cluster: Cluster, name: str) -> str:
    """The address of a Service of type LoadBalancer, once it has one."""
    found: list[str] = []

    def look() -> bool:
        ingress = cluster.get("service", name)["status"]["loadBalancer"].get("ingress", [])
        found.extend(item["ip"] for item in ingress)
        return bool(found)

    eventually(look, f"{name} has an address")
    return found[0]


def fetch(cluster: Cluster, address: str) -> str:
    """What an HTTP server answers to a client inside the sandbox."""
    return client(cluster.layout, "curl", "--silent", "--show-error", "--max-time", "5", f"http://{address}").strip()


def test_a_cluster_has_the_nodes_that_were_asked_for_with_their_place_at_linode(
    eu: Cluster, account: AccountClient
) -> None:
    nodes = eu.get("nodes")["items"]
    linodes = {linode["label"]: linode for linode in account.call("GET", "linode/instances")["data"]}
    assert len(nodes) == 2
    for node in nodes:
        linode = linodes[node["metadata"]["name"]]
        assert node["spec"]["providerID"] == f"linode://{linode['id']}"
        assert node["metadata"]["labels"]["topology.kubernetes.io/region"] == "eu-west"
        assert node["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "g6-standard-2"
        addresses = {entry["type"]: entry["address"] for entry in node["status"]["addresses"]}
        assert addresses["ExternalIP"] == linode["ipv4"][0]


def test_pods_of_two_nodes_reach_each_other(site: Cluster) -> None:
    pods = site.get("pods", "--selector=app=site")["items"]
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2, "the pods are spread over both nodes"
    first, second = pods
    answer = site.run(first["metadata"]["name"], "wget", "-qO-", f"http://{second['status']['podIP']}:8080")
    assert answer.strip() == second["metadata"]["name"]


def test_a_service_is_found_by_its_name_and_answers_from_every_pod(site: Cluster) -> None:
    pods = [pod["metadata"]["name"] for pod in site.get("pods", "--selector=app=site")["items"]]
    script = "for i in $(seq 20); do wget -qO- http://site-clusterip.default.svc.cluster.local; done"
    answers = site.run(pods[0], "sh", "-c", script)
    assert set(answers.split()) == set(pods)


def test_a_node_port_answers_on_every_node(site: Cluster) -> None:
    port = site.get("service", "site-nodeport")["spec"]["ports"][0]["nodePort"]
    for address in site.node_addresses():
        assert fetch(site, f"{address}:{port}").startswith("site-")


def test_a_load_balancer_answers_inside_and_outside_and_in_another_cluster(
    site: Cluster, us: Cluster, account: AccountClient
) -> None:
    address = balancer(site, "site-loadbalancer")
    assert address.startswith("203.0.113.")
    assert address in [entry["ipv4"] for entry in account.call("GET", "nodebalancers")["data"]]
    assert fetch(site, address).startswith("site-")
    us.kubectl("run", "caller", "--image=docker.io/library/busybox:1.36", "--", "sleep", "3600")
    us.kubectl("wait", "pod/caller", "--for=condition=Ready", "--timeout=60s")
    assert us.run("caller", "timeout", "5", "wget", "-qO-", f"http://{address}").startswith("site-")
    pod = site.get("pods", "--selector=app=site")["items"][0]["metadata"]["name"]
    assert site.run(pod, "timeout", "5", "wget", "-qO-", f"http://{address}").startswith("site-")
    us.kubectl("delete", "pod/caller", "--grace-period=0", "--force")


def test_a_deleted_load_balancer_gives_its_address_back(eu: Cluster, account: AccountClient) -> None:
    eu.apply(service("gone", "LoadBalancer"))
    address = balancer(eu, "gone-loadbalancer")
    eu.kubectl("delete", "service/gone-loadbalancer")
    known = [entry["ipv4"] for entry in account.call("GET", "nodebalancers")["data"]]
    assert address not in known
    eventually(lambda: address not in client(eu.layout, "ip", "route", "show"), "no way leads there")


def test_a_port_or_a_load_balancer_deleted_by_hand_is_gone_at_once_and_comes_back_as_at_linode(
    site: Cluster, account: AccountClient
) -> None:
    address = balancer(site, "site-loadbalancer")
    eventually(lambda: fetch(site, address).startswith("site-"), "it answers")
    [known] = [entry for entry in account.call("GET", "nodebalancers")["data"] if entry["ipv4"] == address]
    path = f"nodebalancers/{known['id']}"
    [config] = account.call("GET", f"{path}/configs")["data"]
    account.call("DELETE", f"{path}/configs/{config['id']}")
    eventually(lambda: "Couldn't connect" in _failure(site, address), "its only port is closed", within_seconds=10)
    _touch(site, "site-loadbalancer", "port")
    eventually(lambda: fetch(site, address).startswith("site-"), "it answers again at the same address")
    account.call("DELETE", path)
    eventually(lambda: "Couldn't connect" in _failure(site, address), "no way leads there", within_seconds=10)
    _touch(site, "site-loadbalancer", "balancer")
    eventually(lambda: fetch(site, balancer(site, "site-loadbalancer")).startswith("site-"), "there is another")


def test_an_acl_of_a_load_balancer_is_a_firewall_before_it(site: Cluster, account: AccountClient) -> None:
    address = balancer(site, "site-loadbalancer")
    eventually(lambda: fetch(site, address).startswith("site-"), "it answers")
    acl = f"{_PREFIX}firewall-acl"
    site.kubectl("annotate", "service/site-loadbalancer", f'{acl}={{"allowList": {{"ipv4": ["198.18.0.0/15"]}}}}')
    eventually(lambda: "timed out" in _failure(site, address), "a client that is not on the list gets no answer")
    [firewall] = account.call("GET", "networking/firewalls")["data"]
    assert firewall["entities"][0]["type"] == "nodebalancer"
    site.kubectl(
        *("annotate", "service/site-loadbalancer", "--overwrite"),
        f'{acl}={{"allowList": {{"ipv4": ["192.0.2.1/32"]}}}}',
    )
    eventually(lambda: fetch(site, address).startswith("site-"), "a client that is on the list gets one")
    site.kubectl("annotate", "service/site-loadbalancer", f"{acl}-")
    eventually(lambda: account.call("GET", "networking/firewalls")["data"] == [], "it goes with the annotation")


_PREFIX = "service.beta.kubernetes.io/linode-loadbalancer-"


def _touch(cluster: Cluster, name: str, value: str) -> None:
    cluster.kubectl("annotate", f"service/{name}", "--overwrite", f"touched={value}")


def _failure(cluster: Cluster, address: str) -> str:
    """What curl says of a server that does not answer, the same of one that refuses as of one that no way leads to."""
    try:
        fetch(cluster, address)
    except ClientError as error:
        return str(error)
    return ""


def test_pods_of_another_cluster_cannot_be_reached_directly(site: Cluster, us: Cluster) -> None:
    own = us.get("nodes")["items"][0]["spec"]["podCIDR"]
    # The ranges of pods are the same in every cluster: one that `us` has itself would be looked for at home.
    pods = site.get("pods", "--selector=app=site")["items"]
    foreign = next(pod for pod in pods if IPv4Address(pod["status"]["podIP"]) not in IPv4Network(own))
    pod, node = foreign["status"]["podIP"], foreign["status"]["hostIP"]
    # Even a neighbour that sends its packets straight to the node of the pod gets no answer.
    namespace = us.layout.node(us.get("nodes")["items"][0]["metadata"]["name"])
    client(us.layout, "ip", "route", "add", f"{pod}/32", "via", node, namespace=namespace)
    try:
        with pytest.raises(ClientError):
            client(us.layout, "curl", "--silent", "--max-time", "3", f"http://{pod}:8080", namespace=namespace)
    finally:
        client(us.layout, "ip", "route", "delete", f"{pod}/32", namespace=namespace)


def test_a_claim_keeps_its_data_when_its_pod_moves_to_another_node(eu: Cluster, account: AccountClient) -> None:
    names = [node["metadata"]["name"] for node in eu.get("nodes")["items"]]
    eu.apply(claim("data"), _writer("first", names[0], "echo kept > /data/file; sleep 3600"))
    eu.kubectl("wait", "pod/first", "--for=condition=Ready", "--timeout=60s")
    eu.kubectl("delete", "pod/first", "--grace-period=0", "--force")
    eu.apply(_writer("second", names[1], "sleep 3600"))
    eu.kubectl("wait", "pod/second", "--for=condition=Ready", "--timeout=60s")
    assert eu.run("second", "cat", "/data/file").strip() == "kept"
    volume = eu.get("pvc", "data")["spec"]["volumeName"]
    assert volume in [entry["label"] for entry in account.call("GET", "volumes")["data"]]
    eu.kubectl("delete", "pod/second", "--grace-period=0", "--force")
    eu.kubectl("delete", "pvc/data")
    eventually(
        lambda: volume not in [entry["label"] for entry in account.call("GET", "volumes")["data"]],
        "the volume of a class that deletes is gone",
    )


def test_a_cron_job_runs(eu: Cluster) -> None:
    eu.kubectl(
        "create", "cronjob", "tick", "--image=docker.io/library/busybox:1.36", "--schedule=* * * * *", "--", "true"
    )
    eventually(
        lambda: any(job["status"].get("succeeded") for job in eu.get("jobs")["items"]),
        "a job of the CronJob succeeded",
        within_seconds=120,
    )
    eu.kubectl("delete", "cronjob/tick")


def test_a_daemon_set_has_a_pod_on_every_node(eu: Cluster) -> None:
    daemon_set = web("everywhere")
    daemon_set["kind"] = "DaemonSet"
    del daemon_set["spec"]["replicas"]
    eu.apply(daemon_set)
    eu.kubectl("rollout", "status", "daemonset/everywhere", "--timeout=90s")
    assert len(eu.get("pods", "--selector=app=everywhere")["items"]) == 2
    eu.kubectl("delete", "daemonset/everywhere")


def test_logs_and_exec_work(site: Cluster) -> None:
    system = ("--namespace=kube-system",)
    assert "CoreDNS" in site.kubectl("logs", "deployment/coredns", *system)
    pod = site.get("pods", "--selector=app=site")["items"][0]["metadata"]["name"]
    assert site.run(pod, "hostname").strip() == pod


def test_an_acl_keeps_out_whoever_is_not_on_it(us: Cluster, account: AccountClient) -> None:
    path = f"lke/clusters/{us.id}/control_plane_acl"
    account.call("PUT", path, {"acl": {"enabled": True, "addresses": {"ipv4": ["198.18.0.0/15"]}}})
    try:
        eventually(lambda: not _answers(us), "the API server is closed to a client that is not on the list")
        account.call("PUT", path, {"acl": {"enabled": True, "addresses": {"ipv4": ["192.0.2.1/32"]}}})
        eventually(lambda: _answers(us), "the API server is open to a client that is on the list")
    finally:
        account.call("PUT", path, {"acl": {"enabled": False}})
    eventually(lambda: _answers(us), "the API server is open without an ACL")


def _answers(cluster: Cluster) -> bool:
    server = cluster.kubectl("config", "view", "--output=jsonpath={.clusters[0].cluster.server}")
    try:
        client(cluster.layout, "curl", "--silent", "--insecure", "--max-time", "2", f"{server}/version")
    except ClientError:
        return False
    return True


def _writer(name: str, node: str, script: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "docker.io/library/busybox:1.36",
        "command": ["sh", "-c", script],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    }
