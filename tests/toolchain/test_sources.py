"""The files of modules, by real Go."""

from __future__ import annotations

import pytest

from sandbox.toolchain.errors import ModuleUnavailableError
from sandbox.toolchain.sources import module_folder
from sandbox.toolchain.tools import TOOLS

pytestmark = pytest.mark.engine


def test_a_modules_files_have_the_version_of_the_lock() -> None:
    folder = module_folder("kubernetes", "go.etcd.io/etcd/server/v3")
    assert folder.name.endswith(f"@{TOOLS['etcd'].version}")
    assert (folder / "main.go").is_file()


def test_a_module_that_is_not_in_the_lock_is_refused_by_its_name() -> None:
    with pytest.raises(ModuleUnavailableError, match=r"example\.test/nothing"):
        module_folder("kubernetes", "example.test/nothing")
