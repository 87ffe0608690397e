"""Reading a go.mod as a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from sandbox.toolchain.modfile import ModFile

if TYPE_CHECKING:
    from pathlib import Path

GO_MOD = """module example.test/tools

go 1.26.8

tool example.test/a/cmd/one

require example.test/single v0.1.0

require (
\texample.test/a v1.2.3 // indirect
\texample.test/a/nested v4.5.6 // indirect
\texample.test/old v2.0.0+incompatible // indirect
\texample.test/unreleased v0.0.0-20260827124520-eed52ebb66ad // indirect
)

replace (
\texample.test/replaced => example.test/replaced v9.9.9
)
"""


@pytest.fixture
def lock(tmp_path: Path) -> ModFile:
    (tmp_path / "go.mod").write_text(GO_MOD)
    (tmp_path / "go.sum").write_text("sums\n")
    return ModFile.read(tmp_path)


def test_the_go_directive_is_the_oldest_go_that_may_build(lock: ModFile) -> None:
    assert lock.go == Version("1.26.8")


def test_requirements_are_read_in_each_form_that_go_writes(lock: ModFile) -> None:
    assert lock.requirements == {
        "example.test/single": "v0.1.0",
        "example.test/a": "v1.2.3",
        "example.test/a/nested": "v4.5.6",
        "example.test/old": "v2.0.0+incompatible",
        "example.test/unreleased": "v0.0.0-20260827124520-eed52ebb66ad",
    }


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("example.test/a/cmd/one", "v1.2.3"),
        ("example.test/a", "v1.2.3"),
        ("example.test/a/nested/cmd/two", "v4.5.6"),
    ],
)
def test_a_package_has_the_version_of_the_innermost_module_around_it(lock: ModFile, package: str, version: str) -> None:
    assert lock.version_of(package) == version


def test_a_package_of_no_required_module_is_refused_by_name(lock: ModFile) -> None:
    with pytest.raises(LookupError, match=r"example\.test/ab"):
        lock.version_of("example.test/ab")


def test_a_module_file_without_a_go_directive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.test/tools\n")
    (tmp_path / "go.sum").write_text("")
    with pytest.raises(LookupError, match="no go directive"):
        _ = ModFile.read(tmp_path).go


@pytest.mark.parametrize("name", ["go.mod", "go.sum"])
def test_the_digest_changes_with_each_of_the_two_files(lock: ModFile, name: str) -> None:
    (lock.folder / name).write_text((lock.folder / name).read_text() + "\n")
    assert ModFile.read(lock.folder).digest != lock.digest


def test_a_main_of_ours_beside_the_lock_is_a_part_of_what_is_built(lock: ModFile) -> None:
    (lock.folder / "main.go").write_text("package main\n")
    with_main = ModFile.read(lock.folder).digest
    assert with_main != lock.digest
    (lock.folder / "main.go").write_text("package other\n")
    assert ModFile.read(lock.folder).digest != with_main
