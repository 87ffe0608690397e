"""The rules of one workload's calls in every member: who may call it, how calls travel, and how they come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Input, ResourceOptions

from fleet.config.settings import FleetConfig
from fleet.config.workloads import Workload
from fleet.mesh import callers, rules, traffic
from fleet.mesh.istio import Istio
from fleet.mesh.rules import Rule
from fleet.workloads import former


@dataclass(frozen=True, kw_only=True)
class CallsArgs:
    """The workload, the members that have a mesh, and the namespace's name in each."""

    workload: str
    config: FleetConfig
    primaries: Mapping[str, Istio]
    namespaces: Mapping[str, Input[str]]
    ruled_before: bool
    """Whether the rules that an earlier Fleet had in each member were about this workload."""

    @property
    def entry(self) -> Workload:
        """What the config says of it."""
        return self.config.workloads[self.workload]

    def rule(self, member: str, kind: str, name: str, spec: Mapping[str, Any], role: str) -> Rule:
        """A rule of one member; `role` is what an earlier Fleet called it."""
        aliases = [former.rule(kind, member, role)] if self.ruled_before else []
        return Rule(kind=kind, name=name, namespace=self.namespaces[member], spec=spec, aliases=aliases)


class Callers(pulumi.ComponentResource):
    """Who may call a workload in each member: those that its entry names, but for forbidden routes."""

    rules: list[pulumi.Resource]
    """There before its first pod, which nobody then calls whom a route forbids."""

    def __init__(self, name: str, args: CallsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Callers", name, {}, opts)
        workload, workloads = args.workload, args.config.workloads
        kind, self.rules = "AuthorizationPolicy", []
        let_in = callers.allowed(workload, workloads)
        for member, istio in args.primaries.items():
            allowed = args.rule(member, kind, f"{workload}-callers", let_in, "callers")
            self.rules.append(rules.register(f"{name}.{member}", allowed, istio, self))
            for source in callers.forbidden_sources(member, args.config.traffic.forbidden):
                spec = callers.not_from(workload, workloads, source)
                refused = args.rule(member, kind, f"{workload}-not-from-{source}", spec, f"not-from-{source}")
                self.rules.append(rules.register(f"{name}.{member}.not-from.{source}", refused, istio, self))
        self.register_outputs({})


class Traffic(pulumi.ComponentResource):
    """How calls of a workload travel from the pods of each member."""

    def __init__(self, name: str, args: CallsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Traffic", name, {}, opts)
        workload, entry, regions = args.workload, args.entry, args.config.regions()
        wanted = args.config.traffic_of(entry)
        calls = traffic.calls(workload, entry, wanted)
        for member, istio in args.primaries.items():
            spec = traffic.balance(workload, entry, wanted, member=member, regions=regions)
            balance = args.rule(member, "DestinationRule", workload, spec, "balance")
            rules.register(f"{name}.{member}", balance, istio, self)
            if calls:
                called = args.rule(member, "VirtualService", f"{workload}-calls", calls, "calls")
                rules.register(f"{name}.{member}.calls", called, istio, self)
        self.register_outputs({})


class Ingress(pulumi.ComponentResource):
    """The way from the ingress gateway of each member to a workload."""

    def __init__(self, name: str, args: CallsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Ingress", name, {}, opts)
        workload, entry = args.workload, args.entry
        wanted = args.config.traffic_of(entry)
        for member, istio in args.primaries.items():
            if entry.ingress:
                spec = traffic.route(workload, entry, entry.ingress, wanted)
                route = args.rule(member, "VirtualService", f"{workload}-ingress", spec, "route")
                rules.register(f"{name}.{member}", route, istio, self)
        self.register_outputs({})
