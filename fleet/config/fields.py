"""The kinds of values that the stack config is made of, each with the rule that it keeps and where the rule is from."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from fleet.naming import SUFFIX_LENGTH

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

ACKNOWLEDGEABLE: Final = ("delete", "replace", "recycle")
"""What a change may do to a whole cluster or to all its nodes, once the config says that it is meant."""


DOMAIN_LENGTH: Final = 253
"""Characters of a DNS subdomain at most (RFC 1123, as Kubernetes applies it)."""
DNS_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123, section 2.1, as Kubernetes applies it to names."""
_DNS_SUBDOMAIN: Final = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_QUALIFIED_NAME: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
LABEL_VALUE: Final = re.compile(rf"({_QUALIFIED_NAME})?")
LABEL_KEY: Final = re.compile(rf"((?P<domain>{_DNS_SUBDOMAIN})/)?(?P<name>{_QUALIFIED_NAME})")
"""Kubernetes, "Labels and Selectors: Syntax and character set"."""
RESERVED_LABEL_DOMAINS: Final = ("kubernetes.io", "k8s.io", "linode.com")
"""Domains of labels and taints that are Kubernetes' and Linode's own: LKE takes none of them for a pool."""
LINODE_LABEL_LENGTH: Final = 32
"""The longest label of an LKE cluster (Linode API v4, POST /lke/clusters)."""
CLUSTER_NAME_LENGTH: Final = LINODE_LABEL_LENGTH - SUFFIX_LENGTH - 1


def _dns_label(value: str) -> str:
    if not DNS_LABEL.fullmatch(value):
        raise ValueError("must be a DNS label: lower-case letters, digits and inner dashes, at most 63")
    return value


def _cluster_name(value: str) -> str:
    if len(value) > CLUSTER_NAME_LENGTH:
        raise ValueError(f"must have at most {CLUSTER_NAME_LENGTH} characters: Linode allows 32, a suffix needs 5")
    return _dns_label(value)


def _qualified(value: str) -> tuple[str, str]:
    """The domain, or nothing, and the name of a key."""
    if not (match := LABEL_KEY.fullmatch(value)) or len(match["domain"] or "") > DOMAIN_LENGTH:
        raise ValueError("must be a Kubernetes label key: [domain/]name of letters, digits, dots, dashes, underscores")
    domain = match["domain"] or ""
    if any(f".{domain}".endswith(f".{reserved}") for reserved in RESERVED_LABEL_DOMAINS):
        raise ValueError(f"{domain} is a domain that LKE keeps for itself; take one of yours, or a name alone")
    return domain, match["name"]


def _label_key(value: str) -> str:
    domain, name = _qualified(value)
    # Linode API v4, POST /lke/clusters/{clusterId}/pools, labels.
    if domain and (len(value) > 128 or len(name) > 62):
        raise ValueError("is too long for LKE, which takes 128 characters with a domain, 62 of them behind it")
    return value


def _taint_key(value: str) -> str:
    _qualified(value)
    return value


def _label_value(value: str) -> str:
    if not LABEL_VALUE.fullmatch(value):
        raise ValueError("must be a Kubernetes label value: at most 63 letters, digits, dots, dashes, underscores")
    return value


def _acknowledgement(value: str) -> str:
    verb, _, cluster = value.partition(" ")
    if verb not in ACKNOWLEDGEABLE or not DNS_LABEL.fullmatch(cluster):
        raise ValueError(f"must be {', '.join(ACKNOWLEDGEABLE)} and a cluster's name, as `make review` prints them")
    return value


def _tag(value: str) -> str:
    if not 1 <= len(value) <= 24 or ":" in value:
        raise ValueError("must have 1 to 24 characters and no colon: Linode's tags have at most 50")
    if not value.isprintable() or value != value.strip():
        raise ValueError("must have printable characters, and no space before or behind them")
    return value


def _quantity(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*(Gi|Ti)", value):
        raise ValueError("must be a size in Gi or Ti, such as '10Gi'")
    return value


# Not \d, which is any script's digit: Python's int reads those, and nobody publishes a version by them.
def _kubernetes_minor(value: str) -> str:
    if re.fullmatch(r"1\.[0-9]{2}", value):
        return value
    if known := re.match(r"v?(1\.[0-9]{2})\b", value):
        raise ValueError(f"must be a minor version, of which LKE runs the patch that it has; write {known[1]!r}")
    raise ValueError("must be a minor version of Kubernetes, such as '1.35'")


def _release(value: str, prefix: str) -> str:
    if found := re.fullmatch(r"v?([0-9]+\.[0-9]+\.[0-9]+)", value):
        return f"{prefix}{found[1]}"
    raise ValueError(f"must be a released version with its patch, such as '{prefix}1.2.3'")


DnsLabel = Annotated[str, AfterValidator(_dns_label)]
ClusterName = Annotated[str, AfterValidator(_cluster_name)]
LabelKey = Annotated[str, AfterValidator(_label_key)]
TaintKey = Annotated[str, AfterValidator(_taint_key)]
LabelValue = Annotated[str, AfterValidator(_label_value)]
Acknowledgement = Annotated[str, AfterValidator(_acknowledgement)]
Tag = Annotated[str, AfterValidator(_tag)]
KubernetesMinor = Annotated[str, AfterValidator(_kubernetes_minor)]
"""A minor version such as "1.35", as LKE names it."""
KarmadaRelease = Annotated[str, AfterValidator(partial(_release, prefix="v"))]
"""A released version of Karmada or of its chart, as both are published: with a v. A fleet has no pre-releases."""
IstioRelease = Annotated[str, AfterValidator(partial(_release, prefix=""))]
"""A released version of Istio's charts, as they are published: without a v."""


def minor(release: str) -> tuple[int, int]:
    """Major and minor number: of "v1.18.2", "1.31.0" or "1.35"."""
    major, minor_number = release.removeprefix("v").split(".")[:2]
    return int(major), int(minor_number)


def steps_between(now: str, wanted: str) -> int:
    """By how many minors a release is over another one; negative when it is below. Another major is out of reach."""
    (major_now, minor_now), (major_wanted, minor_wanted) = minor(now), minor(wanted)
    return (major_wanted - major_now) * 1000 + minor_wanted - minor_now


Generation = Annotated[int, Field(ge=1)]
"""Of a credential that is handed out: another generation is another credential, and the one before ends."""
Days = Annotated[int, Field(gt=0, le=36500)]
Quantity = Annotated[str, AfterValidator(_quantity)]


def _take_nothing_for_another(schema: Any) -> None:
    """Let a number be a number and a flag a flag: by default `true` would be 1, and "yes" would be true.

    Pydantic's own strictness would go for lists and names too, which config has in place of tuples and enums.
    """
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "bool"):
            schema["strict"] = True
        for part in schema.values():
            _take_nothing_for_another(part)
    elif isinstance(schema, list):
        for part in schema:
            _take_nothing_for_another(part)


class Model(BaseModel):
    """A frozen section of config: camelCase in YAML, unknown keys refused, and nothing taken for another type."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        coerce_numbers_to_str=False,
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _take_nothing_for_another(schema)
        return schema


class Resources(Model):
    """What a container asks for and may take, by resource (cpu, memory), in Kubernetes' quantities."""

    requests: dict[str, str] = Field(default_factory=dict)
    limits: dict[str, str] = Field(default_factory=dict)
