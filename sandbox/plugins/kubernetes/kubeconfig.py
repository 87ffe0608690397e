"""Reading a kubeconfig: from its contents or a path, with the provider's overrides applied.

The rules are those of the official provider (provider/pkg/provider/util.go of pulumi-kubernetes): what is
given is a path if such a file exists, and the contents otherwise; the active cluster is the context's,
unless overridden.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.plugins.framework import ProviderError

DEFAULT_NAMESPACE: Final = "default"


class KubeconfigError(ProviderError):
    """The kubeconfig cannot be used. The message never quotes its contents, which are secret."""


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What the provider's arguments put above the kubeconfig's own choice."""

    context: str | None = None
    cluster: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, kw_only=True)
class Kubeconfig:
    """A parsed kubeconfig whose current context is the one to use."""

    document: dict[str, Any]
    context: str
    namespace: str

    @property
    def server(self) -> str:
        """The address of the API server, for messages."""
        cluster = active_cluster(self.document, Overrides())
        return str((cluster or {}).get("server", "an unnamed server"))


def parse(path_or_contents: str) -> dict[str, Any]:
    """The kubeconfig document. Raises KubeconfigError if it is neither a file nor a YAML mapping."""
    import yaml

    contents = _read(path_or_contents)
    try:
        document = yaml.safe_load(contents)
    except yaml.YAMLError:
        # The parser's message quotes the text around the fault: that text may be a key.
        raise KubeconfigError("the kubeconfig is neither an existing file nor valid YAML") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise KubeconfigError("the kubeconfig is neither an existing file nor a YAML mapping")
    return document


def resolve(path_or_contents: str, overrides: Overrides) -> Kubeconfig:
    """The kubeconfig with the overrides applied. Raises KubeconfigError if no cluster results from it."""
    document = copy.deepcopy(parse(path_or_contents))
    name = overrides.context or document.get("current-context")
    context = _named(document, "contexts", name)
    if context is None:
        known = ", ".join(str(item.get("name")) for item in document.get("contexts") or []) or "none"
        raise KubeconfigError(f"the kubeconfig has no context {name!r} (contexts: {known})")
    document["current-context"] = name
    if overrides.cluster:
        context["cluster"] = overrides.cluster
    if overrides.namespace:
        context["namespace"] = overrides.namespace
    if _named(document, "clusters", context.get("cluster")) is None:
        raise KubeconfigError(f"the kubeconfig has no cluster {context.get('cluster')!r}")
    return Kubeconfig(
        document=document,
        context=str(name),
        namespace=context.get("namespace") or DEFAULT_NAMESPACE,
    )


def active_cluster(document: dict[str, Any], overrides: Overrides) -> dict[str, Any] | None:
    """The settings of the cluster in use, or None if the document leaves that open."""
    context = _named(document, "contexts", overrides.context or document.get("current-context"))
    if context is None:
        return None
    return _named(document, "clusters", overrides.cluster or context.get("cluster"))


def _read(path_or_contents: str) -> str:
    try:
        path = Path(path_or_contents).expanduser()
        return path.read_text() if path.is_file() else path_or_contents
    except (OSError, ValueError, RuntimeError):
        # Contents are too long or too odd for a path; a path that cannot be read is no YAML mapping either.
        return path_or_contents


def _named(document: dict[str, Any], section: str, name: object) -> dict[str, Any] | None:
    """The body of the entry of that name in a section: `contexts[].context`, `clusters[].cluster`."""
    for entry in document.get(section) or []:
        if entry.get("name") == name:
            body = entry.get(section.removesuffix("s"))
            return body if isinstance(body, dict) else None
    return None
