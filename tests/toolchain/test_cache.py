"""What the cache notices, what it repairs and what it never leaves behind."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.toolchain.cache import Cache, Entry, Made, default_cache_folder
from sandbox.toolchain.errors import CacheUnusableError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def stored(cache: Cache, key: str = "a-key", content: bytes = b"built") -> Entry:
    entry = cache.entry("tool", key)
    with cache.workspace() as workspace:
        file = workspace / "tool"
        file.write_bytes(content)
        entry.store(Made(file=file, version="v1.0.0", go="1.99.0", build_seconds=1.5))
    return entry


def test_what_was_stored_is_executable_and_intact(cache: Cache) -> None:
    entry = stored(cache)
    assert entry.intact()
    assert entry.verified()
    assert os.access(entry.executable, os.X_OK)
    assert entry.executable.read_bytes() == b"built"


def test_an_entry_that_was_never_stored_is_not_intact(cache: Cache) -> None:
    assert not cache.entry("tool", "a-key").intact()
    assert not cache.entry("tool", "a-key").verified()


def test_a_truncated_executable_is_noticed_without_reading_it(cache: Cache) -> None:
    entry = stored(cache)
    entry.executable.write_bytes(b"bui")
    assert not entry.intact()


def test_a_changed_executable_of_the_same_size_is_noticed_by_its_time(cache: Cache) -> None:
    entry = stored(cache)
    entry.executable.write_bytes(b"tliub")
    os.utime(entry.executable, ns=(0, 0))
    assert not entry.intact()


def test_damage_that_left_size_and_time_alone_is_found_by_verifying(cache: Cache) -> None:
    entry = stored(cache)
    status = entry.executable.stat()
    entry.executable.write_bytes(b"tliub")
    os.utime(entry.executable, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert entry.intact(), "the cheap check reads no content"
    assert not entry.verified()


def test_a_touched_executable_is_hashed_once_and_trusted_again(cache: Cache) -> None:
    entry = stored(cache)
    os.utime(entry.executable, ns=(0, 0))
    assert entry.intact()
    record = entry.record()
    assert record is not None
    assert record.modified == 0


def test_a_record_that_root_mends_stays_the_owners(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, given = stored(cache), list[str]()
    monkeypatch.setattr("sandbox.toolchain.cache.give", lambda path: given.append(path.parent.name))
    os.utime(entry.executable, ns=(0, 0))
    assert entry.intact()
    assert given == ["a-key"]


def test_a_lost_executable_bit_is_mended(cache: Cache) -> None:
    entry = stored(cache)
    entry.executable.chmod(0o644)
    assert entry.intact()
    assert entry.executable.stat().st_mode & 0o111


@pytest.mark.parametrize("record", ["", "{", "[]", '{"version": "v1.0.0"}'])
def test_an_unreadable_record_makes_the_entry_count_as_missing(cache: Cache, record: str) -> None:
    entry = stored(cache)
    (entry.folder / "record.json").write_text(record)
    assert not entry.intact()
    assert not entry.verified()


def test_an_executable_without_its_record_counts_as_missing(cache: Cache) -> None:
    entry = stored(cache)
    (entry.folder / "record.json").unlink()
    assert not entry.intact(), "a build that died between the two must be repeated"


def test_unfinished_work_is_gone_after_any_failure(cache: Cache) -> None:
    def interrupted() -> None:
        with cache.workspace() as workspace:
            (workspace / "half").write_bytes(b"ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(cache.folder.glob("tmp/*")) == []


def test_pruning_keeps_what_it_is_told_to_keep_and_frees_the_rest(cache: Cache) -> None:
    kept, old = stored(cache, "new"), stored(cache, "old", content=b"x" * 1000)
    assert cache.prune([kept]) >= 1000
    assert kept.intact()
    assert not old.folder.exists()


def test_pruning_leaves_alone_what_is_being_built(cache: Cache) -> None:
    old = stored(cache, "old")
    with Cache(cache.folder).lock("tool"):
        assert cache.prune([]) == 0
    assert old.intact()


def test_pruning_removes_the_remains_of_killed_builds_but_not_running_ones(cache: Cache) -> None:
    for name, age_seconds in (("killed", 2 * 24 * 3600.0), ("running", 60.0)):
        folder = cache.folder / "tmp" / name
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - age_seconds,) * 2)
    cache.prune([])
    assert [folder.name for folder in cache.folder.glob("tmp/*")] == ["running"]


def test_a_cache_in_the_place_of_a_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    cache = Cache(tmp_path / "cache")
    with pytest.raises(CacheUnusableError, match=r"cannot be used: .*XDG_CACHE_HOME"):
        cache.lock("tool")
    with pytest.raises(CacheUnusableError), cache.workspace():
        pass


def test_the_cache_is_where_the_xdg_specification_puts_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FLEET_CACHE_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / "fleet"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/invalid")
    assert default_cache_folder() == tmp_path / ".cache" / "fleet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_folder() == tmp_path / ".cache" / "fleet"
    monkeypatch.setenv("FLEET_CACHE_HOME", str(tmp_path / "named"))
    assert default_cache_folder() == tmp_path / "named", "what is named outright goes before"
