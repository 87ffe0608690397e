"""What the sandbox waits for, and writes whole."""

from pathlib import Path

import pytest

from sandbox.files import write_whole
from sandbox.waiting import until


def test_what_is_seen_at_last_is_told_whether_it_is_enough_or_not() -> None:
    seen = iter(range(5))
    assert until(lambda: next(seen), enough=lambda number: number == 3, seconds=10, every=0) == 3
    assert until(lambda: "still missing", enough=lambda why: not why, seconds=0, every=0) == "still missing"


def test_a_mistake_in_the_look_ends_the_wait() -> None:
    with pytest.raises(ZeroDivisionError):
        until(lambda: 1 // 0, seconds=60, every=0)


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\udc80")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "old")]
