"""Every private key and token of a run, and the places where none of them may be read."""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from fleet.karmada.encryption import KEY_PREFIX, derived

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.+?)-----END", re.DOTALL)
# A JSON Web Token, as service accounts have: three parts of base64url (RFC 7519).
_TOKEN: Final = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}")
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_PAUSE_SECONDS: Final = 0.02
_PART: Final = 40
"""Characters that are enough to know a secret again."""


def secrets_in(state: Any) -> dict[str, str]:
    """What to look for, by what it is: a part of every private key and token in a state with secrets in the clear.

    Keys are looked for as PEM and in base64, as kubeconfigs and Kubernetes' Secrets have them.
    """
    texts = [text for leaf in _leaves(state) for text in _decoded(leaf)]
    found: dict[str, str] = {}
    for text in texts:
        for match in _KEY.finditer(text):
            name = f"key {match[1][100:108]!r}"
            found[name] = _telling(match[1].splitlines())
            # Whole groups of three bytes, so that what follows the key has no say in them.
            text_of_key = text[match.start() : match.start(1) + len(match[1]) // 3 * 3]
            start = len(text_of_key) % 3
            encoded = base64.b64encode(text_of_key[: len(text_of_key) - start].encode()).decode()
            found[f"{name} in base64"] = encoded[-80:-_PART]
        for token in _TOKEN.findall(text):
            # The header is the same for all tokens; the signature is one's own.
            signature = token.rpartition(".")[2]
            found[f"token {signature[:6]}"] = signature[:_PART]
    return found


_PEM: Final = "privateKeyPem"
_MADE: Final = {
    "tls:index/privateKey:PrivateKey": _PEM,
    "random:index/randomBytes:RandomBytes": "base64",
    "linode:index/objectStorageKey:ObjectStorageKey": "secretKey",
}


def made_in(state: Any) -> dict[str, str]:
    """What is secret and has no form of its own: keys of encryption and of buckets, by resource."""
    made = {
        resource["urn"].rpartition("::")[2]: (output, json.loads(resource["outputs"][output]["plaintext"]))
        for resource in state["deployment"]["resources"]
        if (output := _MADE.get(resource["type"]))
    }
    keys = {name: derived(value) for name, (output, value) in made.items() if output == _PEM and KEY_PREFIX in name}
    found = {f"{output} of {name}": value for name, (output, value) in made.items() if output != _PEM}
    return found | {f"key of {name}": value for name, value in keys.items()}


def _telling(lines: list[str]) -> str:
    """A part of a key that no certificate has: keys begin with what is public (PKCS #1), but short ones (SEC 1)."""
    return lines[-3][:_PART] if len(lines) > 6 else lines[0][12 : 12 + _PART]


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from _leaves(below)
    elif isinstance(value, list):
        for below in value:
            yield from _leaves(below)


def _decoded(text: str, depth: int = 4) -> Iterator[str]:
    """A text, what is JSON or base64 in it, and what is in that."""
    yield text
    if depth == 0:
        return
    if text.startswith(('"', "{", "[")):
        try:
            for leaf in _leaves(json.loads(text)):
                yield from _decoded(leaf, depth - 1)
        except json.JSONDecodeError:
            pass
    for encoded in _ENCODED.findall(text):
        try:
            plain = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        yield from _decoded(plain, depth - 1)


def in_base64(text: str) -> str:
    """What base64 makes of a text, whatever follows it there: whole groups of three bytes."""
    return base64.b64encode(text.encode()[: len(text.encode()) // 3 * 3]).decode()


def readable(secrets: Mapping[str, str], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Which secrets can be read in which places."""
    return [
        f"{what} in {place}" for place, content in places for what, part in secrets.items() if part.encode() in content
    ]


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, with its content."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()


class CommandLines:
    """Watches the arguments of every process on the machine, for as long as the context is open."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="command lines", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _watch(self) -> None:
        looks: dict[str, int] = {}
        while not self._ending.wait(_PAUSE_SECONDS):
            alive = [path.name for path in Path("/proc").iterdir() if path.name.isdecimal()]
            # A process shows its starter's arguments until it runs its own program: look again for a while.
            for pid in (pid for pid in alive if looks.get(pid, 0) < 10):
                looks[pid] = looks.get(pid, 0) + 1
                try:
                    self.seen.add(Path("/proc", pid, "cmdline").read_bytes())
                except OSError:
                    continue
            looks = {pid: looks[pid] for pid in alive}
