"""Who may call whom: nobody, but for those whom a workload's entry names. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet.naming import INGRESS_GATEWAY, ISTIO_NAMESPACE, workload_identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fleet.config.settings import Route
    from fleet.config.workloads import Workload

ALLOW: Final = "ALLOW"
DENY: Final = "DENY"
_ANY: Final = "*"


def nobody() -> dict[str, Any]:
    """The spec of an AuthorizationPolicy that allows nothing; where there is one, each call needs another that does."""
    return {}


def allowed(name: str, workloads: Mapping[str, Workload]) -> dict[str, Any]:
    """The spec of the AuthorizationPolicy that lets a workload's callers in, from whichever member."""
    return _rule(name, ALLOW, _callers(workloads[name], workloads, _ANY))


def not_from(name: str, workloads: Mapping[str, Workload], source: str) -> dict[str, Any]:
    """The spec of the AuthorizationPolicy that refuses the same from one member; DENY goes before ALLOW."""
    return _rule(name, DENY, _callers(workloads[name], workloads, source))


def forbidden_sources(member: str, forbidden: Iterable[Route]) -> list[str]:
    """The members from which nothing may be called in this one."""
    return [route.source for route in forbidden if route.target == member]


def mistaken_for_callers(
    name: str, workloads: Mapping[str, Workload], members: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The workloads that would let this one in by its name, each with the rule that refuses it there.

    `cart-*` is meant for `cart`, and is `cart-batch-us` too: Istio knows a prefix and no pattern. With the members'
    names in its place, another member would change the rules in all that there are.
    """
    own = workloads[name]
    for called, workload in workloads.items():
        if name in workload.callers:
            continue
        meant = [caller for caller in workload.callers if workloads[caller].namespace == own.namespace]
        identities = [
            identity
            for identity in (workload_identity(name, member) for member in members)
            if any(identity.startswith(workload_identity(caller, "")) for caller in meant)
        ]
        if identities:
            yield called, _rule(called, DENY, [principal(own.namespace, identity) for identity in identities])


def _callers(workload: Workload, workloads: Mapping[str, Workload], member: str) -> list[str]:
    pods = [
        principal(workloads[caller].namespace, workload_identity(caller, member)) for caller in sorted(workload.callers)
    ]
    gateway = principal(ISTIO_NAMESPACE, workload_identity(INGRESS_GATEWAY, member))
    return [*pods, *([gateway] if workload.ingress else [])]


def _rule(called: str, action: str, principals: Sequence[str]) -> dict[str, Any]:
    return {
        "selector": {"matchLabels": {"app": called}},
        "action": action,
        "rules": [{"from": [{"source": {"principals": list(principals)}}]}],
    }


def principal(namespace: str, service_account: str) -> str:
    """The SPIFFE principal of a service account, in the form that AuthorizationPolicy takes."""
    return f"cluster.local/ns/{namespace}/sa/{service_account}"
