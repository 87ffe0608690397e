"""The forms that names in requests must have."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

# Kubernetes' syntax of label keys and values, and of qualified names
# (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set).
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_DOMAIN = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
_KEY = re.compile(rf"(?:(?P<domain>{_DOMAIN})/)?{_NAME}")
_VALUE = re.compile(rf"(?:{_NAME})?")
_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VOLUME = re.compile(r"[A-Za-z0-9](?:[-_]?[A-Za-z0-9])*")
_BALANCER = re.compile(r"[A-Za-z0-9._-]+")
_FIREWALL = re.compile(r"(?!.*(?:--|__|\.\.))[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]")
_RESERVED_DOMAINS = ("kubernetes.io", "k8s.io", "linode.com")


def _text(shortest: int, longest: int, form: re.Pattern[str] | None = None, reason: str = "") -> AfterValidator:
    """A text of so many characters, in a form that `reason` tells."""

    def check(text: str) -> str:
        if not shortest <= len(text) <= longest:
            raise PydanticCustomError("length", f"Length must be {shortest}-{longest} characters")
        if form is not None and not form.fullmatch(text):
            raise PydanticCustomError("label", reason)
        return text

    return AfterValidator(check)


def _qualified(text: str) -> str:
    match = _KEY.fullmatch(text)
    if match is None or len(match["domain"] or "") > 253:
        raise PydanticCustomError("key", "Must be a valid Kubernetes label key")
    domain = match["domain"] or ""
    if any(domain == reserved or domain.endswith(f".{reserved}") for reserved in _RESERVED_DOMAINS):
        raise PydanticCustomError("key", f"The domain {domain} is reserved")
    return text


def _key(text: str) -> str:
    # As the reference has it (POST /lke/clusters/{clusterId}/pools, labels).
    _domain, slash, name = _qualified(text).rpartition("/")
    if slash and (len(text) > 128 or len(name) > 62):
        raise PydanticCustomError("key", "Must have at most 128 characters, 62 of them after the domain")
    return text


def _value(text: str) -> str:
    if not _VALUE.fullmatch(text):
        raise PydanticCustomError("value", "Must be a valid Kubernetes label value")
    return text


ClusterLabel = Annotated[
    str,
    _text(1, 32, _CLUSTER, "Must start with a letter or digit, and contain only letters, digits, '.', '-' and '_'"),
]
"""A cluster's label: it is part of names elsewhere, so its characters are few."""

VolumeLabel = Annotated[str, _text(1, 32, _VOLUME, "Must only contain letters, digits, single '-' and '_'")]
"""A volume's label: it is part of the device's path."""

BalancerLabel = Annotated[str, _text(3, 32, _BALANCER, "Must only contain letters, digits, '.', '-' and '_'")]
"""A load balancer's, or a backend's, label."""

FirewallLabel = Annotated[
    str,
    _text(
        *(3, 32, _FIREWALL),
        "Must begin and end with a letter or digit, and contain only letters, digits, and single '-', '_' and '.'",
    ),
]
"""A firewall's label."""

RuleLabel = Annotated[str, _text(3, 32)]
"""The label of a firewall's rule."""

RuleDescription = Annotated[str, _text(1, 100)]
"""What a firewall's rule is for."""

Tag = Annotated[str, _text(3, 50)]
"""A tag: 3 to 50 characters."""

LabelKey = Annotated[str, AfterValidator(_key)]
"""A key of a node's label, outside the domains that LKE keeps for itself."""

TaintKey = Annotated[str, AfterValidator(_qualified)]
"""A key of a taint, outside the same domains."""

LabelValue = Annotated[str, AfterValidator(_value)]
"""The value of a Kubernetes label or taint."""

Tags = Annotated[list[Tag], Field(max_length=500)]
