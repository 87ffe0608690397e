"""The configuration files of a node's programs, as the node itself sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import yaml

from sandbox.clusters.host.distribution import cni_plugins
from sandbox.clusters.images.bases import PAUSE_IMAGE
from sandbox.clusters.network.plan import DNS_SERVICE, PODS
from sandbox.clusters.node import sizes

if TYPE_CHECKING:
    from ipaddress import IPv4Network
    from pathlib import Path

    from sandbox.linode.backend import PoolSpec

CONTAINERD_SOCKET: Final = "/run/containerd/containerd.sock"
CONTAINERD: Final = "/etc/containerd/config.toml"
CNI_PLUGINS: Final = cni_plugins()
CNI: Final = "/etc/cni/net.d/10-fleet.conflist"
KUBELET: Final = "/etc/kubernetes/kubelet.yaml"
KUBE_PROXY: Final = "/etc/kubernetes/kube-proxy.yaml"
PKI: Final = "/etc/kubernetes/pki"
KUBELET_KUBECONFIG: Final = "/etc/kubernetes/kubelet.kubeconfig"
KUBE_PROXY_KUBECONFIG: Final = "/etc/kubernetes/kube-proxy.kubeconfig"
NETWORK_POLICY_KUBECONFIG: Final = "/etc/kubernetes/network-policy.kubeconfig"

_CONTAINERD_CONFIG: Final = f"""\
version = 3
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.differ.v1.erofs",
  "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "{CONTAINERD_SOCKET}"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{PAUSE_IMAGE}"

[plugins.'io.containerd.cri.v1.runtime']
  # Without CAP_SYS_RESOURCE runc cannot lower a score, and no container would start.
  restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["{CNI_PLUGINS}"]
  conf_dir = "/etc/cni/net.d"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
"""

_KEEPING: Final = {
    # All nodes share the host's disk, whose fill level is not theirs to mend: a node must not evict pods for it,
    # nor delete images that it could not get again.
    "evictionHard": {
        "memory.available": "0%",
        "nodefs.available": "0%",
        "nodefs.inodesFree": "0%",
        "imagefs.available": "0%",
    },
    "imageGCHighThresholdPercent": 100,
    "imageGCLowThresholdPercent": 99,
    # Or an image that the kubelet once tried to pull is pulled again although it is there.
    "imagePullCredentialsVerificationPolicy": "NeverVerify",
}


def write_node_files(root: Path, *, cgroup: str, pods: IPv4Network, name: str, pool: PoolSpec) -> None:
    """Write the files below a machine's root file system.

    `pool` gives the taints with which the kubelet registers the node, and the plan whose size it has.
    """
    _write(root, CONTAINERD, _CONTAINERD_CONFIG)
    _write(root, CNI, json.dumps(_cni(pods), indent=1))
    _write(root, KUBELET, yaml.safe_dump(_kubelet(cgroup, pool), sort_keys=False))
    _write(root, KUBE_PROXY, yaml.safe_dump(_kube_proxy(name), sort_keys=False))


def _write(root: Path, path: str, content: str) -> None:
    target = root / path.lstrip("/")
    # kube-proxy ends whenever its file is written, whatever is in it.
    if target.is_file() and target.read_text() == content:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)


def _cni(pods: IPv4Network) -> dict[str, Any]:
    """A link to each pod with a route to it, and no bridge, which would need the kernel's br_netfilter."""
    return {
        "cniVersion": "1.0.0",
        "name": "fleet",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "mtu": 1500,
                "ipam": {
                    "type": "host-local",
                    # In memory: a machine that starts again has no pods.
                    "dataDir": "/run/cni-ipam",
                    "ranges": [[{"subnet": str(pods)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _kubelet(cgroup: str, pool: PoolSpec) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{PKI}/kubernetes-ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{PKI}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{PKI}/kubelet-server.key",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "systemReserved": sizes.held_back(pool, sizes.machine()),
        # Held back from what pods may ask for alone: the group of all pods has no limit.
        "enforceNodeAllocatable": [],
        "clusterDNS": [str(DNS_SERVICE)],
        "clusterDomain": "cluster.local",
        "resolvConf": "/etc/resolv.conf",
        **_KEEPING,
        "serializeImagePulls": False,
        "containerLogMaxSize": "5Mi",
        "containerLogMaxFiles": 2,
        "registerWithTaints": [
            {"key": taint.key, "value": taint.value or "", "effect": taint.effect.value} for taint in pool.taints
        ],
        # Rarer than the defaults: idle clusters on one small machine add up.
        "nodeStatusReportFrequency": "1m0s",
        "volumeStatsAggPeriod": "5m0s",
        "enableProfilingHandler": False,
        "enableDebugFlagsHandler": False,
    }


def _kube_proxy(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": KUBE_PROXY_KUBECONFIG},
        "clusterCIDR": str(PODS),
        "hostnameOverride": name,
        # The limits are the whole kernel's; the host's stay as they are.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "healthzBindAddress": "0.0.0.0:10256",
        "metricsBindAddress": "127.0.0.1:10249",
    }
