"""Finds out what is deployed, before anything is registered: from what each resource reported, and from Linode.

docs/decisions/0186 has the table, and docs/decisions/0221 what the engine keeps where no resource tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet import state
from fleet.deployed import Deployed
from fleet.karmada.reported import facts as of_karmada
from fleet.lke.linode_clusters import LiveCluster, fetch_clusters
from fleet.mesh.reported import facts as of_mesh
from fleet.mesh.reported import failed
from fleet.naming import KARMADA
from fleet.state import LKE_CLUSTER, PROVIDER, RELEASE
from fleet.workloads.reported import facts as of_workloads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.state import State

JOINED: Final = "kubernetes:cluster.karmada.io/v1alpha1:Cluster"

Facts = dict[str, Any]


def fetch() -> Deployed:
    """What is deployed now."""
    found = state.fetch()
    return deployed(found, fetch_clusters(identities(found)))


def identities(found: State) -> dict[str, int]:
    """By cluster, what Linode knows it by."""
    ids = {
        name: outputs.get("id") or (found.get(PROVIDER, f"{name}-provider") or {}).get("clusterIdentifier")
        for name, outputs in found.named(LKE_CLUSTER, "-cluster")
    }
    return {name: int(identity) for name, identity in ids.items() if identity}


def deployed(found: State, live: Mapping[str, LiveCluster]) -> Deployed:
    """What is deployed, by the state and by what Linode has of the clusters in it."""
    # What an earlier Fleet recorded of itself, for what was not recorded otherwise then.
    told: Facts = dict(found.get("fleet:index:Fleet", "fleet") or {})
    clusters = [
        _cluster(name, outputs, found, live.get(name)) for name, outputs in found.named(LKE_CLUSTER, "-cluster")
    ]
    names = {cluster["name"] for cluster in clusters}
    expelled = {cluster["name"] for cluster in clusters if cluster["expelled"]}
    mesh = of_mesh(found, told, clusters=names, expelled=expelled)
    return Deployed.model_validate(
        {"clusters": clusters, "versions": _versions(found, mesh.pop("istio"))}
        | of_workloads(found)
        | mesh
        | of_karmada(found, identities(found), told)
    )


def _cluster(name: str, outputs: Mapping[str, Any], found: State, live: LiveCluster | None) -> Facts:
    provider = found.get(PROVIDER, f"{name}-provider") or {}
    recorded = outputs.get("pools") or ()
    counts = live.counts if live else {}
    acl = (outputs.get("controlPlane") or {}).get("acl") or {}
    return {
        "name": name,
        "version": outputs["k8sVersion"],
        "region": outputs.get("region"),
        "acl": bool(acl.get("enabled")),
        "expelled": provider.get("deleteUnreachable") in (True, "true"),
        "joined": found.get(JOINED, f"{name}-agent-cluster") is not None,
        "pools": [
            {
                "name": pool.get("label") or "",
                "type": pool["type"],
                "nodes": counts.get(int(pool.get("id") or 0), pool.get("count")),
                "diskEncryption": pool.get("diskEncryption") if recorded[place] is not pool else None,
            }
            for place, pool in enumerate(_pools(outputs))
        ],
        "unready": sum(pool.unready for pool in live.pools.values()) if live else 0,
        "astray": list(_astray(outputs, live)) if live else [],
    }


def _pools(outputs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The pools in a cluster's state, without the empty places that the provider records of what Linode has no more."""
    return [pool for pool in outputs.get("pools") or () if pool.get("type")]


def _astray(outputs: Mapping[str, Any], live: LiveCluster) -> Iterator[str]:
    """What Linode has otherwise than the state. Counts are left out, which an autoscaler moves."""
    if outputs["k8sVersion"] != live.version:
        yield f"Linode runs Kubernetes {live.version}, and the state has {outputs['k8sVersion']}"
    for pool in _pools(outputs) if live.told_pools else ():
        there = live.pools.get(int(pool.get("id") or 0))
        name = pool.get("label") or pool["type"]
        if there is None:
            yield f"Linode has no pool {name!r}, and the state has one"
        elif (there.label, there.type) != (pool.get("label") or "", pool["type"]):
            yield f"Linode's pool {there.label!r} of {there.type} is {name!r} of {pool['type']} in the state"


def _versions(found: State, mesh: Facts) -> Facts:
    release = found.get(RELEASE, f"{KARMADA}-release") or {}
    karmada = (release.get("values") or {}).get("karmadaImageVersion")
    return {
        "karmada": karmada,
        "istio": mesh["versions"],
        "unfinished": [*mesh["unfinished"], *([KARMADA] if karmada and failed(release) else [])],
    }
