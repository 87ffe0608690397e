"""What a certificate may be used for: the names of the official provider and what they stand for.

The names are those of terraform-provider-tls (internal/provider/common_cert.go); key usages are RFC 5280,
section 4.2.1.3, extended ones section 4.2.1.12 and their vendors'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KEY_USAGES: Final[Mapping[str, str]] = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
_EXTENDED_KEY_USAGES: Final[Mapping[str, x509.ObjectIdentifier]] = {
    "any_extended": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec_end_system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec_tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec_user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft_server_gated_crypto": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape_server_gated_crypto": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
    "microsoft_commercial_code_signing": x509.ObjectIdentifier("1.3.6.1.4.1.311.2.1.22"),
    "microsoft_kernel_code_signing": x509.ObjectIdentifier("1.3.6.1.4.1.311.61.1.1"),
}

NAMES: Final = tuple(sorted((*_KEY_USAGES, *_EXTENDED_KEY_USAGES)))


def key_usage(names: Iterable[str]) -> x509.KeyUsage | None:
    """The key usage among the names, if any. Raises ValueError for a combination that RFC 5280 rules out."""
    wanted = {_KEY_USAGES[name] for name in names if name in _KEY_USAGES}
    if not wanted:
        return None
    return x509.KeyUsage(**{usage: usage in wanted for usage in _KEY_USAGES.values()})


def extended_key_usage(names: Iterable[str]) -> x509.ExtendedKeyUsage | None:
    """The extended key usage among the names, in their order, if any."""
    wanted = [_EXTENDED_KEY_USAGES[name] for name in names if name in _EXTENDED_KEY_USAGES]
    return x509.ExtendedKeyUsage(wanted) if wanted else None
