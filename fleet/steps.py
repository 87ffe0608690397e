"""Which step may come next after what is deployed, whether or not a policy pack is asked (docs/decisions/0111)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.config.fields import minor, steps_between
from fleet.config.settings import Layer, Role
from fleet.config.violations import Violation
from fleet.naming import KARMADA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.config.settings import FleetConfig
    from fleet.deployed import Deployed

ANOTHER_MANAGER: Final = "docs/karmada.md#another-manager"
"""Where users find how Karmada's data moves to another cluster."""


def errors(config: FleetConfig, deployed: Deployed) -> list[str]:
    """Every step of the config that does not follow from what is deployed, each with the step that does."""
    return [
        str(violation)
        for violation in (
            *_astray(config, deployed),
            *_kubernetes(config, deployed),
            *_regions(config, deployed),
            *_acls(config, deployed),
            *_pools(config, deployed),
            *_expelled(config, deployed),
            *(_karmada(config, deployed) if Layer.KARMADA in config.layers else ()),
            *(_etcd(config, deployed) if Layer.KARMADA in config.layers else ()),
            *(_encryption(config, deployed) if Layer.KARMADA in config.layers else ()),
            *(_istio(config, deployed) if Layer.MESH in config.layers else ()),
            *(_roots(config, deployed) if Layer.MESH in config.layers else ()),
            *(_earlier(config, deployed) if Layer.WORKLOADS in config.layers else ()),
        )
    ]


