"""Who a workload is: a service account in each member, and no other workload's."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from fleet.config.workloads import Workload
from fleet.lke.cluster import LkeCluster
from fleet.mesh import rules
from fleet.mesh.callers import mistaken_for_callers
from fleet.mesh.istio import Istio
from fleet.mesh.rules import Rule
from fleet.naming import workload_identity
from fleet.workloads import former
from fleet.workloads.namespace import Namespace


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    """The workload among all, and where it is."""

    workload: str
    workloads: Mapping[str, Workload]
    members: Mapping[str, LkeCluster]
    primaries: Mapping[str, Istio]
    namespaces: Mapping[str, Namespace]


class Identity(pulumi.ComponentResource):
    """Service accounts named after their members, so that authorization can tell regions apart."""

    names: Mapping[str, Output[str]]
    """Service account names by member."""
    apart: list[pulumi.Resource]
    """What refuses it where others are let in by the beginning of its name; there before its first pod."""

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Identity", name, {}, opts)
        self._args = args
        self.names = {
            member: self._account(f"{name}.{member}", member, cluster) for member, cluster in args.members.items()
        }
        mistaken = list(mistaken_for_callers(args.workload, args.workloads, tuple(args.members)))
        self.apart = [
            rules.register(
                f"{name}.{member}.not-for.{called}",
                Rule(
                    kind="AuthorizationPolicy",
                    name=f"{called}-without-{args.workload}",
                    namespace=args.namespaces[args.workloads[called].namespace].in_member[member],
                    spec=spec,
                ),
                istio,
                self,
            )
            for called, spec in mistaken
            for member, istio in args.primaries.items()
        ]
        self.register_outputs({})

    def _account(self, name: str, member: str, cluster: LkeCluster) -> Output[str]:
        workload = self._args.workload
        namespace = self._args.namespaces[self._args.workloads[workload].namespace]
        pulled_as = namespace.pull_secrets.get(member)
        account = kubernetes.core.v1.ServiceAccount(
            name,
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=workload_identity(workload, member), namespace=namespace.in_member[member]
            ),
            # No workload talks to the API server.
            automount_service_account_token=False,
            # Pods take them over when they are made: another password starts none anew.
            image_pull_secrets=[{"name": pulled_as}] if pulled_as is not None else None,
            opts=ResourceOptions.merge(
                cluster.inside(self), ResourceOptions(aliases=[former.identity(workload, member)])
            ),
        )
        return account.metadata.name
