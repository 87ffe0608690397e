"""All workloads of the config, and the namespaces that hold them."""

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from fleet.config.settings import FleetConfig
from fleet.karmada.federation import Federation
from fleet.karmada.placement import lost_members
from fleet.lke.cluster import Members
from fleet.mesh.mesh import Mesh
from fleet.naming import DEFAULT_NAMESPACE
from fleet.workloads import former
from fleet.workloads.namespace import Namespace, NamespaceArgs
from fleet.workloads.workload import Workload, WorkloadArgs


@dataclass(frozen=True, kw_only=True)
class WorkloadsArgs:
    """Karmada, the mesh where there is one, the members, and the stack's config."""

    federation: Federation
    mesh: Mesh | None
    members: Members
    config: FleetConfig


class Workloads(pulumi.ComponentResource):
    """What runs in the members, by the config alone."""

    def __init__(self, name: str, args: WorkloadsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Workloads", name, {}, opts)
        child = ResourceOptions(parent=self)
        config, control_plane = args.config, args.federation.control_plane
        members, primaries = args.members.trusted, args.mesh.primaries if args.mesh else {}
        entries = config.workloads.values()
        held = {entry.namespace for entry in entries}
        namespaces = {
            namespace: Namespace(
                namespace,
                NamespaceArgs(
                    control_plane=control_plane,
                    members=members,
                    primaries=primaries,
                    registries=config.registries if namespace in held else {},
                    listens=config.ingress.enabled
                    and any(entry.ingress for entry in entries if entry.namespace == namespace),
                ),
                child,
            )
            # The mesh injects this one, whoever is in it.
            for namespace in sorted(held | ({DEFAULT_NAMESPACE} if primaries else set()))
        }
        for workload in config.workloads:
            Workload(
                workload,
                WorkloadArgs(
                    control_plane=control_plane,
                    members=members,
                    primaries=primaries,
                    namespaces=namespaces,
                    config=config,
                    ruled_before=workload == args.members.deployed.earlier_rules,
                    depends_on=[*args.federation.joined, *(args.mesh.injected if args.mesh else ())],
                ),
                child,
            )
        if config.karmada.failover.enabled:
            aliases = ResourceOptions(aliases=[former.lost_members()])
            lost_members(f"{name}-lost-members", control_plane, ResourceOptions.merge(child, aliases))
        self.register_outputs({})
