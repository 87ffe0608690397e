"""Rules on certificates: each ends before its issuer, and there is time to renew it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from policies.guardrails.model import Finding, Planned, Resource, Stack, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SELF_SIGNED: Final = "tls:index/selfSignedCert:SelfSignedCert"
LOCALLY_SIGNED: Final = "tls:index/locallySignedCert:LocallySignedCert"
HOURS_A_DAY: Final = 24
LEAST_RENEWAL_DAYS: Final = 7
"""A certificate is renewed by an update: this is how long a team may take for one."""
_MESH: Final = {"section": "mesh", "days": "intermediateDays", "authority": "rootDays"}
_KARMADA: Final = {"section": "karmada", "days": "leafDays", "authority": "caDays"}


def certificate_is_renewed_in_time(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """Renewal begins after a certificate's birth and a week before its end."""
    if resource.type not in (SELF_SIGNED, LOCALLY_SIGNED):
        return
    days, renewal = _days(resource, "validityPeriodHours"), _days(resource, "earlyRenewalHours") or 0
    if days is None:
        return
    if renewal < LEAST_RENEWAL_DAYS:
        told = f"it is renewed only {renewal:g} days before its end"
        yield _finding(
            resource, told, f"{{key}}.renewBeforeDays to {LEAST_RENEWAL_DAYS} or more: so long has a team for an update"
        )
    elif renewal >= days:
        told = f"it is renewed {renewal:g} days before its end and lives {days:g}, so every update would renew it"
        yield _finding(resource, told, "{key}.renewBeforeDays to less than {key}.{days}")


def certificate_ends_before_its_issuer(planned: Sequence[Planned], stack: Stack) -> Iterator[Finding]:
    """Whatever is signed on the last day before an issuer's renewal still ends before the issuer does."""
    certificates = {one.resource.urn: one for one in planned if one.resource.type in (SELF_SIGNED, LOCALLY_SIGNED)}
    for one in certificates.values():
        for urn in one.sources.get("caCertPem", ()):
            if issuer := certificates.get(urn):
                yield from _compare(one.resource, issuer.resource)


def _compare(certificate: Resource, issuer: Resource) -> Iterator[Finding]:
    ends = [_end(state.outputs) for state in (certificate, issuer)]
    if ends[0] and ends[1] and ends[0] > ends[1]:
        told = f"it ends on {ends[0]:%Y-%m-%d}, after its issuer {issuer.name} on {ends[1]:%Y-%m-%d}"
        yield _finding(certificate, told, "{key}.{days} shorter, or {key}.{authority} longer, which renews the issuer")
        return
    days, left = _days(certificate, "validityPeriodHours"), _days(issuer, "earlyRenewalHours")
    if days is not None and left is not None and days > left:
        told = f"it lives {days:g} days, and its issuer {issuer.name} may have {left:g} left when it signs"
        yield _finding(certificate, told, "{key}.{days} shorter, or {key}.{authority} longer")


def _days(resource: Resource, key: str) -> float | None:
    hours = section(resource.inputs, key)
    return None if hours is None else float(hours) / HOURS_A_DAY


def _end(outputs: Mapping[str, Any]) -> datetime | None:
    end = section(outputs, "validityEndTime")
    return datetime.fromisoformat(end) if isinstance(end, str) else None


def _finding(resource: Resource, what: str, key: str) -> Finding:
    # A resource's URN names its parents' types, and all of the mesh's certificates are below fleet:mesh.
    names = _MESH if "fleet:mesh:" in resource.urn else _KARMADA
    mend = "Set " + key.format(key=f"fleet:certs.{names['section']}", days=names["days"], authority=names["authority"])
    return Finding(where=f"certificate {resource.name}", what=what, mend=mend, urn=resource.urn)
