"""Config keys that an earlier Fleet had, and what to write instead. CHANGELOG.md says what else an update takes."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

RETIRED: Final[Mapping[str, str]] = {
    "ingress.hosts": "set workloads.NAME.ingress.hosts instead, of the workload that they lead to (docs/workloads.md)",
    "karmada.agentValues": "set karmada.agent instead (docs/karmada.md)",
    "mesh.gatewayValues": "set eastWest.values and ingress.values instead, for a gateway each (docs/mesh.md)",
    "mesh.ingress": "set fleet:ingress instead, a section of its own (docs/mesh.md)",
}
"""The remedy by the key's path; `*` stands for a name that the user chose."""
RESTRICTED: Final = frozenset(
    {
        "privileged",
        "securityContext",
        "podSecurityContext",
        "capabilities",
        "allowPrivilegeEscalation",
        "seccompProfile",
        "runAsNonRoot",
        "runAsGroup",
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "hostPort",
        "hostPath",
        "volumes",
        "serviceAccountName",
    }
)
"""Keys that people know from pods, and that an entry has not (Kubernetes, "Pod Security Standards")."""


def successor(key: str) -> str | None:
    """What to write instead of a key; None for one that there never was."""
    parts = key.split(".")
    for pattern, words in RETIRED.items():
        known = pattern.split(".")
        if len(known) == len(parts) and all(map(fnmatchcase, parts, known)):
            return words
    return None


def ruled_out(key: str) -> str | None:
    """Why an entry of a workload has no such key, although pods have; None for one that they have not either."""
    section, _, below = key.partition(".")
    last = below.rpartition(".")[2]
    if section != "workloads" or last not in RESTRICTED:
        return None
    return (
        f"{last} is not a workload's to say: every pod has its own identity and keeps the level restricted of pod "
        "security; build the image to run with that"
    )
