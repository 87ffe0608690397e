"""Whom Karmada's API server trusts where it calls Karmada's own webhooks and aggregated API.

That is written in etcd, so a snapshot from before a renewal of Karmada's authority has the earlier one.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from kubernetes.client import CustomObjectsApi

from fleet.naming import KARMADA_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubernetes.client import ApiClient

_WEBHOOK: Final = f"https://karmada-webhook.{KARMADA_NAMESPACE}.svc"
_JSON_PATCH: Final = "application/json-patch+json"
_AGGREGATED: Final = "karmada-aggregated-apiserver"
_KINDS: Final = (
    ("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "v1", "apiservices"),
)
"""What has a caBundle in the chart (_karmada_webhook_configuration, _patch_webhook_in_*, _karmada_apiservice)."""


def trust(api: ApiClient, authority: bytes) -> int:
    """Write an authority, PEM, wherever Karmada has one for its own servers; how many objects had another.

    Raises:
        ApiException: Karmada refuses.

    """
    objects, bundle, changed = CustomObjectsApi(api), base64.b64encode(authority).decode(), 0
    for kind in _KINDS:
        found: Any = objects.list_cluster_custom_object(*kind, _request_timeout=30)
        for item in found["items"]:
            patch = [
                {"op": "add", "path": f"{path}/caBundle", "value": bundle}
                for path, config in _own(item)
                if config.get("caBundle") != bundle
            ]
            if patch:
                objects.patch_cluster_custom_object(
                    *kind, item["metadata"]["name"], patch, _content_type=_JSON_PATCH, _request_timeout=30
                )
                changed += 1
    return changed


def _own(item: Any) -> Iterator[tuple[str, Any]]:
    """What leads to Karmada's own servers in an object of these kinds, each with its place in it."""
    for index, webhook in enumerate(item.get("webhooks") or ()):
        if _is_webhook(webhook["clientConfig"]):
            yield f"/webhooks/{index}/clientConfig", webhook["clientConfig"]
    spec = item.get("spec") or {}
    conversion = ((spec.get("conversion") or {}).get("webhook") or {}).get("clientConfig")
    if conversion and _is_webhook(conversion):
        yield "/spec/conversion/webhook/clientConfig", conversion
    if (spec.get("service") or {}).get("name") == _AGGREGATED and spec.get("caBundle"):
        yield "/spec", spec


def _is_webhook(config: Any) -> bool:
    return str(config.get("url", "")).startswith(_WEBHOOK)
