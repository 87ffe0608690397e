"""No circle of imports: what two modules both need is in a third one below them."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.unit.configs import ROOT

PACKAGES = ("bench", "docs", "fleet", "operations", "plan", "policies", "review", "sandbox", "tests")


def name(file: Path) -> str:
    """The module that a file is."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(body: list[ast.stmt]) -> Iterator[str]:
    """What is imported outside of functions: at run time, or by `if TYPE_CHECKING` for types alone."""
    for statement in body:
        match statement:
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from (f"{module}.{alias.name}" for alias in names)
                yield module
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.If(body=inner, orelse=other):
                yield from imported([*inner, *other])


def test_no_modules_import_each_other_in_a_circle() -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py") if ".venv" not in file.parts]
    modules = {name(file): file for file in files}
    graph = {}
    for module, file in modules.items():
        needed = set(imported(ast.parse(file.read_text(encoding="utf-8")).body)) & modules.keys()
        # `from package import module` needs the module; what else a package has in its __init__ is needed by name.
        graph[module] = {
            one
            for one in needed - {module}
            if not (modules[one].name == "__init__.py" and module.startswith(f"{one}."))
        }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(f"put what they share into a module below them: {' -> '.join(error.args[1])}") from None
