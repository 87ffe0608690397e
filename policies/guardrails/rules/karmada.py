"""Rules on Karmada's control plane."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from fleet.naming import BACKUP
from plan.steps import RELEASE, cluster_of
from policies.guardrails.model import Finding, Planned, Resource, Stack, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CRON_JOB: Final = "kubernetes:batch/v1:CronJob"


def etcd_is_on_a_volume(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """What was submitted to Karmada survives its node. An etcd of the user's own is the user's to keep."""
    values = section(resource.inputs, "values")
    if not _has_etcd(resource):
        return
    # The chart's default is hostPath (charts/karmada/values.yaml, etcd.internal.storageType).
    storage = section(values, "etcd", "internal", "storageType") or "hostPath"
    if storage != "pvc":
        yield Finding(
            where=f"release {resource.name}",
            what=f"Karmada's etcd keeps its data in {storage} storage, which is lost with the node",
            mend="Take etcd.internal.storageType out of fleet:karmada.values; fleet:karmada.etcd says which volume",
            urn=resource.urn,
        )


def etcd_is_backed_up(planned: Sequence[Planned], stack: Stack) -> Iterator[Finding]:
    """Beside each control plane with an etcd is the CronJob that backs it up."""
    jobs = [one.resource for one in planned if one.resource.type == CRON_JOB]
    backed_up = {cluster_of(job) for job in jobs if section(job.inputs, "metadata", "name") == BACKUP}
    for release in (one.resource for one in planned if _has_etcd(one.resource)):
        if cluster_of(release) not in backed_up:
            yield Finding(
                where=f"release {release.name}",
                what="nothing backs up Karmada's etcd",
                mend="Set fleet:karmada.backup to a bucket and a recipient, as docs/backup.md has it",
                urn=release.urn,
            )


def _has_etcd(resource: Resource) -> bool:
    return is_control_plane(resource) and section(resource.inputs, "values", "etcd", "mode") != "external"


def is_control_plane(resource: Resource) -> bool:
    """Whether it is a release of Karmada's chart that installs the control plane."""
    if resource.type != RELEASE or PurePosixPath(str(section(resource.inputs, "chart") or "")).name != "karmada":
        return False
    return section(resource.inputs, "values", "installMode") in (None, "host")