def _astray(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Linode's provider goes from the state alone, and would do to one pool what is meant for another."""
    for cluster in deployed.clusters:
        if cluster.astray and cluster.name in config.clusters:
            yield Violation(
                path=("clusters", cluster.name),
                message=f"{'; '.join(cluster.astray)}; `pulumi refresh --target '**::{cluster.name}-cluster'` records "
                "what there is, and then this config can be carried out",
            )


def _kubernetes(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    for cluster in deployed.clusters:
        if cluster.name in config.clusters:
            path = ("clusters", cluster.name, "kubernetesVersion")
            yield from _upwards(path, cluster.version, config.kubernetes_version(cluster.name, cluster.version))


def _regions(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """The provider makes a cluster anew for another region, and Linode refuses it the label that the old one has."""
    for cluster in deployed.clusters:
        wanted = config.clusters.get(cluster.name)
        if wanted is None or cluster.region in (None, wanted.region):
            continue
        way = (
            f"{ANOTHER_MANAGER} has the way to another manager"
            if wanted.role is Role.MANAGER
            else "add a member under another name there, then drain this one and remove it"
        )
        yield Violation(
            path=("clusters", cluster.name, "region"),
            message=f"{wanted.region!r} is not where it is, and a cluster cannot move; keep {cluster.region!r}; {way}",
        )


def _acls(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Linode's provider keeps an ACL that is named no more, and cannot turn off one with addresses."""
    for cluster in deployed.clusters:
        wanted = config.clusters.get(cluster.name)
        if wanted is not None and cluster.acl and wanted.acl is None:
            yield Violation(
                path=("clusters", cluster.name, "acl"),
                message="is missing, and the one that the cluster has would stay; keep it, or let everybody in by "
                "0.0.0.0/0 in ipv4 and ::/0 in ipv6",
            )


def _pools(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Linode's provider knows a pool by its place, so that one in the middle would take along all that follow."""
    for name, cluster in config.clusters.items():
        # A second one of a name is what an update that failed left, and goes with the next.
        order = list(dict.fromkeys(pool.name for pool in deployed.pools(name)))
        for place, pool in enumerate(order):
            later = [repr(other) for other in order[place + 1 :] if other in cluster.pools]
            if later and pool not in cluster.pools:
                others = ", ".join(later)
                yield Violation(
                    path=("clusters", name, "pools", pool),
                    message=f"{pool!r} is missing, and only the last pool of a cluster can go, which {others} came "
                    f"after; keep {pool!r}, of another type or count if need be, or remove {others} in an update "
                    f"before, to add again in the one that removes {pool!r}",
                )


def _expelled(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """What an expelled member had in its hands must never be trusted again, whatever becomes of its entry."""
    for name in config.expelled:
        if deployed.clusters and deployed.cluster(name) is None:
            yield Violation(
                path=("clusters", name, "expelled"),
                message="True on a cluster that is not there; leave its entry out",
            )
    for cluster in deployed.clusters:
        if cluster.expelled and cluster.name in config.trusted_members:
            yield Violation(
                path=("clusters", cluster.name, "expelled"),
                message="False, and what it had would be trusted again; keep it expelled, and add a member under "
                "another name in its place",
            )
    mesh = config.certs.mesh
    for name, roots in (deployed.mesh_roots.expelled if deployed.mesh_roots else {}).items():
        left = [root for root in roots if root in mesh.roots]
        if name not in config.clusters and left and Layer.MESH in config.layers:
            yield Violation(
                path=("clusters", name),
                message=f"is missing, and what {', '.join(map(repr, left))} signed for it would be trusted again; keep "
                f"it expelled until another root has taken over (docs/day-two.md#another-root)",
            )


def _karmada(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Objects in Karmada's etcd may be of an API that the release before does not know."""
    now, wanted, path = deployed.versions.karmada, config.versions.karmada, ("versions", "karmada")
    if now is not None:
        yield from _upwards(path, now, wanted)
        if KARMADA in deployed.versions.unfinished and steps_between(now, wanted) == 1:
            yield _unfinished(path, now, wanted)


def _etcd(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """A StatefulSet keeps the claims that it was made with."""
    before, etcd = deployed.etcd, config.karmada.etcd
    # Another manager starts with an etcd of its own.
    if before is None or before.manager != config.manager:
        return
    for key, now, wanted in (
        ("storageClass", before.storage_class, etcd.storage_class),
        ("size", before.size, etcd.size),
    ):
        if wanted != now:
            yield Violation(
                path=("karmada", "etcd", key),
                message=f"{wanted!r} is not the {now!r} that its etcd was made with, which cannot change; keep "
                f"{now!r}; {ANOTHER_MANAGER} has the way to another manager, which may have {wanted!r}",
            )


def _encryption(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Every API server must have a key before one writes with it, and for as long as anything is written with it."""
    before, encryption = deployed.encryption, config.karmada.encryption
    if before is None:
        return
    if encryption.writing_key not in before.keys:
        yield Violation(
            path=("karmada", "encryption", "writing"),
            message=f"{encryption.writing_key!r} is not known to Karmada's API servers yet; add it to keys, keep "
            f"writing with {before.writing!r} for one update, and switch then",
        )
    for key in dict.fromkeys((before.writing, *before.others)):
        if key not in encryption.keys:
            yield Violation(
                path=("karmada", "encryption", "keys"),
                message=f"{key!r} is missing, by which Karmada's secrets are encrypted; keep it for one update that "
                "writes with another, and for as long as a backup from before is to be restored",
            )


def _upwards(path: tuple[str, ...], now: str, wanted: str) -> Iterator[Violation]:
    steps = steps_between(now, wanted)
    if steps > 1:
        yield Violation(
            path=path, message=f"{wanted!r} skips minors after the {now!r} that runs; go to {_after(now)} first"
        )
    elif steps < 0:
        yield Violation(
            path=path, message=f"{wanted!r} is below the {now!r} that runs, and there is no way back; keep {now!r}"
        )


def _after(release: str) -> str:
    major, number = minor(release)
    return f"{major}.{number + 1}"


def _istio(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Istio may go back by the minor by which it went up."""
    for member, now in deployed.versions.istio.items():
        if member not in config.trusted_members:
            continue
        wanted = config.istio_version(member)
        path = ("clusters", member, "istioVersion")
        if abs(steps_between(now, wanted)) > 1:
            yield Violation(
                path=path, message=f"{wanted!r} is more than one minor from the {now!r} that runs; go step by step"
            )
        elif member in deployed.versions.unfinished and steps_between(now, wanted) == 1:
            yield _unfinished(path, now, wanted)


def _unfinished(path: tuple[str, ...], now: str, wanted: str) -> Violation:
    return Violation(
        path=path, message=f"{wanted!r} comes after {now!r}, which was begun and is not well; finish {now!r} first"
    )


def _roots(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """Everybody must trust a root before it signs, and for as long as anybody has a certificate of it."""
    before, mesh = deployed.mesh_roots, config.certs.mesh
    if before is None:
        return
    if mesh.signing_root != before.signing and mesh.signing_root not in before.trusted:
        yield Violation(
            path=("certs", "mesh", "signing"),
            message=f"{mesh.signing_root!r} is not trusted by the members yet; add it to roots, keep signing with "
            f"{before.signing!r} for one update, and switch then",
        )
    for signer in dict.fromkeys((before.signing, *before.signers)):
        if signer not in mesh.roots:
            yield Violation(
                path=("certs", "mesh", "roots"),
                message=f"{signer!r} is missing, which signed until now; keep it for one update that signs with "
                "another, and drop it when no workload has a certificate of it",
            )


def _earlier(config: FleetConfig, deployed: Deployed) -> Iterator[Violation]:
    """An earlier Fleet ran two without a word of the config, and its stack file would end or strip them unseen."""
    for name, keys in sorted(deployed.earlier_workloads.items()):
        entry = config.workloads.get(name)
        if entry is None:
            yield Violation(
                path=("workloads", name),
                message="is missing, and runs, since an earlier Fleet needed no entry for it; write one as "
                "Pulumi.dev.yaml has it, which keeps it as it is, and take that out in a later update if it is to go",
            )
            continue
        said = {type(entry).model_fields[field].alias or field for field in entry.model_fields_set}
        for key in sorted(keys - said):
            yield Violation(
                path=("workloads", name, key),
                message="is missing, and what runs has it, since an earlier Fleet said so itself; write it as "
                "Pulumi.dev.yaml has it, or write it empty if it is to go",
            )
