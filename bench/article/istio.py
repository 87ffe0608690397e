"""The article's second half: Istio in three clusters, gateways between them, and calls from sleep to hello.

In the article's order. What differs: the values that the sandbox's Envoy needs (Pulumi.sandbox.yaml) in a file; the
network label of gateways is the network's own name, which the article mistakes; the workload namespace is labelled for
sidecars and hello restarted, which the article forgets; weights stay 1:1:1, since hello has three replicas here and not
ten; and certificates are made by openssl as Istio's Makefile does.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from bench.article.karmada import KARMADA, REGIONS, kubeconfig, policy, running
from bench.article.terminal import NotYetError
from tests.article import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.article.terminal import Terminal

NETWORKS: Final = {"ap": "network1", "us": "network2", "eu": "network3"}
_SYSTEM: Final = "--namespace=istio-system"
_PORTS: Final = {"status-port": 15021, "tls": 15443, "tls-istiod": 15012, "tls-webhook": 15017}
_CALLS: Final = 10


def run(
    terminal: Terminal, istiod_values: Mapping[str, Any], gateway_values: Mapping[str, Any], sleep_image: str
) -> None:
    """From three clusters with hello to calls that all three answer."""
    for name in REGIONS:
        terminal.helm(kubeconfig(name), "istio-base", "istio/base", "--create-namespace", _SYSTEM, values={})
    _make_authorities(terminal)
    for name in REGIONS:
        parts = {"ca-cert": f"{name}-ca.crt", "ca-key": f"{name}-ca.key", "root-cert": "root.crt"}
        files = [f"--from-file={key}.pem={file}" for key, file in parts.items()]
        chain = f"--from-file=cert-chain.pem={name}-chain.pem"
        terminal.kubectl(kubeconfig(name), "create", "secret", "generic", "cacerts", _SYSTEM, *files, chain)
    for name, network in NETWORKS.items():
        own = (f"--set=global.multiCluster.clusterName={name}", f"--set=global.network={network}")
        mesh = ("--set=global.meshID=mesh1", *own)
        terminal.helm(kubeconfig(name), "istiod", "istio/istiod", _SYSTEM, *mesh, values=dict(istiod_values))
    for name, network in NETWORKS.items():
        label = f"topology.istio.io/network={network}"
        terminal.kubectl(kubeconfig(name), "label", "namespace", "istio-system", label)
        rollout = ("rollout", "status", "deployment/istiod", _SYSTEM, "--timeout=240s")
        terminal.kubectl(kubeconfig(name), *rollout)
    terminal.reached("istiod runs in three clusters")
    _open_gateways(terminal, gateway_values)
    terminal.reached("gateways have addresses")
    _share_credentials(terminal)
    _add_sidecars(terminal, sleep_image)
    terminal.reached("hello and sleep run with sidecars")
    terminal.until(lambda: answering(terminal) == set(REGIONS), "all regions answer")
    terminal.reached("all regions answer")


def _make_authorities(terminal: Terminal) -> None:
    """A root and an intermediate for each cluster (tools/certs/Makefile.selfsigned.mk)."""
    uses = ["-addext", "keyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment,keyCertSign"]
    common = ["openssl", "req", "-x509", "-newkey", "rsa:4096", "-nodes", "-days", "3650", *uses]
    terminal.run(*common, "-keyout", "root.key", "-out", "root.crt", "-subj", "/O=Istio/CN=Root CA")
    signer = ["-CA", "root.crt", "-CAkey", "root.key"]
    for name in REGIONS:
        out = ["-keyout", f"{name}-ca.key", "-out", f"{name}-ca.crt", "-subj", f"/O=Istio/CN=Intermediate CA/L={name}"]
        terminal.run(*common, *signer, *out)
        texts = [(terminal.folder / file).read_text() for file in (f"{name}-ca.crt", "root.crt")]
        (terminal.folder / f"{name}-chain.pem").write_text("".join(texts))


def _open_gateways(terminal: Terminal, gateway_values: Mapping[str, Any]) -> None:
    for name, network in NETWORKS.items():
        settings = ["labels.istio=eastwestgateway", "labels.app=istio-eastwestgateway", f"networkGateway={network}"]
        settings.append(rf"labels.topology\.istio\.io/network={network}")
        for index, (port_name, port) in enumerate(_PORTS.items()):
            settings.append(f"service.ports[{index}].name={port_name}")
            settings += [f"service.ports[{index}].{key}={port}" for key in ("port", "targetPort")]
        sets = [f"--set={setting}" for setting in settings]
        terminal.helm(
            *(kubeconfig(name), "eastwest-gateway", "istio/gateway", _SYSTEM, *sets), values=dict(gateway_values)
        )
    for name in REGIONS:
        terminal.apply(kubeconfig(name), _cross_network_gateway(), namespace="istio-system")
    address = ("get", "service", "eastwest-gateway", _SYSTEM, "--output=jsonpath={.status.loadBalancer.ingress[0].ip}")
    for name in REGIONS:
        terminal.until(lambda name=name: terminal.kubectl(kubeconfig(name), *address) != "", "an address")  # type: ignore[misc]  # bound early


def _cross_network_gateway() -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "cross-network-gateway"},
        "spec": {
            "selector": {"istio": "eastwestgateway"},
            "servers": [
                {
                    "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
                    "tls": {"mode": "AUTO_PASSTHROUGH"},
                    "hosts": ["*.local"],
                }
            ],
        },
    }


def _share_credentials(terminal: Terminal) -> None:
    """The article's secrets: each member gets the administrator's kubeconfig of every other one."""
    for reader in REGIONS:
        for peer in REGIONS:
            if peer == reader:
                continue
            content = (terminal.folder / kubeconfig(peer)).read_bytes()
            secret = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": f"istio-remote-secret-{peer}",
                    "labels": {"istio/multiCluster": "true"},
                    "annotations": {"networking.istio.io/cluster": peer},
                },
                "type": "Opaque",
                "data": {peer: base64.b64encode(content).decode()},
            }
            terminal.apply(kubeconfig(reader), secret, namespace="istio-system")


def _add_sidecars(terminal: Terminal, sleep_image: str) -> None:
    for name in REGIONS:
        terminal.kubectl(kubeconfig(name), "label", "namespace", "default", "istio-injection=enabled")
    terminal.kubectl(KARMADA, "rollout", "restart", "deployment/hello")
    terminal.apply(KARMADA, _sleep(sleep_image), policy(["hello", "sleep"], dict.fromkeys(REGIONS, 1)))
    for name in REGIONS:
        terminal.until(lambda name=name: _has_sidecar(terminal, name), f"hello of {name} has a sidecar")  # type: ignore[misc]  # bound early
    terminal.until(lambda: _caller(terminal) is not None, "sleep runs")


def _sleep(image: str) -> dict[str, Any]:
    labels = {"app": "sleep"}
    container = {
        "name": "sleep",
        "image": image,
        "command": ["/bin/sleep", "3650d"],
        "imagePullPolicy": "IfNotPresent",
        "volumeMounts": [{"mountPath": "/etc/sleep/tls", "name": "secret-volume"}],
    }
    volume = {"name": "secret-volume", "secret": {"secretName": "sleep-secret", "optional": True}}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": [volume]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "sleep"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def _pods(terminal: Terminal, cluster: str, app: str) -> list[dict[str, Any]]:
    """The pods of an app that run with a sidecar."""
    found = running(terminal, cluster, app)
    return [pod for pod in found if "sidecar.istio.io/status" in pod["metadata"].get("annotations", {})]


def _has_sidecar(terminal: Terminal, cluster: str) -> bool:
    return bool(_pods(terminal, cluster, "hello"))


def _caller(terminal: Terminal) -> tuple[str, str] | None:
    """The cluster and the pod of sleep, wherever its one replica landed."""
    found = [(name, pod["metadata"]["name"]) for name in REGIONS for pod in _pods(terminal, name, "sleep")]
    return found[0] if found else None


def answering(terminal: Terminal) -> set[str]:
    """From which clusters hello answers, in the article's ten calls."""
    owners = {pod["metadata"]["name"]: name for name in REGIONS for pod in _pods(terminal, name, "hello")}
    caller = _caller(terminal)
    if caller is None:
        return set()
    cluster, pod = caller
    call = ("exec", pod, "--container=sleep", "--", "curl", "-sS", "--max-time", "5", "hello:5000")
    answers = [terminal.kubectl(kubeconfig(cluster), *call) for _ in range(_CALLS)]
    return {owner for pod_name, owner in owners.items() if any(pod_name in answer for answer in answers)}


def sent_elsewhere(terminal: Terminal) -> dict[tuple[str, int], int]:
    """How many requests sleep's sidecar has sent to hello of other regions, by address and port.

    Raises NotYetError if sleep does not run.
    """
    caller = _caller(terminal)
    if caller is None:
        raise NotYetError("sleep does not run")
    cluster, pod = caller
    ask = ("exec", pod, "--container=istio-proxy", "--", "pilot-agent", "request", "GET", "clusters?format=json")
    sent = counted(json.loads(terminal.kubectl(kubeconfig(cluster), *ask)))
    own = {found["status"]["podIP"] for found in _pods(terminal, cluster, "hello")}
    return {endpoint: count for endpoint, count in sent.items() if endpoint[0] not in own}
