"""Rules on the credentials that members give to each other: remote secrets, and the rights behind them."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

import yaml

from fleet.naming import ISTIO_NAMESPACE
from plan.steps import cluster_of
from policies.guardrails import rights
from policies.guardrails.model import Finding, Planned, Resource, Stack, known, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECRET: Final = "kubernetes:core/v1:Secret"  # noqa: S105 - a resource type
REMOTE_LABEL: Final = "istio/multiCluster"
TOKEN_TYPE: Final = "kubernetes.io/service-account-token"  # noqa: S105 - a type of secret
READERS: Final = f"system:serviceaccount:{ISTIO_NAMESPACE}:"
ACCOUNT: Final = "kubernetes:core/v1:ServiceAccount"
ACCOUNT_OF_TOKEN: Final = "kubernetes.io/service-account.name"  # noqa: S105 - an annotation
_MEND: Final = (
    "Give a token of a service account that may look at endpoints and no more (fleet/mesh/peering.py), and raise "
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
    tokens = {one.resource.urn for one in planned if _type(one.resource) == TOKEN_TYPE}
    for one in planned:
        sources = {source for key in ("stringData", "data") for source in one.sources.get(key, ())}
        if _is_remote(one.resource) and sources.isdisjoint(tokens):
            yield Finding(
                where=f"secret {one.resource.name}",
                what="its kubeconfig is not made from the token of a service account of this stack",
                mend=_MEND,
                urn=one.resource.urn,
            )


def remote_secret_only_reads_endpoints(planned: Sequence[Planned], stack: Stack) -> Iterator[Finding]:
    """The account whose token a remote secret is may look at endpoints, whatever its roles are called."""
    for account in _peers(planned):
        for binding in rights.bindings_of(account, planned):
            role = rights.role_of(binding, planned)
            found = rights.excess_of(role.inputs) if role else [_unknown_role(binding)]
            for excess in dict.fromkeys(found):
                yield Finding(
                    where=f"binding {binding.resource.name}",
                    what=f"whoever has a remote secret for {cluster_of(account.resource)} may {excess} there",
                    mend=_MEND,
                    urn=binding.resource.urn,
                )


def _peers(planned: Sequence[Planned]) -> list[Planned]:
    """The service accounts whose tokens are in remote secrets."""
    secrets = [one for one in planned if _is_remote(one.resource)]
    handed_out = {urn for one in secrets for key in ("stringData", "data") for urn in one.sources.get(key, ())}
    tokens = [one for one in planned if one.resource.urn in handed_out and _type(one.resource) == TOKEN_TYPE]
    accounts = [one for one in planned if one.resource.type == ACCOUNT]
    return [account for account in accounts if any(_is_of(token, account) for token in tokens)]


def _is_of(token: Planned, account: Planned) -> bool:
    """Whether a token is a service account's, by what it is made from or, where that is plain text, by its name."""
    if account.resource.urn in token.sources.get("metadata", ()):
        return True
    named = section(token.resource.inputs, "metadata", "annotations", ACCOUNT_OF_TOKEN)
    same_cluster = cluster_of(token.resource) == cluster_of(account.resource)
    return same_cluster and known(named) and named == section(account.resource.inputs, "metadata", "name")


def _unknown_role(binding: Planned) -> str:
    name = section(binding.resource.inputs, "roleRef", "name")
    return f"do whatever {name} allows, which is not a role of this stack,"


def _type(secret: Resource) -> Any:
    return section(secret.inputs, "type")


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
