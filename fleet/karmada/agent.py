"""Pull-mode agent of one member cluster, with a certificate of its own."""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from fleet import charts
from fleet.certificates import Subject, fingerprint
from fleet.karmada import values
from fleet.karmada.access import AgentAccess, AgentAccessArgs
from fleet.karmada.control_plane import KarmadaControlPlane
from fleet.lke import LkeCluster
from fleet.naming import AGENT_GROUP, KARMADA_NAMESPACE, NETWORK_LABEL, REGION_LABEL, agent_user
from fleet.settings import Karmada

RELEASE: Final = "karmada-agent"


@dataclass(frozen=True, kw_only=True)
class KarmadaAgentArgs:
    """What one member needs to join the control plane."""

    member: LkeCluster
    control_plane: KarmadaControlPlane
    karmada: Karmada


class KarmadaAgent(pulumi.ComponentResource):
    """One member of the fleet, as Karmada sees it: its agent reports, and its Cluster object is Ready."""

    cluster: kubernetes.apiextensions.CustomResource
    """Karmada's Cluster object; whatever must be placed on this member depends on it."""

    def __init__(self, name: str, args: KarmadaAgentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Agent", name, {}, opts)
        member = args.member
        in_member = ResourceOptions(parent=self, provider=member.provider)
        access = AgentAccess(
            f"{name}-access",
            AgentAccessArgs(member=member.name, karmada=args.control_plane.provider),
            ResourceOptions(parent=self),
        )
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=KARMADA_NAMESPACE),
            opts=in_member,
        )
        release = self._release(name, args, namespace, access)
        self.cluster = self._register(name, args, release)
        self.register_outputs({})

    def _release(
        self,
        name: str,
        args: KarmadaAgentArgs,
        namespace: kubernetes.core.v1.Namespace,
        access: AgentAccess,
    ) -> kubernetes.helm.v3.Release:
        identity = args.control_plane.pki.client(
            f"{name}-identity",
            Subject(common_name=agent_user(args.member.name), organization=AGENT_GROUP),
            self,
        )
        kubeconfig = {
            "caCrt": args.control_plane.pki.authority.certificate_pem,
            "crt": identity.certificate_pem,
            "key": identity.private_key_pem,
            "server": args.control_plane.endpoint,
        }
        return charts.release(
            f"{name}-release",
            charts.ReleaseArgs(
                chart=args.control_plane.chart,
                release_name=RELEASE,
                namespace=namespace.metadata.name,
                values=charts.merged(
                    values.agent(
                        args.member.name,
                        args.control_plane.versions,
                        kubeconfig,
                        fingerprint(identity.certificate_pem),
                    ),
                    args.karmada.agent_values,
                ),
                # The agent cannot create its Cluster object: it starts over until the next resource has made it, and
                # that one waits until the agent reports.
                skip_await=True,
            ),
            # An agent that starts before it may do anything fails and backs off.
            ResourceOptions(parent=self, provider=args.member.provider, depends_on=[access]),
        )

    def _register(
        self, name: str, args: KarmadaAgentArgs, release: kubernetes.helm.v3.Release
    ) -> kubernetes.apiextensions.CustomResource:
        member = args.member
        return kubernetes.apiextensions.CustomResource(
            f"{name}-cluster",
            api_version="cluster.karmada.io/v1alpha1",
            kind="Cluster",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=member.name,
                labels={REGION_LABEL: member.spec.region, NETWORK_LABEL: member.spec.network or ""},
                annotations={"pulumi.com/waitFor": "condition=Ready"},
            ),
            spec={
                "id": self._member_identity(name, member),
                "syncMode": "Pull",
                "provider": "linode",
                "region": member.spec.region,
            },
            # Made after the agent so that it is deleted while the agent lives: without one, its finalizers hang
            # (karmada#1847).
            opts=ResourceOptions(parent=self, provider=args.control_plane.provider, depends_on=[release]),
        )

    def _member_identity(self, name: str, member: LkeCluster) -> Output[str]:
        """Karmada identifies a cluster by the UID of its namespace kube-system (pkg/util, ObtainClusterID)."""
        namespace = kubernetes.core.v1.Namespace.get(
            f"{name}-kube-system",
            # Unknown until the cluster is: a preview has nothing to read yet.
            id=member.cluster_id.apply(lambda _: "kube-system"),
            opts=ResourceOptions(parent=self, provider=member.provider),
        )
        identity: Output[str] = namespace.metadata.uid
        return identity
