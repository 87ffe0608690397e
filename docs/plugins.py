"""The table in docs/plugins.md: ``python -m docs.plugins`` puts it there.

The rows are the types that the checked-in stacks really register and that a stand-in serves, each asked of it: a type
without one would raise here.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sandbox.plugins.framework import Provider, ResourceType
from sandbox.plugins.framework.schema import force_new_paths
from sandbox.plugins.framework.schema_resource import SchemaResource
from sandbox.plugins.linode.provider import LinodeProvider
from sandbox.plugins.random import RandomProvider
from sandbox.plugins.tls import TlsProvider
from tests.unit.configs import ROOT, stack
from tests.unit.graph import build

PAGE: Final = ROOT / "docs" / "plugins.md"
BEGIN: Final = "<!-- table: made by `python -m docs.plugins` -->\n"
END: Final = "<!-- end of table -->"

_STACKS: Final = ("dev", "prod", "sandbox")
_NO_STAND_IN: Final = ("fleet:", "pulumi:", "kubernetes:")
_HEAD: Final = ("resource type", "replaced when these change", "secret outputs")


def used_types() -> set[str]:
    """Every type that a stand-in serves in the checked-in stacks."""
    nodes = [node for name in _STACKS for node in build(stack(name)).nodes.values()]
    return {node.type for node in nodes if not node.type.startswith(_NO_STAND_IN)}


def providers() -> dict[str, Provider]:
    """The stand-ins by package."""
    found: tuple[Provider, ...] = (
        LinodeProvider("0"),
        RandomProvider("0"),
        TlsProvider("0"),
    )
    return {provider.name: provider for provider in found}


def table() -> str:
    """The types in use by plugin, and the functions."""
    lines = [_row(*_HEAD), _row(*("---" for _ in _HEAD))]
    served = providers()
    for token in sorted(used_types()):
        resource = served[token.split(":", 1)[0]].resource_type(token)
        lines.append(_row(f"`{token}`", *_facts(resource)))
    functions = sorted(token for provider in served.values() for token in provider.functions)
    lines += ["", "Functions: " + ", ".join(f"`{token}`" for token in functions) + "."]
    return "\n".join(lines) + "\n"


def page_with(text: str, drawn: str) -> str:
    """The page's text with the table between its marks."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + drawn + END + tail


def main(page: Path = PAGE) -> None:
    """Put the table into the page."""
    page.write_text(page_with(page.read_text(encoding="utf-8"), table()), encoding="utf-8")


def _facts(resource: ResourceType) -> tuple[str, str]:
    if not isinstance(resource, SchemaResource):
        raise TypeError(f"{resource} has no table of properties")
    secrets = [name for name, prop in resource.schema.items() if prop.secret]
    return _names(force_new_paths(resource.schema)), _names(secrets)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
