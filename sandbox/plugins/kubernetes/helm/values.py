"""A release's values: the program's own, over those of its value files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.plugins.framework import (
    UNKNOWN,
    Asset,
    ProviderError,
    Secret,
    has_secret,
    has_unknown,
    reveal,
    secret,
)

if TYPE_CHECKING:
    from sandbox.plugins.framework import Properties


def merged(inputs: Properties) -> Any:
    """The values with the files' content below them, secret where either is.

    Raises ProviderError for a file that cannot be read or is no YAML mapping.
    """
    given = inputs.get("values") or {}
    files = inputs.get("valueYamlFiles") or []
    if has_unknown(files):
        return UNKNOWN
    base: dict[str, Any] = {}
    for asset in reveal(files):
        base = overlay(base, _content(asset))
    values = overlay(base, reveal(given)) if isinstance(reveal(given), dict) else given
    marked = annotated(values, given)
    return secret(marked) if has_secret(files) or isinstance(given, Secret) else marked


def annotated(target: Any, source: Any) -> Any:
    """The target, secret where the official provider marks it after the source (annotateSecrets in its provider.go).

    A list with a secret in it is secret as a whole. A mapping of the kind Secret is taken for a Kubernetes one: what is
    secret in it and not in its data is in plain text from here on.
    """
    if not (isinstance(target, dict) and isinstance(source, dict)):
        return secret(target) if has_secret(source) else target
    if target.get("kind") == "Secret":
        return {key: secret(item) if key in ("data", "stringData") else item for key, item in target.items()}
    return {key: annotated(item, source[key]) if key in source else item for key, item in target.items()}


def overlay(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    """Two sets of values as Helm merges them: mappings key by key, anything else replaced."""
    result = dict(base)
    for key, value in top.items():
        below = result.get(key)
        result[key] = overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _content(asset: Any) -> dict[str, Any]:
    import yaml

    if not isinstance(asset, Asset):
        raise ProviderError("valueYamlFiles: text and file assets alone can be used here")
    try:
        text = asset.text if asset.text is not None else Path(asset.path or "").read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except OSError as error:
        raise ProviderError(f"valueYamlFiles: {asset.path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError:
        raise ProviderError(f"valueYamlFiles: {asset.path or 'a text asset'} is no valid YAML") from None
    if content is not None and not isinstance(content, dict):
        raise ProviderError(f"valueYamlFiles: {asset.path or 'a text asset'} is no YAML mapping")
    return content or {}
