"""Opening what was encrypted to a recipient of age, with age itself (https://github.com/FiloSottile/age, from PATH).

age authenticates every 64 KiB of a file, and its end: what was cut short or changed does not open.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from operations.errors import OperationError

if TYPE_CHECKING:
    from pathlib import Path

STANDARD_INPUT: Final = "-"
_SECONDS: Final = 600
_NO_MATCH: Final = "no identity matched"
_DAMAGED: Final = ("failed to decrypt and authenticate", "unexpected EOF", "failed to read header")
_PREFIX: Final = "age: error: "


def unseal(sealed: Path, identity: str, file: Path) -> None:
    """Write what a sealed file holds, all of it or nothing.

    Args:
        sealed: the file.
        identity: the path of the file with the private key, or `-` for standard input.
        file: where to.

    Raises:
        OperationError: there is no identity, it is another recipient's, or the file is damaged.

    """
    # age reads an identity that is protected by a passphrase too, and asks for that at the terminal.
    command = [_age(), "--decrypt", "--identity", identity, "--output", str(file), str(sealed)]
    what = f"Cannot open {sealed.name}"
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, read by no shell
            command, stderr=subprocess.PIPE, text=True, check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        file.unlink(missing_ok=True)
        raise OperationError(what=what, why=f"no end after {_SECONDS} s", remedy="Run again") from error
    if done.returncode != 0:
        # age writes as it reads, so a damaged file leaves what came before the damage.
        file.unlink(missing_ok=True)
        raise OperationError(what=what, why=_why(done.stderr), remedy=_remedy(done.stderr, identity))


def _why(said: str) -> str:
    first = next((line.removeprefix(_PREFIX) for line in said.splitlines() if line.startswith(_PREFIX)), "")
    if _NO_MATCH in first:
        return "it was encrypted to another recipient than this identity's"
    if any(words in first for words in _DAMAGED):
        return f"it is cut short or damaged ({first})"
    return first or "age says nothing"


def _remedy(said: str, identity: str) -> str:
    if _NO_MATCH in said:
        return "Use the identity whose public key was karmada.backup.recipient when the backup was made"
    if any(words in said for words in _DAMAGED):
        return "Name an earlier backup with --backup"
    where = "standard input" if identity == STANDARD_INPUT else identity
    return f"Give the file that age-keygen wrote; {where} is none"


def _age() -> str:
    found = shutil.which("age")
    if found is None:
        raise OperationError(
            what="age is missing", why="it is not on the PATH", remedy="Install it (https://age-encryption.org)"
        )
    return found
