"""What a Service's annotations ask of its NodeBalancer, read as Linode's cloud controller reads them.

https://github.com/linode/linode-cloud-controller-manager/blob/main/docs/configuration/annotations.md
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sandbox.clusters.cloud_controller.objects import Object

PREFIX: Final = "service.beta.kubernetes.io/linode-loadbalancer-"
_PROTOCOLS: Final = ("tcp", "udp", "http", "https")
_PROXY_PROTOCOLS: Final = ("none", "v1", "v2")
_CHECKS: Final = ("none", "connection", "http", "http_body")
_ALGORITHMS: Final = {"udp": ("roundrobin", "ring_hash", "leastconn")}
_OTHER_ALGORITHMS: Final = ("roundrobin", "leastconn", "source")
_STICKINESS: Final = {"udp": ("none", "session", "source_ip")}
_OTHER_STICKINESS: Final = ("none", "http_cookie", "table")
_MOST_CONNECTIONS: Final = 20
# As Go's strconv.ParseBool has it.
_TRUE: Final = ("1", "t", "T", "true", "True", "TRUE")


class AnnotationError(SandboxError):
    """A Service asks for what no NodeBalancer has."""

    @classmethod
    def of(cls, name: str, value: str, wanted: str) -> AnnotationError:
        """The error of an annotation, by the end of its name."""
        return cls(
            what=f"The annotation {PREFIX}{name} is not understood",
            why=f"it is {value!r}",
            remedy=f"Make it {wanted}",
        )


def asked_for(service: Object) -> dict[str, str]:
    """The annotations that are meant for the NodeBalancer, by what follows the prefix."""
    given: Mapping[str, str] = service.metadata.annotations or {}
    return {name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX)}


def throttle(service: Object) -> int:
    """How many connections a second a client may open; what is no number counts as no limit, as at Linode."""
    try:
        asked = int(asked_for(service).get("throttle", "0"))
    except ValueError:
        return 0
    return min(max(asked, 0), _MOST_CONNECTIONS)


def by_name_alone(service: Object) -> bool:
    """Whether the Service is to show its NodeBalancer's name and not its address (makeLoadBalancerStatus)."""
    return asked_for(service).get("hostname-only-ingress") in _TRUE


def tags(service: Object, cluster_id: int) -> list[str]:
    """The cluster's name first, by which Linode knows whose NodeBalancer it is."""
    asked = asked_for(service).get("tags")
    return [f"lke{cluster_id}", *(asked.split(",") if asked is not None else ())]


def port_settings(service: Object, port: Object) -> dict[str, Any]:
    """A port's config, in the API's terms. Raises AnnotationError if it cannot be had."""
    given, own = asked_for(service), _own(service, port)
    protocol = _protocol(given, own, port)
    settings: dict[str, Any] = {"port": port.port, "protocol": protocol}
    asked = own.get("proxy-protocol") or given.get("default-proxy-protocol") or given.get("proxy-protocol", "none")
    settings["proxy_protocol"] = _one_of("default-proxy-protocol", asked, _PROXY_PROTOCOLS)
    if protocol == "udp" and settings["proxy_protocol"] != "none":
        raise AnnotationError.of("default-proxy-protocol", asked, "none, since UDP has no PROXY protocol")
    algorithms = _ALGORITHMS.get(protocol, _OTHER_ALGORITHMS)
    asked = own.get("algorithm") or given.get("default-algorithm", "roundrobin")
    settings["algorithm"] = _one_of("default-algorithm", asked, algorithms)
    if protocol != "tcp":
        kinds = _STICKINESS.get(protocol, _OTHER_STICKINESS)
        asked = own.get("stickiness") or given.get("default-stickiness", "session" if protocol == "udp" else "table")
        settings["stickiness"] = _one_of("default-stickiness", asked, kinds)
    return {**settings, **_check(given, port)}


def _own(service: Object, port: Object) -> Mapping[str, str]:
    name = f"port-{port.port}"
    text = asked_for(service).get(name, "{}")
    try:
        own = json.loads(text)
    except ValueError as error:
        raise AnnotationError.of(name, text, "a JSON object") from error
    if not isinstance(own, dict) or not all(isinstance(value, str) for value in own.values()):
        raise AnnotationError.of(name, text, "a JSON object of strings")
    return own


def _protocol(given: Mapping[str, str], own: Mapping[str, str], port: Object) -> str:
    asked = own.get("protocol") or given.get("default-protocol") or port.protocol or "TCP"
    return _one_of("default-protocol", asked, _PROTOCOLS)


def _check(given: Mapping[str, str], port: Object) -> dict[str, Any]:
    kind = _one_of("check-type", given.get("check-type", "none" if port.protocol == "UDP" else "connection"), _CHECKS)
    settings: dict[str, Any] = {
        "check": kind,
        "check_interval": _number(given, "check-interval", 5),
        "check_timeout": _number(given, "check-timeout", 3),
        "check_attempts": _number(given, "check-attempts", 2),
        "check_passive": given.get("check-passive") in _TRUE,
    }
    if kind in ("http", "http_body"):
        settings["check_path"] = given.get("check-path") or "/"
    if kind == "http_body":
        if not given.get("check-body"):
            raise AnnotationError.of("check-body", "", "the text that answers to the check have, for http_body")
        settings["check_body"] = given["check-body"]
    return settings


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(given.get(name, default))
    except ValueError as error:
        raise AnnotationError.of(name, given[name], "a number") from error


def _one_of(name: str, value: str, wanted: Collection[str]) -> str:
    if value.lower() not in wanted:
        raise AnnotationError.of(name, value, f"one of {', '.join(wanted)}")
    return value.lower()
