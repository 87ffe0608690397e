"""What the program keeps of a member that is expelled from the mesh, and how it forgets the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
from pulumi import ResourceOptions

from fleet import charts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.deployed import Deployed
    from fleet.lke.cluster import LkeCluster


def record(member: str) -> str:
    """The name of what the engine keeps of an expulsion."""
    return f"{member}-expelled"


def forget(cluster: LkeCluster, deployed: Deployed, roots: Sequence[str], opts: ResourceOptions) -> None:
    """Let the next update forget the releases in an expelled member, and note which roots may have signed for it.

    The releases stand below components of the same names as before. The note comes after them: an update that left them
    alone, or failed before, has forgotten nothing.
    """
    member = cluster.name
    left: list[pulumi.Resource] = []
    if member in deployed.versions.istio:
        found = [
            ("fleet:mesh:Istio", f"{member}-istio", ("base", "istiod")),
            ("fleet:mesh:EastWestGateway", f"{member}-east-west", ("release",)),
        ]
        if member in deployed.ingresses:
            found.append(("fleet:mesh:IngressGateway", f"{member}-ingress", ("release",)))
        for kind, name, releases in found:
            component = pulumi.ComponentResource(kind, name, {}, opts)
            below = ResourceOptions(parent=component, provider=cluster.provider)
            left += [charts.forgotten(f"{name}-{release}", below) for release in releases]
    pulumi.Stash(
        record(member),
        input={"roots": list(roots)},
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=left)),
    )
