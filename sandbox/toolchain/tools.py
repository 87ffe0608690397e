"""The tools that the sandbox stands on: what each is called, where it is built from and how it is stamped.

No version stands here: each comes from the module's go.mod, whose `tool` lines and this table are kept equal
by a test. To add a tool, add its module folder or its `tool` line (`go get -tool PACKAGE@VERSION`), then one
entry here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from packaging.version import Version

from sandbox.toolchain.errors import UnknownToolError
from sandbox.toolchain.kinds import Embedded, Module, OnPath, Stamp, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable


def _kubernetes_stamps(package: str) -> tuple[Stamp, ...]:
    # hack/lib/version.sh of Kubernetes. Unstamped, the API server calls itself v0.0.0 and charts refuse it.
    return (
        Stamp(variable=f"{package}.gitVersion", module="k8s.io/kubernetes"),
        Stamp(variable=f"{package}.gitMajor", module="k8s.io/kubernetes", form="{major}"),
        Stamp(variable=f"{package}.gitMinor", module="k8s.io/kubernetes", form="{minor}"),
    )


def _helm_stamps(package: str) -> tuple[Stamp, ...]:
    # Helm's Makefile: what `helm template` and `helm lint` take for the cluster's version.
    return (
        Stamp(variable=f"{package}.k8sVersionMajor", module="k8s.io/kubernetes", form="{major}"),
        Stamp(variable=f"{package}.k8sVersionMinor", module="k8s.io/kubernetes", form="{minor}"),
    )


_PULUMI: Final = Module(
    name="pulumi",
    stamps=(
        Stamp(
            variable="github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
            module="github.com/pulumi/pulumi/pkg/v3",
        ),
    ),
)
_PROVIDER: Final = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_KUBERNETES_PROVIDER: Final = Module(
    name="kubernetes-provider",
    # Its revision is the commit that the release v4.25.0 is tagged with; the module has a tag of its own for none.
    stamps=(Stamp(variable=f"{_PROVIDER}/pkg/version.Version", module=_PROVIDER, form="4.25.0"),),
    embedded=(
        Embedded(
            module=_PROVIDER,
            folder="cmd/pulumi-resource-kubernetes",
            names=("schema.json", "terraform-mapping.json"),
        ),
    ),
)
_AGE: Final = Module(name="age", stamps=(Stamp(variable="main.Version", module="filippo.io/age"),))
_REGISTRIES: Final = "github.com/google/go-containerregistry"
_CRANE: Final = Module(
    name="crane", stamps=(Stamp(variable=f"{_REGISTRIES}/cmd/crane/cmd.Version", module=_REGISTRIES),)
)
# All that resolves with the k8s.io/* of one Kubernetes release, so that each package is compiled once for all.
# docs/decisions/0180 says why Helm, containerd and CoreDNS are not the newest, and why Istio is not among them.
_KUBERNETES: Final = Module(
    name="kubernetes",
    # The snapshotters of containerd that need C libraries, or file systems that the sandbox has no use for.
    tags=("no_btrfs", "no_zfs", "no_devmapper"),
    stamps=(
        *_kubernetes_stamps("k8s.io/client-go/pkg/version"),
        *_kubernetes_stamps("k8s.io/component-base/version"),
        # A stamp for a package that a command doesn't link is ignored, so all share one set of flags.
        Stamp(variable="github.com/karmada-io/karmada/pkg/version.gitVersion", module="github.com/karmada-io/karmada"),
        Stamp(variable="helm.sh/helm/v3/internal/version.version", module="helm.sh/helm/v3"),
        *_helm_stamps("helm.sh/helm/v3/pkg/chartutil"),
        *_helm_stamps("helm.sh/helm/v3/pkg/lint/rules"),
        Stamp(
            variable="github.com/containerd/containerd/v2/version.Version",
            module="github.com/containerd/containerd/v2",
        ),
    ),
)
# A lock of its own: in that of Kubernetes another tool means all tools built anew. Its versions are the same ones, so
# that what both need is compiled once.
_NETWORK_POLICY: Final = Module(name="network-policy")
_ISTIO: Final = Module(
    name="istio",
    # STANDARD_TAGS of Istio's Makefile.core.mk. One set for all of its commands, so that they share what is compiled.
    tags=("vtprotobuf", "disable_pgv"),
    stamps=(
        # common/scripts/report_build_info.sh, and the form of Istio's builds between two releases. istiod compares the
        # minor with the proxies' to know what they understand.
        Stamp(
            variable="istio.io/istio/pkg/version.buildVersion", module="istio.io/istio", form="1.31-alpha.{revision}"
        ),
        Stamp(variable="istio.io/istio/pkg/version.buildGitRevision", module="istio.io/istio", form="{revision}"),
        Stamp(variable="istio.io/istio/pkg/version.buildStatus", module="istio.io/istio", form="Clean"),
        Stamp(
            variable="github.com/stefanprodan/podinfo/pkg/version.REVISION",
            module="github.com/stefanprodan/podinfo",
            form="{revision}",
        ),
    ),
)


def _kubernetes(name: str) -> Tool:
    return Tool(name=name, module=_KUBERNETES, package=f"k8s.io/kubernetes/cmd/{name}")


def _karmada(command: str) -> Tool:
    package = f"github.com/karmada-io/karmada/cmd/{command}"
    return Tool(name=f"karmada-{command}", module=_KUBERNETES, package=package)


def _containerd(name: str) -> Tool:
    return Tool(name=name, module=_KUBERNETES, package=f"github.com/containerd/containerd/v2/cmd/{name}")


TOOLS: Final = {
    tool.name: tool
    for tool in (
        Tool(
            name="pulumi",
            module=_PULUMI,
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            on_path=OnPath(
                minimum=Version("3.258"),
                reason="older ones fail on S3-compatible state stores, Linode's among them",
                version_arguments=("version",),
            ),
        ),
        Tool(
            name="pulumi-resource-kubernetes",
            module=_KUBERNETES_PROVIDER,
            package="fleet.local/sandbox/toolchain/kubernetes-provider",
            source=_PROVIDER,
        ),
        Tool(name="helm", module=_KUBERNETES, package="helm.sh/helm/v3/cmd/helm"),
        Tool(name="etcd", module=_KUBERNETES, package="go.etcd.io/etcd/server/v3"),
        Tool(name="etcdctl", module=_KUBERNETES, package="go.etcd.io/etcd/etcdctl/v3"),
        Tool(name="etcdutl", module=_KUBERNETES, package="go.etcd.io/etcd/etcdutl/v3"),
        Tool(name="age", module=_AGE, package="filippo.io/age/cmd/age"),
        Tool(name="age-keygen", module=_AGE, package="filippo.io/age/cmd/age-keygen"),
        _kubernetes("kube-apiserver"),
        _kubernetes("kubectl"),
        _kubernetes("kube-controller-manager"),
        _kubernetes("kube-scheduler"),
        _kubernetes("kubelet"),
        _kubernetes("kube-proxy"),
        Tool(
            name="network-policy",
            module=_NETWORK_POLICY,
            package="fleet.local/sandbox/toolchain/network-policy",
            source="github.com/cloudnativelabs/kube-router/v2",
        ),
        _containerd("containerd"),
        _containerd("containerd-shim-runc-v2"),
        _containerd("ctr"),
        Tool(
            name="coredns",
            module=_KUBERNETES,
            package="fleet.local/sandbox/toolchain/kubernetes/coredns",
            source="github.com/coredns/coredns",
        ),
        _karmada("agent"),
        _karmada("aggregated-apiserver"),
        _karmada("controller-manager"),
        _karmada("scheduler"),
        _karmada("webhook"),
        Tool(name="pilot-discovery", module=_ISTIO, package="istio.io/istio/pilot/cmd/pilot-discovery"),
        Tool(name="pilot-agent", module=_ISTIO, package="istio.io/istio/pilot/cmd/pilot-agent"),
        Tool(
            name="istio-validate",
            module=_ISTIO,
            package="fleet.local/sandbox/toolchain/istio/istio-validate",
            source="istio.io/istio",
        ),
        Tool(name="podinfo", module=_ISTIO, package="github.com/stefanprodan/podinfo/cmd/podinfo"),
        # What fetches a user's own images; nothing else needs it, so it is built when the first is asked for.
        Tool(name="crane", module=_CRANE, package=f"{_REGISTRIES}/cmd/crane"),
    )
}
"""Every tool by name, in the order in which they are built: what a preview needs comes first."""


def find_tools(names: Iterable[str]) -> tuple[Tool, ...]:
    """The tools of these names, in the table's order. Raises UnknownToolError for a name that isn't there."""
    wanted = set(names)
    if unknown := sorted(wanted - TOOLS.keys()):
        raise UnknownToolError(
            what=f"No tool is called {', '.join(unknown)}",
            why=f"the toolchain has {', '.join(TOOLS)}",
            remedy="Use one of these names, or add the tool to sandbox/toolchain/tools.py",
        )
    return tuple(tool for tool in TOOLS.values() if tool.name in wanted)
