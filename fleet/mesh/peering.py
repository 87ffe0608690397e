"""Peering: every member's istiod may read the services of every other member, and no more.

The article hands out admin kubeconfigs. Here each member has a service account for its peers with Istio's own reader
role, and a remote secret is that account's token.
"""

import base64
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from fleet.kubeconfig import with_token
from fleet.mesh.istio import Istio
from fleet.naming import ISTIO_NAMESPACE, remote_secret

READER: Final = "fleet-peer"
READER_ROLE: Final = f"istio-reader-clusterrole-{ISTIO_NAMESPACE}"
"""Made by the istiod chart (templates/reader-clusterrole.yaml)."""
RBAC_GROUP: Final = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class PeerAccessArgs:
    """Which member is read."""

    istio: Istio


class PeerAccess(pulumi.ComponentResource):
    """What a member gives to its peers: a kubeconfig that can read what istiod needs."""

    istio: Istio
    kubeconfig: Output[str]

    def __init__(self, name: str, args: PeerAccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:PeerAccess", name, {}, opts)
        self.istio = args.istio
        member = args.istio.member
        child = ResourceOptions(parent=self, provider=member.provider)
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=READER, namespace=args.istio.namespace),
            opts=child,
        )
        binding = kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-binding",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=READER),
            role_ref=kubernetes.rbac.v1.RoleRefArgs(api_group=RBAC_GROUP, kind="ClusterRole", name=READER_ROLE),
            subjects=[
                kubernetes.rbac.v1.SubjectArgs(
                    kind="ServiceAccount", name=account.metadata.name, namespace=account.metadata.namespace
                )
            ],
            # The role comes with istiod; a peer that may not read yet would wait for its first list in vain.
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[args.istio.istiod])),
        )
        token = kubernetes.core.v1.Secret(
            f"{name}-token",
            type="kubernetes.io/service-account-token",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                # Another generation is another secret: peers get the new token before the old one is revoked.
                name=f"{READER}-{args.istio.mesh.remote_token_generation}",
                namespace=account.metadata.namespace,
                annotations={"kubernetes.io/service-account.name": account.metadata.name},
            ),
            # Peers must not receive a token that may not read anything yet.
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[binding])),
        )
        self.kubeconfig = Output.secret(
            Output.all(server=member.api_server, data=token.data).apply(
                lambda known: with_token(name=member.name, server=known["server"], token=decode_token(known["data"]))
            )
        )
        self.register_outputs({})


def decode_token(data: dict[str, str] | None) -> str:
    """The token in a service account token secret's data, which Kubernetes fills in after its creation.

    Raises:
        ValueError: when it is not there yet.
    """
    if not data or "token" not in data:
        raise ValueError("the service account's token is not issued yet; run `pulumi up` again")
    return base64.b64decode(data["token"]).decode()


@dataclass(frozen=True, kw_only=True)
class PeeringArgs:
    """Whose istiod reads, and what the other member gives."""

    reader: Istio
    peer: PeerAccess


class Peering(pulumi.ComponentResource):
    """The remote secret by which one member's istiod finds another member's endpoints."""

    def __init__(self, name: str, args: PeeringArgs, opts: ResourceOptions | None = None) -> None:
        peer = args.peer.istio.member.name
        if peer == args.reader.member.name:
            raise ValueError(f"{peer!r} cannot be its own peer: istiod would count its endpoints twice")
        super().__init__("fleet:mesh:Peering", name, {}, opts)
        kubernetes.core.v1.Secret(
            f"{name}-remote-secret",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=remote_secret(peer),
                namespace=args.reader.namespace,
                labels={"istio/multiCluster": "true"},
                annotations={"networking.istio.io/cluster": peer},
            ),
            string_data={peer: args.peer.kubeconfig},
            opts=ResourceOptions(parent=self, provider=args.reader.member.provider),
        )
        self.register_outputs({})
