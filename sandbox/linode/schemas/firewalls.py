"""Firewalls, their rules and devices.

The limits are those of https://techdocs.akamai.com/linode-api/reference/post-firewalls.
"""

import ipaddress
import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sandbox.linode.ports import port_ranges
from sandbox.linode.schemas.base import ApiObject, RequestObject
from sandbox.linode.schemas.naming import FirewallLabel, RuleDescription, RuleLabel, Tags
from sandbox.linode.schemas.volumes import LinodeId

_MOST_ADDRESSES = 255
_MOST_PIECES = 15
_LARGEST_PORT = 65535
_PORT = r"[1-9][0-9]{0,4}"
_PORTS = re.compile(rf"{_PORT}(?:-{_PORT})?(?:, ?{_PORT}(?:-{_PORT})?)*")


class Action(StrEnum):
    """What happens to a packet."""

    ACCEPT = "ACCEPT"
    DROP = "DROP"


class Protocol(StrEnum):
    """What packets a rule is for."""

    TCP = "TCP"
    UDP = "UDP"
    ICMP = "ICMP"
    IPENCAP = "IPENCAP"


class Status(StrEnum):
    """Whether a firewall's rules apply."""

    ENABLED = "enabled"
    DISABLED = "disabled"


def _ports(text: str) -> str:
    if not _PORTS.fullmatch(text):
        reason = "Ports must be an integer, range of integers, or a comma-separated list of integers."
        raise PydanticCustomError("ports", reason)
    ranges = port_ranges(text)
    if any(last > _LARGEST_PORT for _, last in ranges):
        raise PydanticCustomError("ports", f"Ports must be 1-{_LARGEST_PORT}")
    if any(first > last for first, last in ranges) or any(
        first == last for (first, last), piece in zip(ranges, text.split(","), strict=True) if "-" in piece
    ):
        raise PydanticCustomError("ports", "The end of a range of ports must be greater than its start")
    # A range counts twice.
    if sum(2 if first < last else 1 for first, last in ranges) > _MOST_PIECES:
        raise PydanticCustomError("ports", f"Ports can have at most {_MOST_PIECES} pieces")
    return text


def _network(text: str, kind: type[ipaddress.IPv4Network | ipaddress.IPv6Network], name: str) -> str:
    address, slash, mask = text.partition("/")
    try:
        # Without a mask it would be taken for one address, which Linode refuses; a mask is a number of bits.
        # Nor does it take a zone (fe80::%eth0), as Python does.
        kind((address.replace("%", "/"), int(mask) if slash and mask.isascii() and mask.isdigit() else -1))
    except ValueError as error:
        reason = f"Must contain only valid {name} addresses or networks (both must be in ip/mask format)"
        raise PydanticCustomError("network", reason) from error
    return text


Ipv4 = Annotated[str, AfterValidator(lambda text: _network(text, ipaddress.IPv4Network, "IPv4"))]
Ipv6 = Annotated[str, AfterValidator(lambda text: _network(text, ipaddress.IPv6Network, "IPv6"))]


class Addresses(RequestObject):
    """Whom a rule is about."""

    ipv4: Annotated[list[Ipv4], Field(min_length=1)] | None = None
    ipv6: Annotated[list[Ipv6], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        count = len(self.ipv4 or ()) + len(self.ipv6 or ())
        if not count:
            raise PydanticCustomError("addresses", "Must have at least one address or network")
        if count > _MOST_ADDRESSES:
            reason = f"Too many addresses submitted. Max allowed is {_MOST_ADDRESSES}"
            raise PydanticCustomError("addresses", reason)
        return self


class RuleRequest(RequestObject):
    """A rule to keep."""

    action: Annotated[Action, Field(strict=False)]
    protocol: Annotated[Protocol, Field(strict=False)]
    addresses: Addresses
    ports: Annotated[str, AfterValidator(_ports)] | None = None
    label: RuleLabel | None = None
    description: RuleDescription | None = None

    @field_validator("ports")
    @classmethod
    def _only_where_there_are_ports(cls, ports: str | None, info: ValidationInfo) -> str | None:
        if ports is not None and info.data.get("protocol") in (Protocol.ICMP, Protocol.IPENCAP):
            raise PydanticCustomError("ports", "Ports are not allowed for ICMP and IPENCAP protocols.")
        return ports


class RulesRequest(RequestObject):
    """All rules of a firewall."""

    inbound: list[RuleRequest] | None = None
    inbound_policy: Annotated[Action, Field(strict=False)]
    outbound: list[RuleRequest] | None = None
    outbound_policy: Annotated[Action, Field(strict=False)]


class DevicesRequest(RequestObject):
    """What a new firewall is assigned to."""

    linodes: list[LinodeId] = Field(default_factory=list)
    nodebalancers: list[LinodeId] = Field(default_factory=list)
    linode_interfaces: list[LinodeId] = Field(default_factory=list)


class FirewallUpdate(RequestObject):
    """What can change of a firewall, but for its rules."""

    label: FirewallLabel | None = None
    status: Annotated[Status, Field(strict=False)] | None = None
    tags: Tags | None = None


class FirewallCreate(RequestObject):
    """A firewall to make."""

    label: FirewallLabel
    rules: RulesRequest
    devices: DevicesRequest = DevicesRequest()
    tags: Tags | None = None


class DeviceCreate(RequestObject):
    """A device to add."""

    id: LinodeId
    type: Literal["linode", "nodebalancer", "linode_interface"]


class DeviceEntity(ApiObject):
    """What a firewall is assigned to."""

    id: int
    type: str
    label: str
    url: str
    parent_entity: None = None


class FirewallDevice(ApiObject):
    """A device, as the API shows it."""

    id: int
    created: str
    updated: str
    entity: DeviceEntity


class Rules(ApiObject):
    """The rules, as the API shows them: of each what was given, and no more."""

    inbound: tuple[dict[str, Any], ...] | None
    inbound_policy: str
    outbound: tuple[dict[str, Any], ...] | None
    outbound_policy: str
    version: int
    fingerprint: str


class Firewall(ApiObject):
    """A firewall, as the API shows it."""

    id: int
    label: str
    created: str
    updated: str
    status: str
    rules: Rules
    tags: tuple[str, ...]
    entities: tuple[DeviceEntity, ...]
