"""The kinds of values that entries of workloads are made of, each with the rule that it keeps."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from fleet.config.complaints import PLAIN_SECRET
from fleet.config.fields import DNS_LABEL, DOMAIN_LENGTH, LABEL_KEY, LABEL_VALUE
from fleet.config.secrets import REFERENCE, is_reference
from fleet.naming import CALLERS_OF_INGRESS, OWN_NAMESPACES

NAME_LENGTH: Final = 40
"""With what Fleet puts behind it, a name stays within the 63 characters of a DNS label."""
MOST_REPLICAS: Final = 10000
_MOST_WEIGHT: Final = 1000
REGION_MARK: Final = "${region}"
MEMBER_MARK: Final = "${member}"
MARKS: Final = (REGION_MARK, MEMBER_MARK)
"""What stands for something else in every member."""
HTTP_PROTOCOLS: Final = ("http", "http2", "grpc", "grpc-web")
_PROTOCOLS: Final = (*HTTP_PROTOCOLS, "https", "tls", "tcp", "mongo", "mysql", "redis")
"""Istio's names of what runs over TCP (pkg/config/protocol/instance.go)."""
_PORT_NAME: Final = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
"""RFC 6335, as Kubernetes applies it to the ports of containers."""
_KINDS: Final = {int: "number without quotes", str: "text"}
_SIDECAR_PORTS: Final = range(15000, 15100)
"""Ports of the sidecar, to which no workload can listen (Istio, "Application Requirements")."""
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_FILE: Final = re.compile(r"(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|/(\.[A-Za-z0-9_-]+)+)+")
_URL_PATH: Final = re.compile(r"/|(/[A-Za-z0-9._~!$&'()+,;=:@%-]+)+")
_QUANTITY: Final = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_UNITS: Final = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGT", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGT", 1)},
}
_PERCENT: Final = re.compile(r"[1-9][0-9]?%|100%")
_MESH_DOMAINS: Final = ("istio.io", "karmada.io")
_KNOWN_BY: Final = ("app", "istio", "pod-template-hash")
"""Labels by which Fleet, the charts of Istio's gateways and Deployments find pods."""
_SIDECAR: Final = ("istio-proxy", "istio-init", "istio-validation")
"""Containers that Istio puts into a pod: what is called so already is taken for a change of them (webhook.go)."""
_SIDECAR_USER: Final = 1337
"""Whose calls the sidecar takes for its own (Istio, "Application Requirements")."""
_PARTS_OF_RULES: Final = ("-not-from-", "-without-")
"""What stands in the names of rules between two names: in one of both it would make two rules one."""
_KEY_LENGTH: Final = 253
"""Characters of a key of a ConfigMap or Secret."""
_OF_THE_MACHINE: Final = ("/proc/", "/sys/", "/dev/")
"""Where runtimes mount no files of others (github.com/opencontainers/runc, checkProcMount and its like)."""


def in_member(text: str, *, region: str, member: str) -> str:
    """A text with what its marks stand for in one member."""
    return text.replace(REGION_MARK, region).replace(MEMBER_MARK, member)


def is_marked(text: str) -> bool:
    """Whether a text stands for something else in every member."""
    return any(mark in text for mark in MARKS)


def _workload_name(value: str) -> str:
    if len(value) > NAME_LENGTH or not DNS_LABEL.fullmatch(value) or value[0].isdigit():
        raise ValueError(
            f"must begin with a letter and have lower-case letters, digits and inner dashes, at most {NAME_LENGTH}"
        )
    if value == CALLERS_OF_INGRESS:
        raise ValueError("is what callers would take for the gateways; give the workload another name")
    if value in _SIDECAR:
        raise ValueError("is the name of a container that Istio adds; give the workload another name")
    if part := next((part for part in _PARTS_OF_RULES if part in value), None):
        raise ValueError(f"has {part} in it, as the names of rules have; give the workload another name")
    return value


def _namespace(value: str) -> str:
    if not DNS_LABEL.fullmatch(value):
        raise ValueError("must be a DNS label: lower-case letters, digits and inner dashes, at most 63")
    for prefix in OWN_NAMESPACES:
        if value.startswith(prefix):
            raise ValueError(f"begins with {prefix}, as the system's own do; take another one")
    return value


def _port_name(value: str) -> str:
    if not _PORT_NAME.fullmatch(value):
        raise ValueError("must have at most 15 lower-case letters, digits and inner dashes, one letter at least")
    if protocol_of(value) is None:
        raise ValueError(
            f"tells Istio no protocol; call it {', '.join(_PROTOCOLS[:-1])} or {_PROTOCOLS[-1]}, and more behind a dash"
        )
    return value


def protocol_of(port: str) -> str | None:
    """The protocol that a port's name tells Istio; None where it tells none."""
    fits = [one for one in _PROTOCOLS if port == one or port.startswith(f"{one}-")]
    return max(fits, key=len, default=None)


def _port_number(value: int) -> int:
    if value in _SIDECAR_PORTS:
        raise ValueError(f"is one of the sidecar's, {_SIDECAR_PORTS[0]} to {_SIDECAR_PORTS[-1]}; take another one")
    return value


def in_full(key: str, kind: type) -> Any:
    """Takes a value of a kind alone for a table with this one key."""

    def spread(value: Any) -> Any:
        if isinstance(value, kind) and not isinstance(value, bool):
            return {key: value}
        if isinstance(value, dict | BaseModel):
            return value
        raise ValueError(f"must be a {_KINDS[kind]}, or a table with {key}")

    return BeforeValidator(spread)


def _name_of_port(value: Any) -> Any:
    if not isinstance(value, int):
        return value
    raise ValueError("must be the name that the port has under ports")


