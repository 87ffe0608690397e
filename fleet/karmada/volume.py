"""The volume of Karmada's etcd goes before the cluster does, or Linode bills it until somebody finds it.

The chart's StatefulSet makes a claim, and the storage driver a volume for it. When the claim goes, the driver deletes
the volume, after Linode has detached it, and nobody waits: a cluster that is deleted meanwhile takes the driver with
it. So both belong to a namespace that holds nothing else, whose deletion is not over before the driver is done.
docs/decisions/0200 says why Kubernetes does the waiting, and no hook; 0226, why not in Karmada's own namespace.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

CLAIM: Final = "etcd-data-etcd-0"
"""Of etcd's only member, as its StatefulSet calls it (charts/karmada/templates/etcd.yaml)."""
HOLDER: Final = "karmada-etcd-volume"
"""The namespace that the claim and the volume belong to."""
STORE_ANNOTATION: Final = "fleet/store"
"""On the claim: whose data it has."""
AT_ONCE: Final = ("linode-block-storage", "linode-block-storage-retain")
"""Linode's classes, which give a claim its volume before a pod uses it."""
UNNAMED: Final = "the-volume-of-etcd"
"""What a preview calls a volume that is not there yet."""


@dataclass(frozen=True, kw_only=True)
class EtcdVolumeArgs:
    """Where etcd's claim is, what it asks for, and what makes it."""

    namespace: kubernetes.core.v1.Namespace
    release: kubernetes.helm.v3.Release
    host: kubernetes.Provider
    storage: Mapping[str, str]
    """Class and size, as the chart's values have them."""
    is_there: bool
    """Whether the last update had it already, in this manager."""
    held: bool = True
    """Whether it has its holder already, or there is neither yet."""


class EtcdVolume(pulumi.ComponentResource):
    """The volume that etcd's claim got, in the possession of a namespace that goes once the volume has."""

    def __init__(self, name: str, args: EtcdVolumeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:EtcdVolume", name, {}, opts)
        holder = kubernetes.core.v1.Namespace(
            f"{name}-holder",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=HOLDER),
            opts=ResourceOptions(parent=self, provider=args.host),
        )
        owner = kubernetes.meta.v1.OwnerReferencePatchArgs(
            api_version="v1",
            kind="Namespace",
            name=holder.metadata.name,
            uid=holder.metadata.uid,
            block_owner_deletion=True,
        )
        # Both go with the holder. To take a patch of theirs back at its end would free the volume again.
        kept = ResourceOptions(parent=self, provider=args.host, retain_on_delete=True)
        claim = _claim(f"{name}-claim", args, owner, kept)
        kubernetes.core.v1.PersistentVolumePatch(
            f"{name}-owned",
            metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(name=_volume_of(claim), owner_references=[owner]),
            opts=ResourceOptions.merge(
                kept,
                ResourceOptions(
                    depends_on=[claim],
                    # A preview of the update that makes the holder knows nothing of what the claim will tell, and would
                    # announce another volume.
                    ignore_changes=["metadata.name"] if args.is_there and not args.held else [],
                ),
            ),
        )
        self.register_outputs({})


def claimed(values: Mapping[str, Any]) -> Mapping[str, str] | None:
    """What Karmada's chart makes a claim of for etcd with these values; nothing where it makes none."""
    etcd = values["etcd"]
    if etcd["mode"] != "internal" or etcd["internal"]["storageType"] != "pvc":
        return None
    storage: Mapping[str, str] = etcd["internal"]["pvc"]
    return storage


def _claim(
    name: str, args: EtcdVolumeArgs, owner: kubernetes.meta.v1.OwnerReferencePatchArgs, opts: ResourceOptions
) -> kubernetes.core.v1.PersistentVolumeClaimPatch:
    """A patch of the claim, which makes it where it can have its volume at once.

    An update that breaks off while the release comes up then leaves no volume that nobody owns. The claim is the one
    that the StatefulSet asks for, and whoever comes second finds it.
    """
    makes = not args.is_there and args.storage["storageClass"] in AT_ONCE
    return kubernetes.core.v1.PersistentVolumeClaimPatch(
        name,
        metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(
            name=CLAIM,
            namespace=args.namespace.metadata.name,
            owner_references=[owner],
            annotations={
                STORE_ANNOTATION: "etcd",
                # The provider's own wait has no end for a claim that is bound in a class that waits for a pod.
                "pulumi.com/waitFor": "jsonpath={.spec.volumeName}",
            },
        ),
        spec=_asked(args.storage) if makes else None,
        opts=ResourceOptions.merge(
            opts,
            ResourceOptions(
                depends_on=[] if makes else [args.release],
                # Nothing of a claim's can change but its size, and that is not the program's.
                ignore_changes=["spec"] if args.is_there else [],
            ),
        ),
    )


def _asked(storage: Mapping[str, str]) -> kubernetes.core.v1.PersistentVolumeClaimSpecPatchArgs:
    return kubernetes.core.v1.PersistentVolumeClaimSpecPatchArgs(
        access_modes=["ReadWriteOnce"],
        storage_class_name=storage["storageClass"],
        resources=kubernetes.core.v1.VolumeResourceRequirementsPatchArgs(requests={"storage": storage["size"]}),
    )


def _volume_of(claim: kubernetes.core.v1.PersistentVolumeClaimPatch) -> Output[str]:
    named: Output[str] = claim.spec.apply(lambda spec: (spec and spec.volume_name) or "")
    if not pulumi.runtime.is_dry_run():
        return named

    async def known() -> str:
        return await named.future() or UNNAMED

    # The provider takes no patch of an object whose name is unknown (pkg/provider/provider.go, Check).
    return Output.from_input(known())
