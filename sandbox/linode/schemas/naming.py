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
_CLUSTER_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VOLUME_LABEL = re.compile(r"[A-Za-z0-9](?:[-_]?[A-Za-z0-9])*")
_BALANCER_LABEL = re.compile(r"[A-Za-z0-9._-]+")
_FIREWALL_LABEL = re.compile(r"(?!.*(?:--|__|\.\.))[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]")
_RESERVED_DOMAINS = ("kubernetes.io", "k8s.io", "linode.com")


def _length(text: str, *, shortest: int, longest: int) -> str:
    if not shortest <= len(text) <= longest:
        raise PydanticCustomError("length", f"Length must be {shortest}-{longest} characters")
    return text


def _cluster_label(text: str) -> str:
    _length(text, shortest=1, longest=32)
    if not _CLUSTER_LABEL.fullmatch(text):
        raise PydanticCustomError(
            "label", "Must start with a letter or digit, and contain only letters, digits, '.', '-' and '_'"
        )
    return text


def _volume_label(text: str) -> str:
    _length(text, shortest=1, longest=32)
    if not _VOLUME_LABEL.fullmatch(text):
        raise PydanticCustomError("label", "Must only contain letters, digits, single '-' and '_'")
    return text


def _balancer_label(text: str) -> str:
    _length(text, shortest=3, longest=32)
    if not _BALANCER_LABEL.fullmatch(text):
        raise PydanticCustomError("label", "Must only contain letters, digits, '.', '-' and '_'")
    return text


def _firewall_label(text: str) -> str:
    _length(text, shortest=3, longest=32)
    if not _FIREWALL_LABEL.fullmatch(text):
        raise PydanticCustomError(
            "label",
            "Must begin and end with a letter or digit, and contain only letters, digits, and single '-', '_' and '.'",
        )
    return text


def _rule_label(text: str) -> str:
    return _length(text, shortest=3, longest=32)


def _rule_description(text: str) -> str:
    return _length(text, shortest=1, longest=100)


def _tag(text: str) -> str:
    return _length(text, shortest=3, longest=50)


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


ClusterLabel = Annotated[str, AfterValidator(_cluster_label)]
"""A cluster's label: it is part of names elsewhere, so its characters are few."""

VolumeLabel = Annotated[str, AfterValidator(_volume_label)]
"""A volume's label: it is part of the device's path."""

BalancerLabel = Annotated[str, AfterValidator(_balancer_label)]
"""A load balancer's, or a backend's, label."""

FirewallLabel = Annotated[str, AfterValidator(_firewall_label)]
"""A firewall's label."""

RuleLabel = Annotated[str, AfterValidator(_rule_label)]
"""The label of a firewall's rule."""

RuleDescription = Annotated[str, AfterValidator(_rule_description)]
"""What a firewall's rule is for."""

Tag = Annotated[str, AfterValidator(_tag)]
"""A tag: 3 to 50 characters."""

LabelKey = Annotated[str, AfterValidator(_key)]
"""A key of a node's label, outside the domains that LKE keeps for itself."""

TaintKey = Annotated[str, AfterValidator(_qualified)]
"""A key of a taint, outside the same domains."""

LabelValue = Annotated[str, AfterValidator(_value)]
"""The value of a Kubernetes label or taint."""

Tags = Annotated[list[Tag], Field(max_length=500)]
