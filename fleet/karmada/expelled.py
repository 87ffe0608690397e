"""What Karmada keeps of an expelled member: a Cluster object of which nobody reports, and nobody's rights.

Karmada counts the member as lost and places nothing there. When the member's entry goes, so does the object: where a
member is not ready, Karmada takes off by itself the finalizers that are the agent's work (pkg/controllers/cluster/
cluster_controller.go, removeExecutionSpace). Deleted at once it would still count as ready, and could hang.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from fleet.karmada.access import works_of
from fleet.karmada.agent import CLUSTER_API


@dataclass(frozen=True, kw_only=True)
class ExpelledAgentArgs:
    """Which member, and the provider of Karmada's API."""

    member: str
    karmada: kubernetes.Provider


class ExpelledAgent(pulumi.ComponentResource):
    """The place of an agent that may do nothing any more."""

    def __init__(self, name: str, args: ExpelledAgentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Agent", name, {}, opts)
        member = args.member
        access = pulumi.ComponentResource(
            "fleet:karmada:AgentAccess", f"{name}-access", {}, ResourceOptions(parent=self)
        )
        execution = works_of(f"{name}-access-execution", member, ResourceOptions(parent=access, provider=args.karmada))
        kubernetes.apiextensions.CustomResource(
            f"{name}-cluster",
            api_version=CLUSTER_API,
            kind="Cluster",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=member),
            opts=ResourceOptions(
                parent=self,
                provider=args.karmada,
                depends_on=[execution],
                # A change would wait until the member is ready, and its identity is known to the member alone.
                ignore_changes=["metadata", "spec"],
            ),
        )
        self.register_outputs({})
