"""Hosts that the ingress serves, by the rules of Istio's webhook for Gateways and VirtualServices.

They are those of ValidateWildcardDomain, of ValidateNamespaceSlashWildcardHostname and of the look for duplicates in
istio.io/istio/pkg/config/validation; tests/engine/test_istio_validation.py holds them against Istio's own.
"""

from __future__ import annotations

import ipaddress
import re
from itertools import combinations
from typing import Annotated, Final

from pydantic import AfterValidator, Field

ANY: Final = "*"
_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LONGEST: Final = 255
_FORM: Final = "must be a host such as a.example, *.a.example, or * for all"


def _host(value: str) -> str:
    if value == ANY:
        return value
    if is_address(value):
        if ":" in value:
            # To a Gateway it is a name without a dot.
            raise ValueError("must be no IPv6 address, which Istio refuses; write a name of it, or * for all")
        return value
    for mark, name in (("://", "a scheme"), ("/", "a path"), (":", "a port")):
        before, found, after = value.partition(mark)
        if found:
            raise ValueError(f"must be a host without {name}; write {(after if mark == '://' else before)!r}")
    first, *others = value.split(".")
    if ANY in value and (first != ANY or any(ANY in label for label in others)):
        raise ValueError("must have its star in front, for whatever is there: *.a.example")
    labels = others if first == ANY else [first, *others]
    if not others or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit() or len(value) > _LONGEST:
        raise ValueError(_FORM)
    # As gateways take it (gateway.go in pilot/pkg/networking/core): in two cases it would look like two hosts here.
    return value.lower()


def is_address(value: str) -> bool:
    """Whether a host is an IP address and no name."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _apart(hosts: tuple[str, ...]) -> tuple[str, ...]:
    for one, other in combinations(hosts, 2):
        if _covers(one, other) or _covers(other, one):
            raise ValueError(f"{one!r} and {other!r} are for the same calls; drop one")
    return hosts


def _covers(one: str, other: str) -> bool:
    return other.endswith(one.removeprefix(ANY)) if one.startswith(ANY) else one == other


Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_host)], ...],
    Field(min_length=1),
    AfterValidator(_apart),
]
"""At least one host, and none that another one is for as well."""
