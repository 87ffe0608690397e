"""What somebody may do, by the rules of their roles and not by a role's name. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from plan.steps import cluster_of
from policies.guardrails.model import known, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policies.guardrails.model import Planned, Resource

READS: Final = frozenset({"get", "list", "watch"})
CORE: Final = ""
_GROUP: Final = "kubernetes:rbac.authorization.k8s.io/"


def excess(rule: Mapping[str, Any]) -> Iterator[str]:
    """What a rule allows that nobody needs who only looks at endpoints: secrets, changes, other identities, programs.

    Each is a phrase: "read secrets". There is none where the rule is harmless.
    """
    groups, resources, verbs, names = (
        list(rule.get(key) or ()) for key in ("apiGroups", "resources", "verbs", "resourceNames")
    )
    what = ", ".join([*resources, *(rule.get("nonResourceURLs") or ())])
    # Writes, and what gives more than there is: escalate, bind, impersonate, and the wildcard.
    if beyond := [verb for verb in verbs if verb not in READS]:
        yield f"{', '.join(beyond)} {what}"
    if "*" in groups:
        yield f"read {what} in every API group"
    for resource in resources:
        if "*" in resource:
            yield "read everything"
        elif "/" in resource:
            # To read pods/exec, nodes/proxy and their like is to run and to call what is behind them.
            yield f"read {resource}"
        elif CORE in groups and resource == "secrets":
            yield "read secrets"
        elif CORE in groups and resource == "configmaps" and not names:
            yield "read all config maps"


def excess_of(role: Mapping[str, Any]) -> Iterator[str]:
    """What a role allows beyond looking at endpoints."""
    for rule in role.get("rules") or ():
        yield from excess(rule)
    if role.get("aggregationRule"):
        yield "do whatever other roles add to it by their labels"


def bindings_of(account: Planned, planned: Sequence[Planned]) -> Iterator[Planned]:
    """What binds a service account to a role, in its own cluster."""
    for one in _in_the_cluster_of(account, planned, "RoleBinding", "ClusterRoleBinding"):
        made_from_it = account.resource.urn in one.sources.get("subjects", ())
        subjects = section(one.resource.inputs, "subjects") or []
        if made_from_it or any(_is(subject, account.resource) for subject in subjects):
            yield one


def role_of(binding: Planned, planned: Sequence[Planned]) -> Resource | None:
    """The role that a binding names; None where that is not of this stack."""
    for one in _in_the_cluster_of(binding, planned, "Role", "ClusterRole"):
        if one.resource.urn in binding.sources.get("roleRef", ()):
            return one.resource
    kind, name = (section(binding.resource.inputs, "roleRef", key) for key in ("kind", "name"))
    for one in _in_the_cluster_of(binding, planned, str(kind)):
        same_place = kind == "ClusterRole" or _namespace(one.resource) == _namespace(binding.resource)
        if known(name) and section(one.resource.inputs, "metadata", "name") == name and same_place:
            return one.resource
    return None


def _in_the_cluster_of(of: Planned, planned: Sequence[Planned], *kinds: str) -> Iterator[Planned]:
    for one in planned:
        group, _, kind = one.resource.type.rpartition(":")
        if group.startswith(_GROUP) and kind in kinds and cluster_of(one.resource) == cluster_of(of.resource):
            yield one


def _is(subject: Mapping[str, Any], account: Resource) -> bool:
    """Whether a binding's subject is a service account, or a group that it is in."""
    name, namespace = section(account.inputs, "metadata", "name"), _namespace(account)
    match section(subject, "kind"):
        case "ServiceAccount":
            return known(name) and (section(subject, "name"), section(subject, "namespace")) == (name, namespace)
        case "Group":
            groups = {"system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{namespace}"}
            return section(subject, "name") in groups
        case _:
            return False


def _namespace(resource: Resource) -> Any:
    return section(resource.inputs, "metadata", "namespace")
