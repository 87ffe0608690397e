"""What workloads' own resources report in the state: those of an earlier Fleet, by the names that they had then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet.workloads.former import SUBMITTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fleet.state import State

DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
BALANCE: Final = "kubernetes:networking.istio.io/v1:DestinationRule"
ROUTE: Final = "kubernetes:networking.istio.io/v1:VirtualService"
CALLERS: Final = "kubernetes:security.istio.io/v1:AuthorizationPolicy"
KUBERNETES_GRACE_SECONDS: Final = 30
"""How long a pod that goes may take by default (DefaultTerminationGracePeriodSeconds in k8s.io/api/core/v1)."""

Facts = dict[str, Any]


def facts(found: State) -> Facts:
    """What is there of workloads by the names that resources had before each had an entry."""
    ruled = next(_ruled(found), None)
    of_rules = {"callers", *(["ingress"] if any(found.named(ROUTE, "-traffic-route")) else [])}
    submitted = {
        name.removeprefix(SUBMITTED): outputs
        for (kind, name), outputs in found.resources.items()
        if kind == DEPLOYMENT and name.startswith(SUBMITTED)
    }
    return {
        "earlierWorkloads": {
            name: _keys(outputs) | (of_rules if name == ruled else set()) for name, outputs in submitted.items()
        },
        "earlierRules": ruled,
    }


def _ruled(found: State) -> Iterator[str]:
    """Whom the rules in members are about that have their names of then: an update that broke off left any of them."""
    for _, rule in found.named(BALANCE, "-traffic-balance"):
        yield rule["metadata"]["name"]
    for (kind, name), rule in found.resources.items():
        # Today's names have dots.
        if kind == CALLERS and "-traffic-" in name and "." not in name:
            yield rule["spec"]["selector"]["matchLabels"]["app"]
    for _, rule in found.named(ROUTE, "-traffic-route"):
        yield rule["spec"]["http"][0]["route"][0]["destination"]["host"].partition(".")[0]


def _keys(deployment: Mapping[str, Any]) -> set[str]:
    """What an entry would have to say to keep the pods of a Deployment as they are."""
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    said = {"command": "command", "ports": "ports", "env": "env", "readinessProbe": "probes"}
    keys = {key for part, key in said.items() if container.get(part)}
    # Karmada's API fills it in where nobody says it.
    own = pod.get("terminationGracePeriodSeconds") not in (None, KUBERNETES_GRACE_SECONDS)
    return keys | ({"terminationGracePeriodSeconds"} if own else set())
