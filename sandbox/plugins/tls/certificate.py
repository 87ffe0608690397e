"""Certificates: the inputs that all kinds share, how one is issued, and when it is due for renewal.

What goes into a certificate follows terraform-provider-tls (internal/provider/common_cert.go) and Go's
crypto/x509.CreateCertificate, which it calls; docs/decisions/0021 lists the consequences.
"""

from __future__ import annotations

import datetime
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sandbox.plugins.framework import (
    UNKNOWN,
    Change,
    CheckFailure,
    Compared,
    Diff,
    Found,
    PropertyDiff,
    ProviderError,
    reveal,
)
from sandbox.plugins.framework.made import Made
from sandbox.plugins.framework.schema import Kind, Property, Use
from sandbox.plugins.tls import keys, usages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.plugins.framework import DiffRequest, Properties, ReadRequest
    from sandbox.plugins.framework.schema import Schema


def _off() -> Property:
    return Property(kind=Kind.BOOLEAN, force_new=True, default=False)


CERTIFICATE: Final[Schema] = {
    "allowedUses": Property(kind=Kind.LIST, use=Use.REQUIRED, force_new=True, items=Property(kind=Kind.STRING)),
    "validityPeriodHours": Property(kind=Kind.INTEGER, use=Use.REQUIRED, force_new=True),
    "earlyRenewalHours": Property(kind=Kind.INTEGER, default=0),
    "isCaCertificate": _off(),
    "maxPathLength": Property(kind=Kind.INTEGER, use=Use.FILLED, force_new=True),
    "setSubjectKeyId": _off(),
    "certPem": Property(kind=Kind.STRING, use=Use.OUTPUT),
    "readyForRenewal": Property(kind=Kind.BOOLEAN, use=Use.OUTPUT),
    "validityEndTime": Property(kind=Kind.STRING, use=Use.OUTPUT),
    "validityStartTime": Property(kind=Kind.STRING, use=Use.OUTPUT),
}
"""The properties that self-signed and locally signed certificates share."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a certificate says about its subject, and the key that it vouches for."""

    subject: x509.Name
    alternative_names: Sequence[x509.GeneralName] = field(default_factory=tuple)
    public_key: keys.PublicKey


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Who signs, and how the certificate points to the signer."""

    name: x509.Name
    key: keys.Key
    key_identifier: bytes | None


class Certificate(Made):
    """A certificate of either kind. It is replaced when its renewal is due."""

    schema: ClassVar[Schema]

    @abstractmethod
    def parties(self, inputs: Properties) -> tuple[Content, Issuer, Properties]:
        """Subject, issuer, and the outputs that only this kind of certificate has."""

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """Known usages, spans of time that are none below zero, and a path length for authorities only."""
        return list(_failures(inputs))

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        """Issue the certificate. Its id is the serial number, as a decimal."""
        content, issuer, outputs = self.parties(inputs)
        start = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        end = start + datetime.timedelta(hours=inputs["validityPeriodHours"])
        builder = x509.CertificateBuilder(
            issuer_name=issuer.name,
            subject_name=content.subject,
            public_key=content.public_key,
            serial_number=x509.random_serial_number(),
            not_valid_before=start,
            not_valid_after=end,
        )
        for extension, critical in _extensions(inputs, content, issuer):
            builder = builder.add_extension(extension, critical=critical)
        certificate = builder.sign(issuer.key, keys.signature_hash(issuer.key))
        return str(certificate.serial_number), outputs | {
            "certPem": certificate.public_bytes(serialization.Encoding.PEM).decode(),
            "readyForRenewal": False,
            "validityStartTime": _timestamp(start),
            "validityEndTime": _timestamp(end),
        }

    def diff(self, request: DiffRequest) -> Diff:
        """Changed inputs, and a renewal that is due."""
        diff = super().diff(request)
        if not _renewal_is_due(request.old_outputs, self.effective(request.inputs)):
            return diff
        due = PropertyDiff(change=Change.UPDATE, replaces=True, compared=Compared.STATE)
        return replace(diff, properties={**diff.properties, "readyForRenewal": due})

    def read(self, request: ReadRequest) -> Found:
        """What is recorded, and whether a renewal is due by now."""
        found = super().read(request)
        due = _renewal_is_due(request.outputs, self.effective(request.inputs))
        return replace(found, outputs={**found.outputs, "readyForRenewal": due})


def _failures(inputs: Properties) -> Iterator[CheckFailure]:
    uses = inputs["allowedUses"]
    if uses is not UNKNOWN:
        for index, use in enumerate(uses):
            if use not in (*usages.NAMES, UNKNOWN):
                reason = f"{use!r} is no usage; choose from {', '.join(usages.NAMES)}"
                yield CheckFailure(path=f"allowedUses[{index}]", reason=reason)
        try:
            usages.key_usage(uses)
        except ValueError as error:
            yield CheckFailure(path="allowedUses", reason=str(error))
    for name, least in (("validityPeriodHours", 0), ("earlyRenewalHours", 0), ("maxPathLength", -1)):
        number = inputs.get(name)
        if number not in (None, UNKNOWN) and number < least:
            yield CheckFailure(path=name, reason=f"{number} is below {least}")
    length = inputs.get("maxPathLength")
    if inputs["isCaCertificate"] is False and length not in (None, UNKNOWN) and length > 0:
        reason = "only an authority has a path length; set isCaCertificate, or leave this out"
        yield CheckFailure(path="maxPathLength", reason=reason)


def _extensions(inputs: Properties, content: Content, issuer: Issuer) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """Each extension with whether it is critical, in the order in which Go writes them."""
    usage = usages.key_usage(inputs["allowedUses"])
    if usage is not None:
        yield usage, True
    extended = usages.extended_key_usage(inputs["allowedUses"])
    if extended is not None:
        yield extended, False
    authority = inputs["isCaCertificate"]
    if authority and not list(content.subject):
        raise ProviderError("subject: an authority's certificate needs a name; give commonName or another part")
    yield x509.BasicConstraints(ca=authority, path_length=_path_length(inputs)), True
    if authority or inputs["setSubjectKeyId"]:
        yield x509.SubjectKeyIdentifier.from_public_key(content.public_key), False
    if issuer.key_identifier is not None:
        yield x509.AuthorityKeyIdentifier(issuer.key_identifier, None, None), False
    if content.alternative_names:
        yield x509.SubjectAlternativeName(content.alternative_names), not list(content.subject)


def _path_length(inputs: Properties) -> int | None:
    """The path length constraint, None for none.

    0 is none too: the official provider leaves Go's MaxPathLenZero unset, and then a MaxPathLen of zero
    "indicates that no maximum path length is desired" (crypto/x509, marshalBasicConstraints).
    """
    length: int = inputs.get("maxPathLength") or 0
    return length if length > 0 else None


def _renewal_is_due(outputs: Properties, inputs: Properties) -> bool:
    hours = reveal(inputs["earlyRenewalHours"])
    if hours is UNKNOWN or "validityEndTime" not in outputs:
        return False
    end = datetime.datetime.fromisoformat(reveal(outputs["validityEndTime"]))
    return datetime.datetime.now(datetime.UTC) >= end - datetime.timedelta(hours=hours)


def _timestamp(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
