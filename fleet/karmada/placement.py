"""Karmada's policies: how much of each workload a member runs, what differs there, and what a lost member means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from fleet.config.settings import Failover
from fleet.karmada.control_plane import KarmadaControlPlane
from fleet.naming import HELLO, SLEEP, WORKLOAD_NAMESPACE

POLICY_API: Final = "policy.karmada.io/v1alpha1"
FORMER_TAINT: Final = "not-ready"
"""What Fleet's members were tainted with when they were lost, until failover became a job (docs/decisions/0140)."""
SELECTORS: Final[Mapping[str, Sequence[Mapping[str, str]]]] = {
    HELLO: (
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": HELLO},
        {"apiVersion": "v1", "kind": "Service", "name": HELLO},
    ),
    SLEEP: ({"apiVersion": "apps/v1", "kind": "Deployment", "name": SLEEP},),
}


@dataclass(frozen=True, kw_only=True)
class MemberPlacement:
    """What differs in one member: its region, and the service account of each workload."""

    region: str
    identities: Mapping[str, Input[str]]


@dataclass(frozen=True, kw_only=True)
class PlacementArgs:
    """Weights by workload and member, and the members by name."""

    control_plane: KarmadaControlPlane
    weights: Mapping[str, Mapping[str, int]]
    members: Mapping[str, MemberPlacement]
    failover: Failover
    depends_on: Sequence[pulumi.Resource]
    """What must be there before the first pod starts in a member."""


class Placement(pulumi.ComponentResource):
    """Where workloads run."""

    policies: Sequence[pulumi.Resource]
    """What Karmada goes by when it places a workload."""

    def __init__(self, name: str, args: PlacementArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:policies:Placement", name, {}, opts)
        child = ResourceOptions(parent=self, provider=args.control_plane.provider)
        overrides = [
            _policy(
                f"{name}-{workload}-{member}",
                "OverridePolicy",
                f"{workload}-{member}",
                override(workload, member, placement),
                child,
            )
            for member, placement in args.members.items()
            for workload in SELECTORS
        ]
        # Placed first and overridden later, pods would start twice. And it is the policy that places pods in a member
        # that joins a running fleet: before that member injects sidecars, they would stay outside the mesh.
        placed = ResourceOptions.merge(child, ResourceOptions(depends_on=[*overrides, *args.depends_on]))
        self.policies = [
            _policy(
                f"{name}-{workload}",
                "PropagationPolicy",
                f"{workload}-propagation",
                propagation(workload, tuple(args.members), weights, args.failover),
                placed,
            )
            for workload, weights in args.weights.items()
        ]
        if args.failover.enabled:
            kubernetes.apiextensions.CustomResource(
                f"{name}-lost-members",
                api_version=POLICY_API,
                kind="ClusterTaintPolicy",
                metadata=kubernetes.meta.v1.ObjectMetaArgs(name="lost-members"),
                spec=ready_members(),
                opts=child,
            )
        self.register_outputs({})


def _policy(
    name: str, kind: str, policy_name: str, spec: Mapping[str, Any], opts: ResourceOptions
) -> kubernetes.apiextensions.CustomResource:
    return kubernetes.apiextensions.CustomResource(
        name,
        api_version=POLICY_API,
        kind=kind,
        metadata=kubernetes.meta.v1.ObjectMetaArgs(name=policy_name, namespace=WORKLOAD_NAMESPACE),
        spec=dict(spec),
        opts=opts,
    )


def propagation(
    workload: str, members: Sequence[str], weights: Mapping[str, int], failover: Failover
) -> dict[str, Any]:
    """The spec of a PropagationPolicy that divides replicas by static weights.

    All members are eligible: a Service goes to each, so that its name resolves everywhere, and a member without a
    weight gets no replica.
    """
    placement = {
        "clusterAffinity": {"clusterNames": list(members)},
        "replicaScheduling": {
            "replicaSchedulingType": "Divided",
            "replicaDivisionPreference": "Weighted",
            "weightPreference": {
                "staticWeightList": [
                    {"targetCluster": {"clusterNames": [member]}, "weight": weight}
                    for member, weight in weights.items()
                ]
            },
        },
    }
    spec: dict[str, Any] = {
        "resourceSelectors": [dict(selector) for selector in SELECTORS[workload]],
        "placement": placement,
    }
    if not failover.enabled:
        return spec
    return spec | {"propagateDeps": True, "failover": {"cluster": {"purgeMode": "Gracefully"}}}


def override(workload: str, member: str, placement: MemberPlacement) -> dict[str, Any]:
    """The spec of an OverridePolicy: the workload's identity in one member, and for hello its region."""
    identity = {
        "path": "/spec/template/spec/serviceAccountName",
        "operator": "add",
        "value": placement.identities[workload],
    }
    region = {
        "path": "/spec/template/spec/containers/0/env/0/value",
        "operator": "replace",
        "value": f"REGION={placement.region} CLUSTER={member}",
    }
    return {
        "resourceSelectors": [dict(SELECTORS[workload][0])],
        "overrideRules": [
            {
                "targetCluster": {"clusterNames": [member]},
                "overriders": {"plaintext": [identity, region] if workload == HELLO else [identity]},
            }
        ],
    }


def ready_members() -> dict[str, Any]:
    """The spec of a ClusterTaintPolicy that adds no taint, and takes the former one off members that are ready.

    Nothing else would, from a member that was lost when Fleet was updated.
    """
    return {
        "removeOnConditions": [{"conditionType": "Ready", "operator": "In", "statusValues": ["True"]}],
        "taints": [{"key": FORMER_TAINT, "effect": "NoExecute"}],
    }
