"""How the replicas of one component outlast the loss of a node: as far apart as may be, and never all evicted at once.

To be apart is a wish: where a node is lost or full, an update must come to its end on the others. It concerns pods of
one template alone. Those that a rolling update is about to end would drive the new ones together where they will be
missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST: Final = "kubernetes.io/hostname"
OF_ONE_TEMPLATE: Final = ("pod-template-hash",)
REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
BUDGET: Final = {
    "maxUnavailable": 1,
    # Without it, replicas that are broken anyway keep their node from being drained.
    "unhealthyPodEvictionPolicy": "AlwaysAllow",
}
"""The spec of a PodDisruptionBudget, for two replicas or more: the node of a single one could never be drained."""


def spread(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Topology spread constraints of pods with these labels."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": HOST,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
            "matchLabelKeys": list(OF_ONE_TEMPLATE),
        }
    ]


def affinity(labels: Mapping[str, str]) -> dict[str, Any]:
    """The same as an affinity, for charts that take no topology spread constraints."""
    return {"podAntiAffinity": {PREFERRED: [{"weight": 100, "podAffinityTerm": _apart(labels)}]}}


def one_a_node(labels: Mapping[str, str]) -> dict[str, Any]:
    """The same, and no wish: each has a node of its own, or does not start."""
    return {"podAntiAffinity": {REQUIRED: [_apart(labels)]}}


def _apart(labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "labelSelector": {"matchLabels": dict(labels)},
        "matchLabelKeys": list(OF_ONE_TEMPLATE),
        "topologyKey": HOST,
    }
