"""Recipients of age: public keys to which files are encrypted (https://age-encryption.org/v1, BIP 173)."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

PRIVATE_KEY: Final = "private_key"
"""The type of the mistake whose value no message may show."""
_PREFIX: Final = "age"
_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_FORM: Final = re.compile(rf"{_PREFIX}1(?P<data>[{_ALPHABET}]{{58}})")
"""32 bytes of an X25519 key in 52 characters of 5 bits, and 6 of checksum."""
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def _recipient(value: str) -> str:
    if value.upper().startswith("AGE-SECRET-KEY-"):
        raise PydanticCustomError(
            PRIVATE_KEY,
            "is a private key, known to all who could read this file; make another one with age-keygen, keep it away "
            "from here, and write what it calls the public key",
        )
    found = _FORM.fullmatch(value)
    if found is None:
        raise ValueError("must be a recipient of age: the public key that age-keygen prints, age1 and 58 characters")
    if _checksum([*_expanded(_PREFIX), *map(_ALPHABET.index, found["data"])]) != 1:
        raise ValueError("has a character that is not the recipient's: its checksum is wrong; copy it again")
    return value


def _expanded(prefix: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]


def _checksum(values: list[int]) -> int:
    """BIP 173's polymod: 1 for what is whole."""
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for place, part in enumerate(_GENERATOR):
            check ^= part if top >> place & 1 else 0
    return check


Recipient = Annotated[str, AfterValidator(_recipient)]
