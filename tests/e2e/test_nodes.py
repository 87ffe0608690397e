"""What pods meet on a node at Linode, and meet here: programs that reach others, room, policies, volumes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.clusters.images.bases import BUSYBOX, NETWORK_CLIENTS
from sandbox.clusters.images.model import Link
from tests.e2e.clients import ClientError, Cluster, claim, eventually, service, web

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.privileged

_SERVER = "site.default.svc.cluster.local"
# What each does with a machine that has an HTTP server on port 8080 and nothing else.
_CALLS = {
    "wget": (f"wget -q -O - -T 2 http://{_SERVER}:8080/", "site-"),
    "nc": (f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 {_SERVER} 8080", "site-"),
    "telnet": (f"sleep 1 | telnet {_SERVER} 8080", f"Connected to {_SERVER}"),
    "nslookup": (f"nslookup {_SERVER}", f"Name:\t{_SERVER}"),
    "ping": (f"ping -c 1 -W 2 {_SERVER}", "1 packets received"),
    "traceroute": (f"traceroute -n -m 4 -q 1 -w 1 {_SERVER}", f"traceroute to {_SERVER}"),
    "ftpget": (f"ftpget {_SERVER} /tmp/file file", "Connection refused"),
    "ftpput": (f"ftpput {_SERVER} file /etc/passwd", "Connection refused"),
    "tftp": (f"timeout 2 tftp -g -r file {_SERVER}; test $? -ne 139 && echo ended", "ended"),
}


@pytest.fixture(scope="module")
def site(eu: Cluster) -> Iterator[Cluster]:
    """A pod that answers on port 8080 with its name, and the name `site` for it."""
    headless = {"clusterIP": "None", "selector": {"app": "site"}}
    eu.apply(web("site"), {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "site"}, "spec": headless})
    eu.kubectl("rollout", "status", "deployment/site", "--timeout=90s")
    eventually(lambda: _is_known(eu), "the name is known")
    yield eu
    eu.kubectl("delete", "deployment/site", "service/site")


def _is_known(cluster: Cluster) -> bool:
    [pod] = cluster.get("pods", "--selector=app=site")["items"]
    try:
        return pod["status"]["podIP"] in cluster.run(pod["metadata"]["name"], "nslookup", _SERVER)
    except ClientError:
        return False


@pytest.mark.parametrize("applet", ["wget", *NETWORK_CLIENTS])
def test_every_program_of_the_images_that_calls_others_does_so_by_name(site: Cluster, applet: str) -> None:
    script, expected = _CALLS[applet]
    [pod] = site.get("pods", "--selector=app=site")["items"]
    # A signal would end the script's last command with 128 or more, and say nothing.
    said = site.run(pod["metadata"]["name"], "sh", "-c", f"({script}) 2>&1; echo code $?")
    assert expected in said
    assert int(said.rpartition("code ")[2]) < 128, f"{applet} was ended by a signal"


@pytest.mark.parametrize("limit", ["", "-T 2 "], ids=["without a limit", "with a limit of time"])
def test_wget_fetches_by_address(site: Cluster, limit: str) -> None:
    [pod] = site.get("pods", "--selector=app=site")["items"]
    name, address = pod["metadata"]["name"], pod["status"]["podIP"]
    # Debian 12's busybox has -T, and ends with a segmentation fault if it is used.
    assert site.run(name, "sh", "-c", f"wget {limit}-q -O - http://{address}:8080/").strip() == name


def test_every_applet_of_the_images_is_one_that_busybox_has(site: Cluster) -> None:
    [pod] = site.get("pods", "--selector=app=site")["items"]
    there = set(site.run(pod["metadata"]["name"], "busybox", "--list").split())
    links = {Path(path).name for path, entry in BUSYBOX.items() if isinstance(entry, Link)}
    assert links <= there, "a link to an applet that is not there is a command that fails"


def test_a_load_balancer_is_reached_by_the_name_that_it_shows(site: Cluster) -> None:
    name = "site-loadbalancer"
    site.apply(service("site", "LoadBalancer"))
    [pod] = site.get("pods", "--selector=app=site")["items"]

    def shows(*fields: str) -> bool:
        [entry] = site.get("service", name)["status"]["loadBalancer"].get("ingress", [{}])
        # By the name alone, the call goes by the NodeBalancer.
        call = ("wget", "-q", "-O", "-", "-T", "2", f"http://{entry.get('hostname', '')}/")
        return set(entry) == set(fields) and site.run(pod["metadata"]["name"], *call).startswith("site-")

    try:
        eventually(lambda: shows("hostname", "ip", "ipMode"), "it shows both, and its name is answered")
        asked = "service.beta.kubernetes.io/linode-loadbalancer-hostname-only-ingress=true"
        site.kubectl("annotate", f"service/{name}", asked)
        eventually(lambda: shows("hostname"), "it shows its name alone, which is answered")
    finally:
        site.kubectl("delete", f"service/{name}")


@pytest.fixture(scope="module")
def callers(site: Cluster) -> Iterator[Cluster]:
    """A pod `caller` in the namespace `friends`, and one in `strangers`, on the other node."""
    [server] = site.get("pods", "--selector=app=site")["items"]
    nodes = sorted(node["metadata"]["name"] for node in site.get("nodes")["items"])
    nodes.sort(key=lambda name: name != server["spec"]["nodeName"])
    for namespace, node in zip(("friends", "strangers"), nodes, strict=True):
        container = {"name": "main", "image": "docker.io/library/busybox:1.36", "command": ["sleep", "3600"]}
        spec = {"nodeName": node, "containers": [container], "terminationGracePeriodSeconds": 0}
        site.kubectl("create", "namespace", namespace)
        account = ("get", "serviceaccount/default", f"--namespace={namespace}", "--output=name")
        eventually(partial(_has, site, *account), "pods may be made there")
        metadata = {"name": "caller", "namespace": namespace}
        site.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        site.kubectl("wait", "pod/caller", f"--namespace={namespace}", "--for=condition=Ready", "--timeout=90s")
    yield site
    site.kubectl("delete", "namespace", "friends", "strangers")


def _has(cluster: Cluster, *what: str) -> bool:
    return bool(cluster.kubectl(*what))


@pytest.fixture
def policed(callers: Cluster) -> Iterator[Cluster]:
    """The callers, who are answered again afterwards."""
    answers(callers, friends=True, strangers=True)
    yield callers
    for namespace in ("default", "friends"):
        callers.kubectl("delete", "networkpolicies", "--all", f"--namespace={namespace}")
    answers(callers, friends=True, strangers=True)


def answers(cluster: Cluster, **expected: bool) -> None:
    """Wait until the callers of these namespaces are answered, or are not."""
    for namespace, answered in expected.items():
        eventually(
            partial(_calls_end, cluster, namespace, answered=answered),
            f"{namespace} are {'answered' if answered else 'refused'}",
            within_seconds=30,
        )


def _calls_end(cluster: Cluster, namespace: str, *, answered: bool) -> bool:
    return _is_answered(cluster, namespace) is answered


def _is_answered(cluster: Cluster, namespace: str) -> bool:
    call = ("wget", "-q", "-O", "-", "-T", "2", f"http://{_SERVER}:8080/")
    try:
        return cluster.kubectl("exec", "caller", f"--namespace={namespace}", "--", *call).startswith("site-")
    except ClientError:
        return False


def restrict(cluster: Cluster, *, namespace: str = "default", **spec: Any) -> None:
    """Put a policy on all pods of a namespace."""
    kinds = [kind.capitalize() for kind in ("ingress", "egress") if kind in spec]
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "policy", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": kinds, **spec},
    }
    cluster.apply(policy)


def namespaced(name: str) -> dict[str, Any]:
    """All pods of a namespace, as a policy names them."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def test_a_policy_that_lets_nobody_in_refuses_every_pod_and_no_probe(policed: Cluster) -> None:
    restrict(policed, ingress=[])
    answers(policed, friends=False, strangers=False)
    # It is asked every second, and three failures are too many.
    with pytest.raises(ClientError, match="timed out"):
        policed.kubectl("wait", "pod", "--selector=app=site", "--for=condition=Ready=false", "--timeout=6s")


