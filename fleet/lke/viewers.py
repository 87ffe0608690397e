"""Viewers: who only looks. They read what runs, where and why, and no secret; they change nothing and enter no pod.

Kubernetes' own role `view` is no help: it reads configmaps, which hold values of charts, and knows neither nodes nor
Karmada's and Istio's APIs. docs/decisions/0137 says what is left out, and why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from fleet.lke.kubeconfig import ApiServer, decode_token, with_token
from fleet.rights import Grant, grant, rule, service_account, token_of

VIEWER: Final = "fleet-viewer"
NAMESPACE: Final = "kube-system"
"""Where the account and its token are: there in every cluster, and closed to whoever has rights in one namespace."""
READS: Final = ("get", "list", "watch")

Table = Mapping[str, tuple[str, ...]]
"""Resources by API group."""

WORKLOADS: Final[Table] = {
    "": (
        "namespaces",
        "pods",
        "services",
        "endpoints",
        "events",
        "serviceaccounts",
        "persistentvolumeclaims",
        "resourcequotas",
        "limitranges",
    ),
    "apps": ("deployments", "replicasets", "statefulsets", "daemonsets"),
    "batch": ("jobs", "cronjobs"),
    "autoscaling": ("horizontalpodautoscalers",),
    "policy": ("poddisruptionbudgets",),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": ("events",),
    "apiextensions.k8s.io": ("customresourcedefinitions",),
    "apiregistration.k8s.io": ("apiservices",),
}
"""What runs, or is submitted to Karmada to run."""
NODES: Final[Table] = {
    "": ("nodes", "pods/log", "persistentvolumes"),
    "storage.k8s.io": ("storageclasses",),
}
"""What only a cluster has that runs pods."""
ISTIO: Final[Table] = {
    "networking.istio.io": (
        "destinationrules",
        "envoyfilters",
        "gateways",
        "proxyconfigs",
        "serviceentries",
        "sidecars",
        "virtualservices",
        "workloadentries",
        "workloadgroups",
    ),
    "security.istio.io": ("authorizationpolicies", "peerauthentications", "requestauthentications"),
    "telemetry.istio.io": ("telemetries",),
}
FEDERATION: Final[Table] = {
    "cluster.karmada.io": ("clusters",),
    "policy.karmada.io": (
        "clusteroverridepolicies",
        "clusterpropagationpolicies",
        "clustertaintpolicies",
        "federatedresourcequotas",
        "overridepolicies",
        "propagationpolicies",
    ),
    # Not works, which hold the Secrets that are on their way to members.
    "work.karmada.io": ("clusterresourcebindings", "resourcebindings"),
    "apps.karmada.io": ("workloadrebalancers",),
    "autoscaling.karmada.io": ("cronfederatedhpas", "federatedhpas"),
    "networking.karmada.io": ("multiclusteringresses", "multiclusterservices"),
    "config.karmada.io": ("resourceinterpretercustomizations", "resourceinterpreterwebhookconfigurations"),
    "remedy.karmada.io": ("remedies",),
    # Agents renew one as long as they report.
    "coordination.k8s.io": ("leases",),
}


def rules(*tables: Table) -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """The rules of a role that reads what the tables have."""
    return [rule(group, resources, READS) for table in tables for group, resources in table.items()]


@dataclass(frozen=True, kw_only=True)
class ClusterViewerArgs:
    """Which cluster is looked at, and the generation of the token."""

    cluster: str
    api_server: Output[ApiServer]
    inside: Callable[[pulumi.Resource], ResourceOptions]
    """The options of what is in the cluster, by its parent."""
    generation: int


class ClusterViewer(pulumi.ComponentResource):
    """The service account of one cluster's viewers, and its token."""

    kubeconfig: Output[str]
    """YAML text; secret, and known only once it may read."""

    def __init__(self, name: str, args: ClusterViewerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:viewers:ClusterViewer", name, {}, opts)
        child = args.inside(self)
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=VIEWER, namespace=NAMESPACE),
            automount_service_account_token=False,
            opts=child,
        )
        binding = grant(
            name,
            Grant(
                role=VIEWER,
                why="whoever only looks at the fleet sees what runs, and no secret",
                rules=rules(WORKLOADS, NODES, ISTIO),
                subject=service_account(account),
            ),
            child,
        )
        # Another generation is another secret, and the token of the one before goes with it.
        token = token_of(name, account, f"{VIEWER}-{args.generation}", [binding], child)
        self.kubeconfig = Output.secret(
            Output.all(server=args.api_server, data=token.data).apply(
                lambda known: with_token(
                    name=f"{args.cluster}-viewer", server=known["server"], token=decode_token(known["data"])
                )
            )
        )
        self.register_outputs({})
