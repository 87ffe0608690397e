"""The program of another commit: which one, its files in a folder, and the Python that it was locked with."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Final

from sandbox.engine import Project
from sandbox.engine.project import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MAINS: Final = ("origin/main", "main")
_LOCK: Final = "requirements.txt"
_GIT_SECONDS: Final = 60.0
_INSTALL_SECONDS: Final = 600.0


class CommitError(Exception):
    """There is no such commit; the message says what to do."""


def commit(named: str | None, checkout: Path = CHECKOUT) -> str:
    """The id of a commit that somebody names; without a name, of the one that the checkout's change began with.

    That is where its branch left `origin/main`, or `main` where there is no such remote. On main itself it is the one
    before the last.

    Raises:
        CommitError: there is none.

    """
    if named:
        return _git(checkout, "rev-parse", "--verify", f"{named}^{{commit}}").strip()
    head = _git(checkout, "rev-parse", "HEAD").strip()
    for main in _MAINS:
        try:
            base = _git(checkout, "merge-base", "HEAD", main).strip()
        except CommitError:
            continue
        if base != head:
            return base
        break
    return commit("HEAD~1", checkout)


def told(commit_id: str, checkout: Path = CHECKOUT) -> str:
    """A commit in one line, for people."""
    return _git(checkout, "show", "--no-patch", "--format=%h (%s)", commit_id).strip()


def export(commit_id: str, folder: Path, checkout: Path = CHECKOUT) -> Path:
    """Write a commit's files into a new folder, which nothing in the checkout knows of.

    Raises:
        CommitError: there is no such commit.

    """
    files = _run(checkout, "archive", "--format=tar", commit_id)
    with tarfile.open(fileobj=io.BytesIO(files)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def equip(program: Path, *, say: Callable[[str], None], checkout: Path = CHECKOUT) -> None:
    """Give a program and its policy packs the Python packages that they were locked with.

    Where these are the checkout's, its environments serve both; others are made in the program's own folder.
    """
    for project in (program, *Project(folder=program).policy_packs):
        ours = checkout / project.relative_to(program)
        place = project / ".venv"
        if _lock(ours) == _lock(project):
            place.symlink_to(ours / ".venv")
            continue
        say(f"installing what {project.relative_to(program) / _LOCK} had locked")
        uv = [sys.executable, "-m", "uv"]
        python = str(place / "bin" / "python")
        _install([*uv, "venv", "--quiet", "--python", sys.executable, str(place)])
        _install([*uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(project / _LOCK)])


def _lock(project: Path) -> bytes | None:
    file = project / _LOCK
    return file.read_bytes() if file.exists() else None


def _install(line: list[str]) -> None:
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
    assert done.returncode == 0, f"{' '.join(line)}: {done.stderr}"


def _git(checkout: Path, *arguments: str) -> str:
    return _run(checkout, *arguments).decode()


def _run(checkout: Path, *arguments: str) -> bytes:
    line = ["git", "-C", str(checkout), *arguments]
    done = subprocess.run(line, capture_output=True, check=False, timeout=_GIT_SECONDS)
    if done.returncode != 0:
        why = done.stderr.decode().strip()
        raise CommitError(f"`git {' '.join(arguments)}` failed: {why}; name a commit that is here: FROM=COMMIT")
    return done.stdout
