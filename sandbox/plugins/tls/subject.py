"""Whom a certificate is for: the distinguished name and the alternative names."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from sandbox.plugins.framework import ProviderError
from sandbox.plugins.framework.schema import Kind, Property

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.plugins.framework import Properties
    from sandbox.plugins.framework.schema import Schema

# In the order in which Go's crypto/x509/pkix writes them; the email address comes last.
_NAMES: Final[Mapping[str, x509.ObjectIdentifier]] = {
    "country": NameOID.COUNTRY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}


def _strings() -> Property:
    return Property(kind=Kind.LIST, force_new=True, items=Property(kind=Kind.STRING))


SUBJECT: Final[Schema] = {
    "subject": Property(
        kind=Kind.OBJECT,
        force_new=True,
        fields={
            name: Property(kind=Kind.LIST, items=Property(kind=Kind.STRING))
            if name == "streetAddresses"
            else Property(kind=Kind.STRING)
            for name in _NAMES
        },
    ),
    "dnsNames": _strings(),
    "ipAddresses": _strings(),
    "uris": _strings(),
}
"""The inputs that name a subject, in requests and in self-signed certificates."""


def distinguished_name(inputs: Properties) -> x509.Name:
    """The name in the inputs' `subject`. Raises ProviderError for a value that no name can hold."""
    subject = inputs.get("subject") or {}
    return x509.Name([_relative_name(name, oid, subject[name]) for name, oid in _NAMES.items() if subject.get(name)])


def alternative_names(inputs: Properties) -> list[x509.GeneralName]:
    """DNS names, addresses and URIs in the inputs. Raises ProviderError for one that is malformed."""
    return [
        *_each(inputs, "dnsNames", x509.DNSName),
        *_each(inputs, "ipAddresses", lambda text: x509.IPAddress(ipaddress.ip_address(text))),
        *_each(inputs, "uris", x509.UniformResourceIdentifier),
    ]


def _relative_name(name: str, oid: x509.ObjectIdentifier, value: str | list[str]) -> x509.RelativeDistinguishedName:
    values = [value] if isinstance(value, str) else value
    try:
        return x509.RelativeDistinguishedName([x509.NameAttribute(oid, one) for one in values])
    except ValueError as error:
        raise ProviderError(f"subject.{name}: {error}") from error


def _each(inputs: Properties, name: str, make: Callable[[str], x509.GeneralName]) -> Iterable[x509.GeneralName]:
    for index, text in enumerate(inputs.get(name) or ()):
        try:
            yield make(text)
        except ValueError as error:
            raise ProviderError(f"{name}[{index}]: {error}") from error
