"""Peering: every member's istiod may read the endpoints of every other member, and no more.

The article hands out admin kubeconfigs, and Istio's own reader role lists every secret. Here each member has a service
account for its peers with rights of Fleet's own, and a remote secret is that account's token (docs/decisions/0130).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from fleet.config.settings import Mesh
from fleet.lke.kubeconfig import decode_token, with_token
from fleet.mesh.istio import Istio
from fleet.naming import remote_secret
from fleet.rights import Grant, grant, rule, service_account, token_of

READER: Final = "fleet-peer"
MESH_CONFIG: Final = "istio"
"""The ConfigMap that holds a member's mesh config (istiod chart, templates/configmap.yaml)."""
TOKENS_ANNOTATION: Final = "fleet/peer-tokens"
READ: Final = ("list", "watch")
"""What an informer does; istiod gets nothing of another cluster by name."""


def endpoint_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """What istiod reads in another cluster so as to know its endpoints, wherever they are.

    The source is Istio 1.31: pkg/kube/multicluster/cluster.go and pilot/pkg/serviceregistry/kube/controller. Of its
    reader role (templates/reader-clusterrole.yaml) this leaves out what serves proxies of a cluster without an istiod
    (secrets, token and access reviews), what serves Multi-Cluster Services (off by default), and what nothing reads any
    more.
    """
    return [
        # Services and their ports; the pods behind them, with identity and labels; the nodes' regions; and of
        # namespaces the network's name and which of them are discovered.
        rule("", ["namespaces", "nodes", "pods", "services"], READ),
        rule("discovery.k8s.io", ["endpointslices"], READ),
        # Workloads outside of Kubernetes that a Service of the other cluster selects.
        rule("networking.istio.io", ["workloadentries"], READ),
        # Another network's gateways, where they are written by the Gateway API.
        rule("gateway.networking.k8s.io", ["gateways"], READ),
        # By these istiod knows whether there is anything of the last two kinds (pkg/kube/kclient/crdwatcher.go).
        rule("apiextensions.k8s.io", ["customresourcedefinitions"], READ),
    ]


def mesh_config_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """What istiod reads in another cluster's istio-system: the trust domain of its services, in its mesh config."""
    return [rule("", ["configmaps"], READ, [MESH_CONFIG])]


def token_generation(mesh: Mesh, expelled: Sequence[str] = ()) -> str:
    """Which tokens members give to each other; another generation is other tokens, and the end of these.

    That a member is expelled makes another generation, of which it gets none.
    """
    generation = str(mesh.remote_token_generation)
    if not expelled:
        return generation
    return f"{generation}-{hashlib.sha256('.'.join(sorted(expelled)).encode()).hexdigest()[:8]}"


FIRST_GENERATION: Final = token_generation(Mesh())


@dataclass(frozen=True, kw_only=True)
class PeerAccessArgs:
    """Which member is read, and the generation of its token."""

    istio: Istio
    generation: str


class PeerAccess(pulumi.ComponentResource):
    """What a member gives to its peers: a kubeconfig that can read what istiod needs."""

    istio: Istio
    kubeconfig: Output[str]

    def __init__(self, name: str, args: PeerAccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:PeerAccess", name, {}, opts)
        self.istio = args.istio
        member = args.istio.member
        child = member.inside(self)
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=READER, namespace=args.istio.namespace),
            opts=child,
        )
        # A binding's role can never change, and a binding of the same name would be deleted before the next is made:
        # peers would have no rights for a moment. So these have other names than the one to Istio's reader role had.
        endpoints = grant(
            f"{name}-endpoints",
            Grant(
                role=f"{READER}-endpoints",
                why="istiod of the other members finds this member's endpoints",
                rules=endpoint_rules(),
                subject=service_account(account),
            ),
            child,
        )
        mesh_config = grant(
            f"{name}-mesh-config",
            Grant(
                role=f"{READER}-mesh-config",
                why="istiod of the other members knows the trust domain of this member's services",
                rules=mesh_config_rules(),
                subject=service_account(account),
                namespace=account.metadata.namespace,
            ),
            child,
        )
        # Another generation is another secret: peers get the new token before the old one is revoked.
        token = token_of(name, account, f"{READER}-{args.generation}", [endpoints, mesh_config], child)
        self.kubeconfig = Output.secret(
            Output.all(server=member.api_server, data=token.data).apply(
                lambda known: with_token(name=member.name, server=known["server"], token=decode_token(known["data"]))
            )
        )
        self.register_outputs({})


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
            opts=ResourceOptions.merge(
                args.reader.member.inside(self),
                ResourceOptions(
                    # An istiod that starts with remote secrets waits for its remote timeout (values.py).
                    depends_on=[args.reader.istiod],
                    # istiod reads by a changed secret too, but keeps the gateways that it had read by the former one
                    # until it starts anew. Those of a member that is made anew are gone, and so its secret goes and
                    # comes.
                    replace_with=[args.peer.istio.member.provider],
                    delete_before_replace=True,
                ),
            ),
        )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class TokensReadArgs:
    """Whose istiod, and the remote secrets that it reads, of which generation."""

    reader: Istio
    peerings: Sequence[Peering]
    generation: str


class TokensRead(pulumi.ComponentResource):
    """A member's istiod, started anew once it has the tokens of another generation.

    Its clients with the old tokens would retry for ever, and what they had read of services and gateways would stay
    (docs/decisions/0130).
    """

    def __init__(self, name: str, args: TokensReadArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:TokensRead", name, {}, opts)
        kubernetes.apps.v1.DeploymentPatch(
            f"{name}-istiod",
            metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(name="istiod", namespace=args.reader.namespace),
            spec=kubernetes.apps.v1.DeploymentSpecPatchArgs(
                template=kubernetes.core.v1.PodTemplateSpecPatchArgs(
                    metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(annotations={TOKENS_ANNOTATION: args.generation})
                )
            ),
            # A pod that starts before has read the old tokens.
            opts=ResourceOptions.merge(
                args.reader.member.inside(self), ResourceOptions(depends_on=[args.reader.istiod, *args.peerings])
            ),
        )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class EndedPeeringArgs:
    """Whose istiod forgets which member."""

    reader: Istio
    peer: str


class EndedPeering(pulumi.ComponentResource):
    """A remote secret by which istiod finds nothing any more: empty, and without the label that it looks for.

    Pulumi deletes last, but calls to an expelled member have to end before its certificates are refused, or they would
    fail. So the secret is changed, and goes with the member's entry.
    """

    secret: kubernetes.core.v1.Secret

    def __init__(self, name: str, args: EndedPeeringArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:mesh:Peering", name, {}, opts)
        self.secret = kubernetes.core.v1.Secret(
            f"{name}-remote-secret",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=remote_secret(args.peer), namespace=args.reader.namespace),
            opts=args.reader.member.inside(self),
        )
        self.register_outputs({})
