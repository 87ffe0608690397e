"""The article's first half: four clusters, Karmada over them, and hello in three regions.

In the article's order and by its commands. What differs, since the article is of 2022 and the sandbox has no registry:
versions and images are those that the program uses, through a values file; pools are named, which LKE asks for now;
and certificates are made by openssl and not by the chart's job, which the sandbox has no image for.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

import yaml

from fleet.config import settings
from fleet.karmada import values
from fleet.versions import DEFAULT_KUBERNETES, PODINFO_IMAGE
from fleet.versions import KARMADA as VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.article.terminal import Terminal

MANAGER: Final = "cluster-manager"
REGIONS: Final = {"eu": "eu-west", "ap": "ap-south", "us": "us-west"}
KARMADA: Final = "karmada-config"
_NODE_PORT: Final = 32443
_HOSTS: Final = (
    *("kubernetes.default.svc", "*.etcd.karmada-system.svc.cluster.local", "*.karmada-system.svc.cluster.local"),
    *("*.karmada-system.svc", "localhost"),
)


def kubeconfig(cluster: str) -> str:
    """The article's name of a cluster's kubeconfig file."""
    return f"kubeconfig-{cluster}"


def run(terminal: Terminal) -> None:
    """From nothing to three of three replicas."""
    create_cluster(terminal, MANAGER, "eu-west")
    until_it_has_a_node(terminal, MANAGER)
    address = _node_address(terminal)
    terminal.reached("the manager's node is there")
    _install_karmada(terminal, address)
    terminal.reached("Karmada's API answers")
    for name, region in REGIONS.items():
        create_cluster(terminal, name, region)
    for name in REGIONS:
        until_it_has_a_node(terminal, name)
    terminal.reached("three more clusters")
    for name in REGIONS:
        _install_agent(terminal, name, address)
    terminal.until(lambda: ready(terminal) == set(REGIONS), "all members are Ready")
    terminal.reached("all members are Ready")
    terminal.apply(KARMADA, *hello())
    terminal.apply(KARMADA, policy(["hello"], dict.fromkeys(REGIONS, 1)))
    terminal.until(lambda: spread(terminal) == dict.fromkeys(REGIONS, 1), "3 of 3 replicas run")
    terminal.reached("3 of 3 replicas run")


def spread(terminal: Terminal) -> dict[str, int]:
    """How many replicas of hello are ready in each region; none as long as Karmada does not count three."""
    if _replicas(terminal) != len(REGIONS):
        return {}
    return {name: len(running(terminal, name, "hello")) for name in REGIONS}


def running(terminal: Terminal, cluster: str, app: str) -> list[dict[str, Any]]:
    """The pods of an app that are ready and not about to go."""
    shown = terminal.kubectl(kubeconfig(cluster), "get", "pods", f"--selector=app={app}", "--output=json")
    return [
        pod
        for pod in json.loads(shown)["items"]
        if "deletionTimestamp" not in pod["metadata"]
        and any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in pod["status"].get("conditions", ())
        )
    ]


def create_cluster(terminal: Terminal, name: str, region: str) -> None:
    """`linode-cli lke cluster-create`, and its kubeconfig as soon as there is one."""
    pool = ["--node_pools.type", "g6-standard-2", "--node_pools.count", "1"]
    what = ["--label", name, "--region", region, "--k8s_version", DEFAULT_KUBERNETES, *pool]
    made = terminal.run("linode-cli", "lke", "cluster-create", *what, "--json")
    [cluster] = json.loads(made)
    file = terminal.folder / kubeconfig(name)

    def written() -> bool:
        shown = terminal.run("linode-cli", "lke", "kubeconfig-view", str(cluster["id"]), "--text", "--no-headers")
        file.write_bytes(base64.b64decode(shown))
        file.chmod(0o600)
        return True

    terminal.until(written, f"{name} has a kubeconfig")


def until_it_has_a_node(terminal: Terminal, name: str) -> None:
    """The article verifies that a cluster was made: here, that there is a Ready node for what comes next."""
    ready = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"
    look = ("get", "nodes", "--output", ready)
    terminal.until(lambda: terminal.kubectl(kubeconfig(name), *look).split() == ["True"], f"{name} has a node")


def _node_address(terminal: Terminal) -> str:
    path = "jsonpath={.items[0].status.addresses[?(@.type=='ExternalIP')].address}"
    return terminal.kubectl(kubeconfig(MANAGER), "get", "nodes", "--output", path)


def _install_karmada(terminal: Terminal, address: str) -> None:
    _make_certificates(terminal, address)
    certs = {
        key: (terminal.folder / file).read_text()
        for key, file in {
            "caCrt": "ca.crt",
            "caKey": "ca.key",
            "crt": "karmada.crt",
            "key": "karmada.key",
            "frontProxyCaCrt": "front-proxy-ca.crt",
            "frontProxyCrt": "front-proxy.crt",
            "frontProxyKey": "front-proxy.key",
        }.items()
    }
    none = values.Fingerprints(server="article", authority="article", encryption="article")
    given = values.Given(certs={"mode": "custom", "custom": certs}, encryption="none")
    one = values.Replicas(components=1, api_servers=1)
    chart_values = values.host(settings.Karmada(), settings.Versions(), given, none, one)
    chart_values["apiServer"]["encryptionAtRest"] = {"enabled": False}  # The article encrypts nothing.
    terminal.helm(
        *(kubeconfig(MANAGER), "karmada", "karmada/karmada", "--create-namespace", "--namespace=karmada-system"),
        *("--set=apiServer.hostNetwork=false", "--set=apiServer.serviceType=NodePort"),
        f"--set=apiServer.nodePort={_NODE_PORT}",
        values=chart_values,
    )
    secret = ("get", "secret", "karmada-kubeconfig", "--namespace=karmada-system")
    encoded = terminal.kubectl(kubeconfig(MANAGER), *secret, "--output=jsonpath={.data.kubeconfig}")
    patched = yaml.safe_load(base64.b64decode(encoded))
    patched["clusters"][0]["cluster"]["server"] = f"https://{address}:{_NODE_PORT}"
    file = terminal.folder / KARMADA
    file.write_text(yaml.safe_dump(patched))
    file.chmod(0o600)
    terminal.until(lambda: terminal.kubectl(KARMADA, "get", "clusters,deployments") == "", "Karmada's API answers")


def _make_certificates(terminal: Terminal, address: str) -> None:
    names = ",".join([*(f"DNS:{host}" for host in _HOSTS), "IP:127.0.0.1", f"IP:{address}"])
    _authority(terminal, "ca", "/CN=karmada")
    _signed(terminal, "karmada", "ca", "/O=system:masters/CN=system:admin", f"subjectAltName={names}")
    _authority(terminal, "front-proxy-ca", "/CN=front-proxy-ca")
    _signed(terminal, "front-proxy", "front-proxy-ca", "/CN=front-proxy-client", "extendedKeyUsage=clientAuth")


def _authority(terminal: Terminal, name: str, subject: str) -> None:
    key = ["-newkey", "rsa:3072", "-nodes", "-keyout", f"{name}.key"]
    terminal.run("openssl", "req", "-x509", *key, "-out", f"{name}.crt", "-subj", subject, "-days", "3650")


def _signed(terminal: Terminal, name: str, authority: str, subject: str, extension: str) -> None:
    key = ["-newkey", "rsa:3072", "-nodes", "-keyout", f"{name}.key"]
    issuer = ["-CA", f"{authority}.crt", "-CAkey", f"{authority}.key"]
    out = ["-out", f"{name}.crt", "-subj", subject, "-days", "365", "-addext", extension]
    # Without it openssl makes a certificate of an authority.
    leaf = ["-addext", "basicConstraints=critical,CA:FALSE"]
    terminal.run("openssl", "req", "-x509", *key, *issuer, *out, *leaf)


def _install_agent(terminal: Terminal, name: str, address: str) -> None:
    user = yaml.safe_load((terminal.folder / KARMADA).read_text())
    parts = {
        "caCrt": user["clusters"][0]["cluster"]["certificate-authority-data"],
        "crt": user["users"][0]["user"]["client-certificate-data"],
        "key": user["users"][0]["user"]["client-key-data"],
    }
    credentials = {part: base64.b64decode(encoded).decode() for part, encoded in parts.items()}
    server = {"server": f"https://{address}:{_NODE_PORT}"}
    terminal.helm(
        *(kubeconfig(name), "karmada", "karmada/karmada", "--create-namespace", "--namespace=karmada-system"),
        values=agent_values(name, credentials | server),
    )


def agent_values(name: str, credentials: Mapping[str, str]) -> dict[str, Any]:
    """Values of the chart's agent mode, by which an agent reports its member's credentials, as in the article."""
    agent = {"clusterName": name, "kubeconfig": dict(credentials), "image": {"tag": VERSION}}
    return {
        "installMode": "agent",
        "systemNamespace": "karmada-system",
        "karmadaImageVersion": VERSION,
        "agent": agent,
    }


def ready(terminal: Terminal) -> set[str]:
    """The members that Karmada calls Ready."""
    clusters = json.loads(terminal.kubectl(KARMADA, "get", "clusters.cluster.karmada.io", "--output=json"))["items"]
    return {
        cluster["metadata"]["name"]
        for cluster in clusters
        for condition in cluster.get("status", {}).get("conditions", ())
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def _replicas(terminal: Terminal) -> int:
    """How many replicas are ready, by Karmada's account."""
    path = "jsonpath={.status.readyReplicas}"
    return int(terminal.kubectl(KARMADA, "get", "deployment/hello", "--output", path) or 0)


def hello() -> list[dict[str, Any]]:
    """The article's deployment.yaml."""
    labels = {"app": "hello"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"image": PODINFO_IMAGE, "name": "hello"}]}}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "hello"},
            "spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "hello"},
            # With a protocol in the port's name, without which Istio balances connections and not requests.
            "spec": {"ports": [{"name": "http", "port": 5000, "targetPort": 9898}], "selector": labels},
        },
    ]


def policy(deployments: list[str], weights: dict[str, int]) -> dict[str, Any]:
    """The article's policy.yaml, for hello's Service and some Deployments."""
    selectors = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": name} for name in deployments]
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "hello-propagation"},
        "spec": {
            "resourceSelectors": [*selectors, {"apiVersion": "v1", "kind": "Service", "name": "hello"}],
            "placement": {
                "clusterAffinity": {"clusterNames": list(REGIONS)},
                "replicaScheduling": {
                    "replicaDivisionPreference": "Weighted",
                    "replicaSchedulingType": "Divided",
                    "weightPreference": {
                        "staticWeightList": [
                            {"targetCluster": {"clusterNames": [name]}, "weight": weight}
                            for name, weight in weights.items()
                        ]
                    },
                },
            },
        },
    }
