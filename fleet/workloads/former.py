"""By which URNs an earlier Fleet had what an entry is now, so that an update renames it and makes nothing anew.

It had its workloads in its code, and one of them was served: the rules in each member were about that one, whose name
is in what they reported (fleet/workloads/reported.py).
"""

from __future__ import annotations

from typing import Final

import pulumi

_FLEET: Final = "fleet:index:Fleet"
_WORKLOADS: Final = "fleet:workloads:Workloads"
_KARMADA: Final = "kubernetes:policy.karmada.io/v1alpha1"
SUBMITTED: Final = "workloads-submission-"
"""How the names of its Deployments in Karmada began."""


def identity(workload: str, member: str) -> str:
    """A service account."""
    types = (_WORKLOADS, "fleet:workloads:Identities", "kubernetes:core/v1:ServiceAccount")
    return _urn(*types, name=f"{member}-identities-{workload}")


def override(workload: str, member: str) -> str:
    """An OverridePolicy."""
    return _placed("OverridePolicy", f"{workload}-{member}")


def propagation(workload: str) -> str:
    """A PropagationPolicy."""
    return _placed("PropagationPolicy", workload)


def lost_members() -> str:
    """The ClusterTaintPolicy."""
    return _placed("ClusterTaintPolicy", "lost-members")


def deployment(workload: str) -> str:
    """A Deployment in Karmada."""
    return _submitted("apps/v1:Deployment", workload)


def service(workload: str) -> str:
    """A Service in Karmada."""
    return _submitted("core/v1:Service", f"{workload}-service")


def rule(kind: str, member: str, role: str) -> str:
    """One of Istio's rules in a member: a DestinationRule, AuthorizationPolicy, Gateway or VirtualService."""
    group = "security" if kind == "AuthorizationPolicy" else "networking"
    return _urn("fleet:policies:Traffic", f"kubernetes:{group}.istio.io/v1:{kind}", name=f"{member}-traffic-{role}")


def _placed(kind: str, name: str) -> str:
    return _urn(_WORKLOADS, "fleet:policies:Placement", f"{_KARMADA}:{kind}", name=f"workloads-placement-{name}")


def _submitted(kind: str, name: str) -> str:
    return _urn(_WORKLOADS, "fleet:workloads:Submission", f"kubernetes:{kind}", name=f"{SUBMITTED}{name}")


def _urn(*types: str, name: str) -> str:
    chain = "$".join((_FLEET, *types))
    return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{chain}::{name}"
