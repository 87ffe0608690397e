"""Karmada's policies: where a workload's replicas run, what differs there, and what a lost member means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from fleet.config.settings import Failover
from fleet.karmada.control_plane import KarmadaControlPlane

POLICY_API: Final = "policy.karmada.io/v1alpha1"
FORMER_TAINT: Final = "not-ready"
"""What Fleet's members were tainted with when they were lost, until failover became a job (docs/decisions/0140)."""


@dataclass(frozen=True, kw_only=True)
class Selected:
    """An object in Karmada that a policy is about."""

    api_version: str
    kind: str
    name: str

    @property
    def selector(self) -> dict[str, str]:
        """The same, as Karmada's policies have it."""
        return {"apiVersion": self.api_version, "kind": self.kind, "name": self.name}


@dataclass(frozen=True, kw_only=True)
class PlacementArgs:
    """One workload: its objects in Karmada, and where they go."""

    control_plane: KarmadaControlPlane
    workload: str
    namespace: Input[str]
    objects: Sequence[Selected]
    """The first one has the replicas, and differs by member."""
    patches: Mapping[str, Sequence[Mapping[str, Any]]]
    """What is otherwise in each member, by member."""
    weights: Mapping[str, int]
    failover: Failover
    depends_on: Sequence[pulumi.Resource]
    """What must be there before the first pod starts in a member."""
    aliases: Mapping[str, str]
    """The URN that each policy had before, by member, and by an empty name that of the placement."""


class Placement(pulumi.ComponentResource):
    """Where one workload runs."""

    policies: Sequence[pulumi.Resource]
    """What Karmada goes by when it places the workload."""

    def __init__(self, name: str, args: PlacementArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:policies:Placement", name, {}, opts)
        self._args = args
        child = ResourceOptions(parent=self, provider=args.control_plane.provider)
        overrides = [
            self._policy(
                f"{name}.{member}",
                "OverridePolicy",
                f"{args.workload}-{member}",
                override(args.objects[0], member, patches),
                ResourceOptions.merge(child, ResourceOptions(aliases=[args.aliases[member]])),
            )
            for member, patches in args.patches.items()
        ]
        # Placed first and overridden later, pods would start twice. And it is the policy that places pods in a member
        # that joins a running fleet: before that member injects sidecars, they would stay outside the mesh.
        before = ResourceOptions(depends_on=[*overrides, *args.depends_on], aliases=[args.aliases[""]])
        placed = self._policy(
            f"{name}.policy",
            "PropagationPolicy",
            f"{args.workload}-propagation",
            propagation(args.objects, tuple(args.patches), args.weights, args.failover),
            ResourceOptions.merge(child, before),
        )
        self.policies = [placed]
        self.register_outputs({})

    def _policy(
        self, name: str, kind: str, policy_name: str, spec: Mapping[str, Any], opts: ResourceOptions
    ) -> kubernetes.apiextensions.CustomResource:
        return kubernetes.apiextensions.CustomResource(
            name,
            api_version=POLICY_API,
            kind=kind,
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=policy_name, namespace=self._args.namespace),
            spec=dict(spec),
            opts=opts,
        )


def propagation(
    objects: Sequence[Selected], members: Sequence[str], weights: Mapping[str, int], failover: Failover
) -> dict[str, Any]:
    """The spec of a PropagationPolicy that divides replicas by static weights.

    All members are eligible: what has no replicas goes to each, so that a Service's name resolves everywhere, and a
    member without a weight gets no replica.
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
    spec: dict[str, Any] = {"resourceSelectors": [one.selector for one in objects], "placement": placement}
    if not failover.enabled:
        return spec
    return spec | {"propagateDeps": True, "failover": {"cluster": {"purgeMode": "Gracefully"}}}


def override(changed: Selected, member: str, patches: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The spec of an OverridePolicy: what an object is otherwise in one member."""
    return {
        "resourceSelectors": [changed.selector],
        "overrideRules": [
            {
                "targetCluster": {"clusterNames": [member]},
                "overriders": {"plaintext": [dict(patch) for patch in patches]},
            }
        ],
    }


def lost_members(name: str, control_plane: KarmadaControlPlane, opts: ResourceOptions) -> None:
    """The policy on what a lost member means, for all that is placed."""
    kubernetes.apiextensions.CustomResource(
        name,
        api_version=POLICY_API,
        kind="ClusterTaintPolicy",
        metadata=kubernetes.meta.v1.ObjectMetaArgs(name="lost-members"),
        spec=ready_members(),
        opts=ResourceOptions.merge(opts, ResourceOptions(provider=control_plane.provider)),
    )


def ready_members() -> dict[str, Any]:
    """The spec of a ClusterTaintPolicy that adds no taint, and takes the former one off members that are ready.

    Nothing else would, from a member that was lost when Fleet was updated.
    """
    return {
        "removeOnConditions": [{"conditionType": "Ready", "operator": "In", "statusValues": ["True"]}],
        "taints": [{"key": FORMER_TAINT, "effect": "NoExecute"}],
    }
