"""Private keys: making them, reading them, and the forms in which programs want them."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sandbox.plugins.framework import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework import Properties

Key: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

CURVES: Final[Mapping[str, ec.EllipticCurve]] = {
    "P224": ec.SECP224R1(),
    "P256": ec.SECP256R1(),
    "P384": ec.SECP384R1(),
    "P521": ec.SECP521R1(),
}
ALGORITHMS: Final = ("RSA", "ECDSA", "ED25519")

_PUBLIC_EXPONENT: Final = 65537
_PLAIN: Final = serialization.NoEncryption()
# Digests of the PEM texts of keys that this process has made or examined. To examine an RSA key takes as long as to
# make one, and an authority's is read for each certificate that it signs.
_SOUND: Final[set[bytes]] = set()


def generate(algorithm: str, *, rsa_bits: int, curve: str) -> Key:
    """A new key. `rsa_bits` counts for RSA only, `curve` for ECDSA only."""
    match algorithm:
        case "RSA":
            return rsa.generate_private_key(_PUBLIC_EXPONENT, rsa_bits)
        case "ECDSA":
            return ec.generate_private_key(CURVES[curve])
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def parse(pem: str, *, source: str) -> Key:
    """The key in a PEM text of any of the usual forms.

    Raises ProviderError that names the property `source` and never the text.
    """
    sound = _digest(pem) in _SOUND
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=sound)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ProviderError(f"{source}: this is no private key in PEM that can be read without a password") from error
    if not isinstance(key, Key):
        raise ProviderError(f"{source}: the key has to be of algorithm {', '.join(ALGORITHMS)}")
    _SOUND.add(_digest(pem))
    return key


def algorithm(key: Key) -> str:
    """The algorithm's name, as the official provider spells it."""
    match key:
        case rsa.RSAPrivateKey():
            return "RSA"
        case ec.EllipticCurvePrivateKey():
            return "ECDSA"
        case _:
            return "ED25519"


def signature_hash(key: Key) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """The hash to sign with, by the strength of the key, as Go's crypto/x509 chooses it."""
    match key:
        case ed25519.Ed25519PrivateKey():
            return None
        case ec.EllipticCurvePrivateKey(curve=ec.SECP384R1()):
            return hashes.SHA384()
        case ec.EllipticCurvePrivateKey(curve=ec.SECP521R1()):
            return hashes.SHA512()
        case _:
            return hashes.SHA256()


def private_forms(key: Key) -> Properties:
    """The private key as the official provider's outputs."""
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    pkcs8 = serialization.PrivateFormat.PKCS8
    # There is no older form of an Ed25519 key.
    first = pkcs8 if isinstance(key, ed25519.Ed25519PrivateKey) else traditional
    openssh = serialization.PrivateFormat.OpenSSH
    return {
        "privateKeyPem": _private(key, first),
        "privateKeyPemPkcs8": _private(key, pkcs8),
        "privateKeyOpenssh": _private(key, openssh) if _has_openssh_form(key) else "",
    }


def public_forms(key: Key) -> Properties:
    """The public key as the official provider's outputs. OpenSSH's are empty for P-224, which it lacks."""
    public = key.public_key()
    forms: Properties = {
        "publicKeyPem": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
        "publicKeyOpenssh": "",
        "publicKeyFingerprintMd5": "",
        "publicKeyFingerprintSha256": "",
    }
    if not _has_openssh_form(key):
        return forms
    openssh = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    # The old fingerprint form is MD5 by definition; nothing relies on its strength.
    md5 = serialization.ssh_key_fingerprint(public, hashes.MD5())  # noqa: S303
    sha256 = serialization.ssh_key_fingerprint(public, hashes.SHA256())
    return forms | {
        "publicKeyOpenssh": openssh.decode() + "\n",
        "publicKeyFingerprintMd5": md5.hex(":"),
        "publicKeyFingerprintSha256": "SHA256:" + base64.b64encode(sha256).decode().rstrip("="),
    }


def public_der(key: Key) -> bytes:
    """The public key's SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _private(key: Key, form: serialization.PrivateFormat) -> str:
    pem = key.private_bytes(serialization.Encoding.PEM, form, _PLAIN).decode()
    _SOUND.add(_digest(pem))
    return pem


def _digest(pem: str) -> bytes:
    return hashlib.sha256(pem.encode()).digest()


def _has_openssh_form(key: Key) -> bool:
    return not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1))
