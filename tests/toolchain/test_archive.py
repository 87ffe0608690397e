"""Built tools on their way to another machine: by key and hash, or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.toolchain import archive, resolver
from sandbox.toolchain.cache import Cache
from sandbox.toolchain.errors import ArchiveError
from sandbox.toolchain.resolver import Source, Toolchain
from sandbox.toolchain.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.toolchain.conftest import Bench

NAMES = ("etcd", "helm", "pulumi")


@pytest.fixture
def exported(bench: Bench, tmp_path: Path) -> Path:
    """Three tools that were built on one machine."""
    for name in NAMES:
        bench.runner.content = f"this is {name}".encode()
        bench.toolchain.path(name)
    file = tmp_path / "tools.tar.gz"
    bench.toolchain.export(file, [TOOLS[name] for name in NAMES])
    return file


@pytest.fixture
def elsewhere(bench: Bench, tmp_path: Path) -> Toolchain:
    """Another machine, which has nothing: no Go either."""
    (bench.path / "go").unlink(missing_ok=True)
    return Toolchain(cache=Cache(tmp_path / "elsewhere"), runner=bench.runner, reporter=bench.reporter)


def everything(cache: Cache) -> list[Path]:
    return [path for path in cache.folder.rglob("*") if path.is_file() and "locks" not in path.parts]


def rewritten(file: Path, change: Callable[[dict[str, bytes]], Any]) -> Path:
    """The same archive after a change of its members, in their order."""
    with tarfile.open(file) as packed:
        members = {member.name: packed.extractfile(member).read() for member in packed}  # type: ignore[union-attr]
    change(members)
    with tarfile.open(file, "w:gz") as packed:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return file


def changed_manifest(members: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(members["manifest.json"]) | changes
    members["manifest.json"] = json.dumps(manifest).encode()
    return manifest


def refused(elsewhere: Toolchain, file: Path) -> str:
    with pytest.raises(ArchiveError) as error:
        elsewhere.take(str(file))
    assert everything(elsewhere.cache) == [], "what is refused changes nothing"
    return str(error.value)


def test_what_one_machine_built_another_uses_without_any_go(exported: Path, elsewhere: Toolchain) -> None:
    assert set(elsewhere.take(str(exported))) == set(NAMES)
    for name in NAMES:
        standing = elsewhere.standing(TOOLS[name])
        assert standing.source is Source.CACHE
        assert standing.path is not None
        assert standing.path.read_text() == f"this is {name}"
        assert standing.path.stat().st_mode & 0o111


@pytest.fixture
def served(exported: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(exported.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_address_serves_as_a_file_does(
    served: str, exported: Path, elsewhere: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert set(elsewhere.take(f"{served}/{exported.name}")) == set(NAMES)
    with pytest.raises(ArchiveError, match=r"nothing\.tar\.gz cannot be read or written: File not found"):
        elsewhere.take(f"{served}/nothing.tar.gz")


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_an_archive_that_ends_in_the_middle_is_refused(exported: Path, elsewhere: Toolchain, part: float) -> None:
    whole = exported.read_bytes()
    exported.write_bytes(whole[: int(len(whole) * part)])
    said = refused(elsewhere, exported)
    assert "damaged" in said or "of no use" in said


def test_a_tool_with_another_content_is_refused(exported: Path, elsewhere: Toolchain) -> None:
    def spoil(members: dict[str, bytes]) -> None:
        name = next(name for name in members if "/helm/" in name)
        members[name] = members[name].replace(b"this", b"THIS")

    assert "helm has another SHA-256" in refused(elsewhere, rewritten(exported, spoil))


def test_a_tool_that_the_manifest_has_and_the_archive_has_not_is_told(exported: Path, elsewhere: Toolchain) -> None:
    def lose(members: dict[str, bytes]) -> None:
        del members[next(name for name in members if "/pulumi/" in name)]

    assert "pulumi of its manifest is not there" in refused(elsewhere, rewritten(exported, lose))


def test_an_archive_of_another_processor_is_refused(exported: Path, elsewhere: Toolchain) -> None:
    other = rewritten(exported, lambda members: changed_manifest(members, processor="riscv64"))
    assert "made for Linux riscv64, and this is " in refused(elsewhere, other)


def test_an_archive_of_a_commit_with_other_tools_is_refused(
    exported: Path, elsewhere: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "pinned_go", lambda: "1.99.1")
    assert "no tool in a version that this checkout uses" in refused(elsewhere, exported)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"x" * 10_000])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, elsewhere: Toolchain, content: bytes) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    refused(elsewhere, file)


def test_an_archive_of_other_things_is_refused(tmp_path: Path, elsewhere: Toolchain) -> None:
    file = tmp_path / "other.tar.gz"
    with tarfile.open(file, "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("readme.md"))
    assert "does not begin with a manifest" in refused(elsewhere, file)


def test_a_manifest_of_another_form_is_refused(exported: Path, elsewhere: Toolchain) -> None:
    newer = rewritten(exported, lambda members: changed_manifest(members, format=2))
    assert "its manifest is of another form" in refused(elsewhere, newer)


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "tools/../../escaped"])
def test_no_name_in_an_archive_leads_out_of_the_cache(
    exported: Path, elsewhere: Toolchain, tmp_path: Path, name: str
) -> None:
    def add(members: dict[str, bytes]) -> None:
        manifest = changed_manifest(members)
        content = b"evil"
        evil = manifest["tools"][0] | {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": 4}
        changed_manifest(members, tools=[*manifest["tools"], evil])
        members[name] = members[f"tools/{name}/{evil['key']}"] = content

    assert set(elsewhere.take(str(rewritten(exported, add)))) == set(NAMES)
    assert not list(tmp_path.rglob("*escaped*"))


def test_a_manifest_that_names_a_tool_twice_is_refused(exported: Path, elsewhere: Toolchain) -> None:
    def repeat(members: dict[str, bytes]) -> None:
        manifest = changed_manifest(members)
        changed_manifest(members, tools=[*manifest["tools"], manifest["tools"][0] | {"sha256": "0" * 64}])

    assert "names a tool twice" in refused(elsewhere, rewritten(exported, repeat))


def test_a_link_in_place_of_a_tool_is_refused(exported: Path, elsewhere: Toolchain) -> None:
    with tarfile.open(exported) as packed:
        members = [(member, packed.extractfile(member).read()) for member in packed]  # type: ignore[union-attr]
    with tarfile.open(exported, "w:gz") as packed:
        for member, content in members:
            if "/etcd/" in member.name:
                member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0
            packed.addfile(member, io.BytesIO(content))
    assert "etcd is not as its manifest says" in refused(elsewhere, exported)


def test_what_is_not_built_is_not_exported(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"helm cannot be exported: it is not built.*--build"):
        bench.toolchain.export(tmp_path / "tools.tar.gz", [TOOLS["helm"]])
    assert not (tmp_path / "tools.tar.gz").exists()


def test_a_damaged_tool_is_not_exported(bench: Bench, tmp_path: Path) -> None:
    bench.toolchain.path("helm").write_bytes(b"AN EXECUTABLE")
    with pytest.raises(ArchiveError, match="helm cannot be exported: it is damaged"):
        bench.toolchain.export(tmp_path / "tools.tar.gz", [TOOLS["helm"]])


def test_what_is_there_and_intact_stays(exported: Path, elsewhere: Toolchain) -> None:
    elsewhere.take(str(exported))
    before = {path: path.stat().st_ino for path in everything(elsewhere.cache)}
    elsewhere.take(str(exported))
    assert {path: path.stat().st_ino for path in everything(elsewhere.cache)} == before


def test_an_archive_is_for_the_machine_that_it_says() -> None:
    system, processor = archive.machine()
    assert (system, bool(processor)) == ("Linux", True)
