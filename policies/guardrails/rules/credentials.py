"""Rules on the credentials that members give to each other: remote secrets, and the rights behind them."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

import yaml

from fleet.naming import ISTIO_NAMESPACE
from policies.guardrails.model import Finding, Planned, Resource, Stack, known, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECRET: Final = "kubernetes:core/v1:Secret"  # noqa: S105 - a resource type
REMOTE_LABEL: Final = "istio/multiCluster"
TOKEN_TYPE: Final = "kubernetes.io/service-account-token"  # noqa: S105 - a type of secret
READERS: Final = f"system:serviceaccount:{ISTIO_NAMESPACE}:"
BINDING: Final = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
_MEND: Final = (
    "Give a token of a service account with Istio's reader role (fleet/mesh/peering.py), and raise "
    "fleet:mesh.remoteTokenGeneration, which replaces what was handed out"
)


def remote_secret_holds_a_reader(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """A remote secret's kubeconfig authenticates by a reader's token, and by nothing else."""
    if not _is_remote(resource):
        return
    for document in _kubeconfigs(resource):
        for user in _users(document):
            if wrong := _credential(user):
                yield Finding(where=f"secret {resource.name}", what=wrong, mend=_MEND, urn=resource.urn)


def remote_secret_comes_from_a_token(planned: Sequence[Planned], stack: Stack) -> Iterator[Finding]:
    """What a remote secret is made of, also while its value is not known yet: the token of a service account."""
    tokens = {one.resource.urn for one in planned if section(one.resource.inputs, "type") == TOKEN_TYPE}
    for one in planned:
        sources = {source for key in ("stringData", "data") for source in one.sources.get(key, ())}
        if _is_remote(one.resource) and sources.isdisjoint(tokens):
            yield Finding(
                where=f"secret {one.resource.name}",
                what="its kubeconfig is not made from the token of a service account of this stack",
                mend=_MEND,
                urn=one.resource.urn,
            )


def no_service_account_is_admin(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """A token that is handed out can be no better than the role that its account is bound to."""
    if resource.type != BINDING or section(resource.inputs, "roleRef", "name") != "cluster-admin":
        return
    accounts = [s for s in section(resource.inputs, "subjects") or [] if section(s, "kind") == "ServiceAccount"]
    if accounts:
        names = ", ".join(str(section(account, "name") or "one") for account in accounts)
        what = f"it makes the service account {names} cluster-admin"
        yield Finding(where=f"binding {resource.name}", what=what, mend=_MEND, urn=resource.urn)


def _is_remote(resource: Resource) -> bool:
    return resource.type == SECRET and section(resource.inputs, "metadata", "labels", REMOTE_LABEL) == "true"


def _kubeconfigs(resource: Resource) -> Iterator[Any]:
    texts = [text for text in (section(resource.inputs, "stringData") or {}).values() if known(text)]
    for encoded in (section(resource.inputs, "data") or {}).values():
        if known(encoded):
            texts.append(base64.b64decode(encoded).decode())
    yield from map(yaml.safe_load, texts)


def _users(document: Any) -> Iterator[dict[str, Any]]:
    for entry in section(document, "users") or []:
        yield section(entry, "user") or {}


def _credential(user: dict[str, Any]) -> str:
    """What is wrong with a kubeconfig's user, without a word of the credential itself."""
    others = sorted(set(user) - {"token"})
    if others:
        return f"its kubeconfig authenticates by {', '.join(others)}, which no service account has"
    account = _account(str(user.get("token", "")))
    if account is None:
        return "its kubeconfig holds a token of which cannot be told whose it is"
    return "" if account.startswith(READERS) else f"its kubeconfig holds the token of {account}"


def _account(token: str) -> str | None:
    """Whose token it is, as the token itself says (Kubernetes, "Service account token structure")."""
    parts = token.split(".")
    if len(parts) != 3:  # header, payload, signature
        return None
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    subject = section(payload, "sub")
    return None if subject is None else str(subject)
