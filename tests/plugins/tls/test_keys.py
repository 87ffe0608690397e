"""Reading keys: each is examined once, and none that is not sound is ever taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.plugins.framework import ProviderError
from sandbox.plugins.tls import keys

if TYPE_CHECKING:
    from collections.abc import Callable

BITS = 1024


def plain(key: rsa.RSAPrivateKey) -> str:
    form, encoding = serialization.PrivateFormat.TraditionalOpenSSL, serialization.Encoding.PEM
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each key that is read from now on is examined."""
    seen: list[bool] = []
    load: Callable[..., Any] = serialization.load_pem_private_key

    def watched(pem: bytes, *, password: None, unsafe_skip_rsa_key_validation: bool) -> Any:
        seen.append(not unsafe_skip_rsa_key_validation)
        return load(pem, password=password, unsafe_skip_rsa_key_validation=unsafe_skip_rsa_key_validation)

    monkeypatch.setattr(serialization, "load_pem_private_key", watched)
    return seen


def test_a_key_from_elsewhere_is_examined_when_it_is_first_read(examined: list[bool]) -> None:
    pem = plain(rsa.generate_private_key(65537, BITS))
    first, second = (keys.parse(pem, source="key") for _ in range(2))
    assert keys.public_forms(first) == keys.public_forms(second)
    assert examined == [True, False]


def test_a_key_of_our_own_making_needs_no_examination(examined: list[bool]) -> None:
    forms = keys.private_forms(keys.generate("RSA", rsa_bits=BITS, curve=""))
    keys.parse(forms["privateKeyPem"], source="key")
    keys.parse(forms["privateKeyPemPkcs8"], source="key")
    assert examined == [False, False]


def test_a_key_that_is_not_sound_is_refused_every_time(examined: list[bool]) -> None:
    numbers = rsa.generate_private_key(65537, BITS).private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        p=numbers.p,
        q=numbers.q,
        d=numbers.d + 2,
        dmp1=numbers.dmp1,
        dmq1=numbers.dmq1,
        iqmp=numbers.iqmp,
        public_numbers=numbers.public_numbers,
    )
    pem = plain(wrong.private_key(unsafe_skip_rsa_key_validation=True))
    for _ in range(2):
        with pytest.raises(ProviderError, match="this is no private key"):
            keys.parse(pem, source="key")
    assert examined == [True, True]
