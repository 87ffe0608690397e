"""Istio's control plane in one member: base, cacerts, istiod, and sidecars for the namespace that is there already."""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from fleet import charts, pending_releases
from fleet.certificates import fingerprint
from fleet.config.settings import Mesh
from fleet.lke.cluster import LkeCluster
from fleet.mesh import values
from fleet.mesh.ca import MemberAuthority, MemberAuthorityArgs, RootAuthority
from fleet.naming import DEFAULT_NAMESPACE, ISTIO_NAMESPACE, NETWORK_LABEL
from fleet.state import content

INJECTED: Final = {"istio-injection": "enabled"}
"""On a namespace whose pods get sidecars."""


@dataclass(frozen=True, kw_only=True)
class IstioArgs:
    """Which member, under which root, what its workloads trust (PEM), and where the charts come from."""

    member: LkeCluster
    root: RootAuthority
    trusted_pem: Output[str]
    mesh: Mesh
    replicas: int
    chart_source: str
    version: str


class Istio(pulumi.ComponentResource):
    """One primary of the mesh."""

    member: LkeCluster
    network: str
    replicas: int
    """Of istiod, and of each gateway beside it."""
    version: Output[str | None]
    """Of Istio's charts as istiod's release has it, known once it is released."""
    trusted_pem: Output[str]
    """What its workloads trust, by the Secret that there is, PEM."""
    namespace: Output[str]
    """istio-system, once it carries its network's name."""
    authority: MemberAuthority
    base: kubernetes.helm.v3.Release
    istiod: kubernetes.helm.v3.Release
    injection: kubernetes.core.v1.NamespacePatch
    """The namespace default with sidecar injection; pods made before it have no sidecar."""

    def __init__(self, name: str, args: IstioArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:Istio", name, {}, opts)
        self._args = args
        self.member = args.member
        self.network = args.member.spec.network or ""
        self.replicas = args.replicas
        in_member = args.member.inside(self)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=ISTIO_NAMESPACE, labels={NETWORK_LABEL: self.network}),
            opts=in_member,
        )
        self.namespace = namespace.metadata.name
        self.authority = MemberAuthority(
            f"{name}-ca",
            MemberAuthorityArgs(member=args.member.name, root=args.root, trusted_pem=args.trusted_pem),
            ResourceOptions(parent=self),
        )
        cacerts = kubernetes.core.v1.Secret(
            f"{name}-cacerts",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name="cacerts", namespace=self.namespace),
            string_data=self.authority.secret_data,
            opts=in_member,
        )
        self.trusted_pem = Output.unsecret(
            Output.all(data=cacerts.data, stringData=cacerts.string_data).apply(
                lambda secret: content(secret, "root-cert.pem")
            )
        )
        self.base = self.install(f"{name}-base", "base", "istio-base", {}, self._going(f"{name}-base"))
        self.istiod = self.install(
            f"{name}-istiod",
            "istiod",
            "istiod",
            charts.merged(
                values.istiod(
                    args.mesh.id, args.member.name, self.network, fingerprint(args.trusted_pem), args.replicas
                ),
                args.mesh.istiod_values,
            ),
            # istiod that starts without cacerts makes a root of its own, which no other member trusts; and it needs
            # the CRDs of base.
            ResourceOptions.merge(self._going(f"{name}-istiod"), ResourceOptions(depends_on=[cacerts, self.base])),
            notes_version=True,
        )
        self.version = charts.version_of(self.istiod)
        self.injection = kubernetes.core.v1.NamespacePatch(
            f"{name}-injection",
            metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(name=DEFAULT_NAMESPACE, labels=INJECTED),
            # The label only works through istiod's webhook.
            opts=ResourceOptions.merge(in_member, ResourceOptions(depends_on=[self.istiod])),
        )
        self.register_outputs({})

    def _going(self, name: str) -> ResourceOptions:
        """The options of a release that goes with the cluster."""
        return ResourceOptions.merge(
            self.member.inside(self),
            ResourceOptions(hooks=pending_releases.before_create(name, self.member.kubeconfig)),
        )

    def install(
        self,
        name: str,
        chart: str,
        release_name: str,
        chart_values: dict[str, object],
        opts: ResourceOptions,
        *,
        notes_version: bool = False,
    ) -> kubernetes.helm.v3.Release:
        """Install another of Istio's charts, in the same version, beside istiod."""
        return charts.release(
            name,
            charts.ReleaseArgs(
                chart=charts.Chart(source=self._args.chart_source, name=chart, version=self._args.version),
                release_name=release_name,
                namespace=self.namespace,
                values=chart_values,
                notes_version=notes_version,
            ),
            ResourceOptions.merge(
                opts, ResourceOptions(hooks=pending_releases.before_update(name, self.member.kubeconfig))
            ),
        )
