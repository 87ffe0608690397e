"""Load balancers, their ports and the backends behind them."""

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from sandbox.linode.schemas.base import ApiObject, RequestObject
from sandbox.linode.schemas.naming import BalancerLabel, Tags


def _backend_address(text: str) -> str:
    address, _, port = text.rpartition(":")
    try:
        ipaddress.IPv4Address(address)
    except ValueError as error:
        raise PydanticCustomError("address", "Must be an IPv4 address and a port") from error
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise PydanticCustomError("address", "Port must be 1-65535")
    return text


Port = Annotated[int, Field(ge=1, le=65535)]
Throttle = Annotated[int, Field(ge=0, le=20)]


class BackendUpdate(RequestObject):
    """What can change of a backend."""

    address: Annotated[str, AfterValidator(_backend_address)] | None = None
    label: BalancerLabel | None = None
    weight: Annotated[int, Field(ge=1, le=255)] | None = None
    mode: Literal["accept", "reject", "drain", "backup"] | None = None


class BackendCreate(BackendUpdate):
    """A backend to add to a port."""

    address: Annotated[str, AfterValidator(_backend_address)]
    label: BalancerLabel
    weight: Annotated[int, Field(ge=1, le=255)] = 50
    mode: Literal["accept", "reject", "drain", "backup"] = "accept"


class ConfigUpdate(RequestObject):
    """What can change of a port."""

    port: Port | None = None
    protocol: Literal["http", "https", "tcp", "udp"] | None = None
    algorithm: Literal["roundrobin", "leastconn", "source", "ring_hash"] | None = None
    stickiness: Literal["none", "table", "http_cookie", "session", "source_ip"] | None = None
    check: Literal["none", "connection", "http", "http_body"] | None = None
    check_interval: Annotated[int, Field(ge=2, le=3600)] | None = None
    check_timeout: Annotated[int, Field(ge=1, le=30)] | None = None
    check_attempts: Annotated[int, Field(ge=1, le=30)] | None = None
    check_path: Annotated[str, Field(max_length=1024)] | None = None
    check_body: Annotated[str, Field(max_length=1024)] | None = None
    check_passive: bool | None = None
    proxy_protocol: Literal["none", "v1", "v2"] | None = None
    cipher_suite: Literal["recommended", "legacy", "none"] | None = None
    udp_check_port: Port | None = None


class ConfigCreate(ConfigUpdate):
    """A port to open; `nodes` are its backends, where they are known already."""

    port: Port = 80
    nodes: Annotated[list[BackendCreate], Field(max_length=500)] = Field(default_factory=list)


class ConfigRebuild(ConfigUpdate):
    """A port with all its backends anew."""

    nodes: Annotated[list[BackendCreate], Field(max_length=500)]


class BalancerUpdate(RequestObject):
    """What can change of a load balancer."""

    label: BalancerLabel | None = None
    client_conn_throttle: Throttle | None = None
    client_udp_sess_throttle: Throttle | None = None
    tags: Tags | None = None


class BalancerCreate(BalancerUpdate):
    """A load balancer to make."""

    region: str
    type: Literal["common", "premium"] = "common"
    configs: Annotated[list[ConfigCreate], Field(max_length=100)] = Field(default_factory=list)
    firewall_id: Annotated[int, Field(gt=0, lt=2**53)] | None = None


class Backend(ApiObject):
    """A backend, as the API shows it."""

    id: int
    address: str
    label: str
    status: Literal["UP", "DOWN", "Unknown"]
    weight: int
    mode: str
    config_id: int
    nodebalancer_id: int
    vpc_config_id: None = None


class NodesStatus(ApiObject):
    """How many backends answer."""

    up: int
    down: int


class Config(ApiObject):
    """A port, as the API shows it; certificates are left to the cluster's gateways, so there are none."""

    id: int
    nodebalancer_id: int
    port: int = 80
    protocol: str = "http"
    algorithm: str = "roundrobin"
    stickiness: str = "none"
    check: str = "none"
    check_interval: int = 5
    check_timeout: int = 3
    check_attempts: int = 2
    check_path: str = ""
    check_body: str = ""
    check_passive: bool = True
    proxy_protocol: str = "none"
    cipher_suite: str = "recommended"
    ssl_commonname: str = ""
    ssl_fingerprint: str = ""
    ssl_cert: None = None
    ssl_key: None = None
    nodes_status: NodesStatus
    udp_check_port: int = 80
    udp_session_timeout: int = 16


CONFIG_DEFAULTS: Final[Mapping[str, str | int | bool | None]] = {
    name: field.default for name, field in Config.model_fields.items() if name in ConfigUpdate.model_fields
}
"""What a port is where nobody says otherwise."""


class Transfer(ApiObject):
    """Traffic of this month in MB; a sandbox does not meter it."""

    in_: float | None = Field(default=None, alias="in")
    out: float | None = None
    total: float | None = None


class LkeClusterReference(ApiObject):
    """The cluster that a load balancer belongs to."""

    id: int
    label: str
    type: Literal["lkecluster"] = "lkecluster"
    url: str


class Balancer(ApiObject):
    """A load balancer, as the API shows it."""

    id: int
    label: str
    region: str
    type: str
    hostname: str
    ipv4: str
    ipv6: None = None
    created: str
    updated: str
    client_conn_throttle: int
    client_udp_sess_throttle: int
    lke_cluster: LkeClusterReference | None
    tags: tuple[str, ...]
    transfer: Transfer = Transfer()
    locks: tuple[str, ...] = ()