def test_a_policy_lets_in_a_namespace_and_no_other(policed: Cluster) -> None:
    restrict(policed, ingress=[{"from": [namespaced("strangers")]}])
    answers(policed, friends=False, strangers=True)


def test_a_policy_lets_in_by_port(policed: Cluster) -> None:
    restrict(policed, ingress=[{"ports": [{"protocol": "TCP", "port": 9090}]}])
    answers(policed, friends=False, strangers=False)
    restrict(policed, ingress=[{"ports": [{"protocol": "TCP", "port": 8080}]}])
    answers(policed, friends=True, strangers=True)


def test_a_policy_on_the_way_out_holds_for_who_calls_and_leaves_names_to_be_found(policed: Cluster) -> None:
    names = {"to": [namespaced("kube-system")], "ports": [{"protocol": "UDP", "port": 53}]}
    restrict(policed, namespace="friends", egress=[names])
    answers(policed, friends=False, strangers=True)
    found = policed.kubectl("exec", "caller", "--namespace=friends", "--", "nslookup", _SERVER)
    assert f"Name:\t{_SERVER}" in found
    restrict(policed, namespace="friends", egress=[names, {"to": [namespaced("default")]}])
    answers(policed, friends=True, strangers=True)


@pytest.mark.parametrize(("resource", "quantity"), [("cpu", "1900m"), ("memory", "3900Mi")])
def test_what_does_not_fit_on_the_plan_stays_pending(eu: Cluster, resource: str, quantity: str) -> None:
    container = {
        "name": "main",
        "image": "docker.io/library/busybox:1.36",
        "command": ["sleep", "60"],
        "resources": {"requests": {resource: quantity}},
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "large"}, "spec": {"containers": [container]}}
    eu.apply(pod)
    try:
        # Its plan has two processors and 4 GiB, of which the system and the network have their part.
        eventually(lambda: f"Insufficient {resource}" in _events(eu, "large"), "the scheduler finds no node")
        assert eu.get("pod", "large")["status"]["phase"] == "Pending"
    finally:
        eu.kubectl("delete", "pod/large", "--grace-period=0", "--force")


def _events(cluster: Cluster, pod: str) -> str:
    return cluster.kubectl("get", "events", f"--field-selector=involvedObject.name={pod}")


def test_a_volume_is_on_one_node_at_a_time(eu: Cluster) -> None:
    first, second = (node["metadata"]["name"] for node in eu.get("nodes")["items"])
    eu.apply(claim("shared"), _user("one", first), _user("other", second))
    try:
        eu.kubectl("wait", "pod/one", "--for=condition=Ready", "--timeout=60s")
        with pytest.raises(ClientError, match="timed out"):
            eu.kubectl("wait", "pod/other", "--for=condition=Ready", "--timeout=15s")
        assert "FailedMount" in _events(eu, "other")
        eu.kubectl("delete", "pod/one", "--grace-period=0", "--force")
        eu.kubectl("wait", "pod/other", "--for=condition=Ready", "--timeout=90s")
    finally:
        eu.kubectl("delete", "pod", "one", "other", "--grace-period=0", "--force", "--ignore-not-found")
        eu.kubectl("delete", "pvc/shared")


def _user(name: str, node: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "docker.io/library/busybox:1.36",
        "command": ["sleep", "3600"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "shared"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"nodeName": node, "containers": [container], "volumes": [volume]},
    }
