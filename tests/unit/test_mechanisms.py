"""One mechanism each for starting a process, writing a file whole and waiting; a second one is a defect."""

import ast
from collections.abc import Iterator

import pytest

from tests.unit.configs import ROOT

MECHANISMS = {
    "subprocess": {
        "clusters/host/subprocesses.py",  # what a sandbox consists of, and the system's own commands
        "toolchain/process.py",  # everything else, as whoever asked for root
        "engine/run.py",  # Pulumi on the terminal, with signals handed on
        "plugins/language/program.py",  # the user's program, which is given its settings by a pipe
        "plugins/language/streaming.py",  # what the engine is shown line by line; a plugin loads no toolchain
    },
    "time.sleep": {
        "verify/karmada.py",  # shows that nothing happens for a while
    },
    "tempfile.NamedTemporaryFile": {
        "engine/recovery.py",  # is read by a command and goes with it
    },
    "tempfile.mkstemp": {"files.py"},
    "tenacity": {
        "waiting.py",
        "clusters/delivery.py",  # tries a command again that fails
        "linode/retrying.py",  # on the server's own loop
        "plugins/framework/waiting.py",  # tells the engine meanwhile, and is loaded only by who waits
    },
}


def used(tree: ast.Module) -> Iterator[str]:
    """The modules that are imported, and what is asked of modules."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (module, *(f"{module}.{alias.name}" for alias in names))
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                yield f"{owner}.{name}"


def only_for_types(tree: ast.Module) -> ast.Module:
    """The module without what it imports for its annotations alone."""
    tree.body = [one for one in tree.body if not (isinstance(one, ast.If) and "TYPE_CHECKING" in ast.unparse(one.test))]
    return tree


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_mechanism_is_used_where_it_is_wrapped_and_nowhere_else(mechanism: str) -> None:
    sandbox = ROOT / "sandbox"
    found = {
        str(file.relative_to(sandbox))
        for file in sandbox.rglob("*.py")
        if mechanism in set(used(only_for_types(ast.parse(file.read_text(encoding="utf-8")))))
    }
    assert found == MECHANISMS[mechanism]
