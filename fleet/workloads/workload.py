"""One entry of the config, and all that it is on the fleet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from fleet.config import settings
from fleet.karmada.control_plane import KarmadaControlPlane
from fleet.karmada.placement import Placement, PlacementArgs
from fleet.lke.cluster import LkeCluster
from fleet.mesh.istio import Istio
from fleet.workloads import former
from fleet.workloads.calls import Callers, CallsArgs, Ingress, Traffic
from fleet.workloads.identity import Identity, IdentityArgs
from fleet.workloads.namespace import Namespace
from fleet.workloads.objects import selected
from fleet.workloads.overrides import patches
from fleet.workloads.submission import Submission, SubmissionArgs


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """Karmada, the members, those with a mesh, and the namespaces by name."""

    control_plane: KarmadaControlPlane
    members: Mapping[str, LkeCluster]
    primaries: Mapping[str, Istio]
    namespaces: Mapping[str, Namespace]
    config: settings.FleetConfig
    ruled_before: bool
    """Whether the rules that an earlier Fleet had in each member were about this workload."""
    depends_on: Sequence[pulumi.Resource]
    """What must be there before the first pod starts in a member."""


class Workload(pulumi.ComponentResource):
    """One workload: its identities, who calls it and how, where it runs, and what is submitted."""

    def __init__(self, name: str, args: WorkloadArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Workload", name, {}, opts)
        child = ResourceOptions(parent=self)
        config, entry = args.config, args.config.workloads[name]
        namespace = args.namespaces[entry.namespace]
        identity = Identity(
            f"{name}.identity",
            IdentityArgs(
                workload=name,
                workloads=config.workloads,
                members=args.members,
                primaries=args.primaries,
                namespaces=args.namespaces,
            ),
            child,
        )
        calls = CallsArgs(
            workload=name,
            config=config,
            primaries=args.primaries,
            namespaces=namespace.in_member,
            ruled_before=args.ruled_before,
        )
        depends_on = [*args.depends_on, *namespace.ready, *identity.apart]
        if entry.called and args.primaries:
            depends_on += Callers(f"{name}.callers", calls, child).rules
        if entry.ports and args.primaries:
            Traffic(f"{name}.traffic", calls, child)
        if entry.ingress and config.ingress.enabled and args.primaries:
            Ingress(f"{name}.ingress", calls, child)

        placement = PlacementArgs(
            control_plane=args.control_plane,
            workload=name,
            namespace=namespace.in_karmada,
            objects=selected(name, entry),
            patches={
                member: patches(name, entry, member=member, region=cluster.spec.region, identity=identity.names[member])
                for member, cluster in args.members.items()
            },
            weights=config.weights(entry),
            failover=config.karmada.failover,
            depends_on=depends_on,
            aliases={"": former.propagation(name)} | {member: former.override(name, member) for member in args.members},
        )
        placed = Placement(f"{name}.placement", placement, child)
        # Without a policy a Deployment stays in Karmada, and its replicas would be waited for all the same.
        submission = SubmissionArgs(
            control_plane=args.control_plane,
            workload=name,
            entry=entry,
            namespace=namespace.in_karmada,
            depends_on=[*depends_on, *placed.policies],
        )
        Submission(f"{name}.submission", submission, child)
        self.register_outputs({})