def _weight(value: int) -> int:
    if not 0 < value <= _MOST_WEIGHT:
        raise ValueError(f"must be from 1 to {_MOST_WEIGHT}; leave a member out that is to have no replicas")
    return value


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise ValueError("must be the name of an environment variable: letters, digits, _, - and ., no digit first")
    if len(value) > _KEY_LENGTH:
        raise ValueError(f"has more than {_KEY_LENGTH} characters, which no key of a Secret has; shorten it")
    return value


def _file(value: str) -> str:
    if not _FILE.fullmatch(value):
        raise ValueError("must be the whole path of a file, such as /etc/shop/app.toml: letters, digits, ., - and _")
    if len(file_key(value)) > _KEY_LENGTH:
        raise ValueError(
            f"is over the {_KEY_LENGTH} characters of a ConfigMap's key, in which a slash is two; shorten it"
        )
    if value.startswith(_OF_THE_MACHINE):
        raise ValueError("is where the system has files of its own; take another place")
    return value


def file_key(path: str) -> str:
    """Under which key a ConfigMap has a file."""
    return path.lstrip("/").replace("/", "..")


def _url_path(value: str) -> str:
    if not _URL_PATH.fullmatch(value):
        raise ValueError("must be a path such as / or /cart, without a slash at its end, and without a star")
    if {".", ".."} & set(value.split("/")):
        raise ValueError("has a part that is . or .., which is gone before anybody looks; write the path that is meant")
    return value


def _label_key(value: str) -> str:
    if not (match := LABEL_KEY.fullmatch(value)) or len(match["domain"] or "") > DOMAIN_LENGTH:
        raise ValueError("must be a Kubernetes label key: [domain/]name of letters, digits, dots, dashes, underscores")
    domain = match["domain"] or ""
    if value in _KNOWN_BY or any(f".{domain}".endswith(f".{own}") for own in _MESH_DOMAINS):
        raise ValueError("is a label by which Fleet, Istio or Karmada know pods; take one of yours")
    return value


def _label_value(value: str) -> str:
    if not LABEL_VALUE.fullmatch(in_member(value, region="x", member="x")):
        raise ValueError("must be a Kubernetes label value: at most 63 letters, digits, dots, dashes, underscores")
    return value


def _user(value: int) -> int:
    if value == 0:
        raise ValueError("is root, whom the level restricted of pod security rules out; build the image for another")
    if value == _SIDECAR_USER:
        raise ValueError("is the sidecar's, whose calls go past it and carry no identity; take another one")
    return value


def _quantity(value: str) -> str:
    if not _QUANTITY.fullmatch(value):
        raise ValueError("must be a quantity of Kubernetes, such as '100m' or '128Mi'")
    return value


def _cpu(value: str) -> str:
    if value.rstrip("m0123456789."):
        raise ValueError("would be bytes; write cores, such as '0.5', or thousandths of one, such as '500m'")
    return value


def _memory(value: str) -> str:
    if 0 < amount(value) < _UNITS["Mi"]:
        raise ValueError(f"is less than a MiB, in which nothing runs; write '{value.rstrip('mk')}Mi' if that is meant")
    return value


def _share(value: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_REPLICAS
    if not whole and not (isinstance(value, str) and _PERCENT.fullmatch(value)):
        raise ValueError(f"must be a whole number from 1 to {MOST_REPLICAS}, or a share such as '25%'")
    return value


def _text(value: Any) -> Any:
    if isinstance(value, dict) and is_reference(value):
        raise ValueError("names a secret, which pods have as a variable of secretEnv alone; move it there")
    return value


def _reference(value: Any) -> Any:
    if isinstance(value, dict) and is_reference(value):
        return value
    # Without the value, which may be a secret.
    raise PydanticCustomError(
        PLAIN_SECRET,
        "is no reference, so that whoever reads this file would read what it is, and it is known now: change it, keep "
        "the new one in fleet:secrets, and write {reference} here",
        {"reference": f"{{{REFERENCE}: NAME}}"},
    )


def amount(quantity: str) -> Decimal:
    """A quantity of Kubernetes as a number."""
    number = quantity.rstrip("mkMGTKi")
    return Decimal(number) * _UNITS[quantity.removeprefix(number)]


WorkloadName = Annotated[str, AfterValidator(_workload_name)]
Namespace = Annotated[str, AfterValidator(_namespace)]
PortName = Annotated[str, AfterValidator(_port_name)]
PortReference = Annotated[str, BeforeValidator(_name_of_port)]
"""The name of one of a workload's ports, which a rule looks for."""
PortNumber = Annotated[int, Field(ge=1, le=65535), AfterValidator(_port_number)]
Variable = Annotated[str, AfterValidator(_variable)]
FilePath = Annotated[str, AfterValidator(_file)]
UrlPath = Annotated[str, AfterValidator(_url_path)]
PodLabelKey = Annotated[str, AfterValidator(_label_key)]
PodLabelValue = Annotated[str, AfterValidator(_label_value)]
UserId = Annotated[int, Field(ge=0, le=2**31 - 1), AfterValidator(_user)]
Cpu = Annotated[str, AfterValidator(_quantity), AfterValidator(_cpu)]
Memory = Annotated[str, AfterValidator(_quantity), AfterValidator(_memory)]
Share = Annotated[Any, AfterValidator(_share)]
Text = Annotated[str, BeforeValidator(_text)]
Reference = Annotated[dict[str, Any], BeforeValidator(_reference)]
"""{secret: NAME}: a secret's value, which no file has in plain text."""
Seconds = Annotated[int, Field(ge=1, le=3600)]
Weights = dict[str, Annotated[int, AfterValidator(_weight)]]
