"""A small document store over SQLite: typed records by id, changed only inside transactions.

Every write of a request commits at once or not at all, and a kill between two of them loses nothing: SQLite's journal
does what hand-written files could not (decision 0040). All access is from the server's one event loop, and a
transaction never awaits, so two requests cannot interleave.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from sandbox.errors import SandboxError
from sandbox.linode.state.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

R = TypeVar("R", bound=Record)

_VERSION = 2
"""Of the format: the tables below and the records in them."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL,
    id INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequences (kind TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
"""


class StateError(Exception):
    """A change that could not be kept."""


class Transaction:
    """Reads and writes that take effect together."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, kind: type[R], record_id: int) -> R | None:
        """The record of that id, if there is one."""
        row = self._connection.execute(
            "SELECT body FROM records WHERE kind = ? AND id = ?", (kind.__name__, record_id)
        ).fetchone()
        return None if row is None else kind.model_validate_json(row[0])

    def all(self, kind: type[R]) -> list[R]:
        """Every record of a kind, by id."""
        rows = self._connection.execute("SELECT body FROM records WHERE kind = ? ORDER BY id", (kind.__name__,))
        return [kind.model_validate_json(body) for (body,) in rows]

    def put(self, record: Record) -> None:
        """Keep a record, in place of one with its id."""
        self._connection.execute(
            "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (type(record).__name__, record.id, record.model_dump_json()),
        )

    def delete(self, record: Record) -> None:
        """Forget a record."""
        self._connection.execute("DELETE FROM records WHERE kind = ? AND id = ?", (type(record).__name__, record.id))

    def next_id(self, kind: type[Record], *, first: int = 1) -> int:
        """An id that no record of that kind ever had; the very first is `first`."""
        (last,) = self._connection.execute(
            "INSERT INTO sequences VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET last = last + 1 RETURNING last",
            (kind.__name__, first),
        ).fetchone()
        return int(last)


class Store:
    """The emulator's state."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the state, making it if it is new.

        Args:
            path: the file; None keeps everything in memory.

        Raises:
            SandboxError: the file is no state, cannot be written, or its disk is full.

        """
        try:
            self._connection = _open(path)
        except sqlite3.Error as error:
            raise SandboxError(
                what=f"Cannot keep the emulated Linode account in {path}",
                why=str(error),
                remedy="Make room for it or, if it can go, remove the file",
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Changes that commit when the block ends, and are undone when it raises.

        Raises StateError if they could not be kept, since the disk is full for example; nothing has changed.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield Transaction(self._connection)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            raise StateError(f"The account could not be kept: {error}") from error
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        # SQLite has undone everything by itself where the disk is full.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._connection.close()


def _open(path: Path | None) -> sqlite3.Connection:
    # One thread serves all requests, but it is not the one that makes the store.
    connection = sqlite3.connect(":memory:" if path is None else path, isolation_level=None, check_same_thread=False)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"it was made by another release (format {version}, not {_VERSION})")
        # A write-ahead log survives a killed process with no sync at each commit.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
