"""A namespace that holds workloads, in Karmada and in every member."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from fleet.karmada.control_plane import KarmadaControlPlane
from fleet.lke.cluster import LkeCluster
from fleet.mesh import callers, rules, traffic
from fleet.mesh.istio import INJECTED, Istio
from fleet.mesh.rules import Rule
from fleet.naming import DEFAULT_NAMESPACE
from fleet.workloads import former, objects

OWN: Final = {"namespace.karmada.io/skip-auto-propagation": "true"}
"""On a namespace in Karmada that Fleet makes in the members itself: Karmada would fight it over their labels."""


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """Karmada, the members, and those with a mesh; who pulls images, and whether gateways lead here."""

    control_plane: KarmadaControlPlane
    members: Mapping[str, LkeCluster]
    primaries: Mapping[str, Istio]
    registries: Mapping[str, Any]
    listens: bool


class Namespace(pulumi.ComponentResource):
    """One namespace, in which nobody calls anybody unless an entry says so."""

    in_karmada: Input[str]
    """Its name, known once it is there; so is that in each member."""
    in_member: Mapping[str, Input[str]]
    pull_secrets: Mapping[str, Input[str]]
    """In each member, the Secret as whose holder images are pulled; none where the config has no registries."""
    ready: list[pulumi.Resource]
    """What must be there before the first pod starts in it."""

    def __init__(self, name: str, args: NamespaceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Namespace", name, {}, opts)
        self.ready = []
        in_karmada = ResourceOptions(parent=self, provider=args.control_plane.provider)
        self.in_karmada = self._made(name, name, OWN, in_karmada)
        self.in_member = {
            member: self._made(name, f"{name}.{member}", *_injected(args.primaries.get(member), cluster, self))
            for member, cluster in args.members.items()
        }
        self.pull_secrets = {
            member: self._pull_secret(f"{name}.{member}.registries", args.registries, member, cluster)
            for member, cluster in args.members.items()
            if args.registries
        }
        for member, istio in args.primaries.items():
            self._rules(name, member, istio, listens=args.listens)
        self.register_outputs({})

    def _made(self, name: str, resource: str, labels: Mapping[str, str], opts: ResourceOptions) -> Input[str]:
        # Every cluster has this one, and Fleet labels it where it sets the mesh up.
        if name == DEFAULT_NAMESPACE:
            return name
        metadata = kubernetes.meta.v1.ObjectMetaArgs(name=name, labels=labels)
        made = kubernetes.core.v1.Namespace(resource, metadata=metadata, opts=opts)
        self.ready.append(made)
        return made.metadata.name

    def _pull_secret(self, name: str, registries: Mapping[str, Any], member: str, cluster: LkeCluster) -> Input[str]:
        wanted = objects.pull_secret(registries, self.in_member[member])
        made = kubernetes.core.v1.Secret(name, **wanted, opts=cluster.inside(self))
        self.ready.append(made)
        return made.metadata.name

    def _rules(self, name: str, member: str, istio: Istio, *, listens: bool) -> None:
        place = self.in_member[member]
        nobody = Rule(kind="AuthorizationPolicy", name="allow-nothing", namespace=place, spec=callers.nobody())
        self.ready.append(rules.register(f"{name}.{member}.allow-nothing", nobody, istio, self))
        if listens:
            aliases = [former.rule("Gateway", member, "ingress")] if name == DEFAULT_NAMESPACE else []
            listener = Rule(
                kind="Gateway", name=traffic.LISTENER, namespace=place, spec=traffic.listener(), aliases=aliases
            )
            rules.register(f"{name}.{member}.listener", listener, istio, self)


def _injected(
    istio: Istio | None, cluster: LkeCluster, parent: pulumi.Resource
) -> tuple[Mapping[str, str], ResourceOptions]:
    """The labels of a namespace in a member, and its options."""
    inside = cluster.inside(parent)
    if istio is None:
        return {}, inside
    # The label only works through istiod's webhook.
    return INJECTED, ResourceOptions.merge(inside, ResourceOptions(depends_on=[istio.istiod]))
