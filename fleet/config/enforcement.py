"""What a stack says about its guardrails: how strict they are, and what the stack may cost.

policies/guardrails enforces it at every preview and update; the names are here so that a mistyped one is found with
every other mistake in the config.
"""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import Field

from fleet.config.fields import Model


class Guardrail(enum.StrEnum):
    """What can be refused."""

    CONTROL_PLANE_AVAILABILITY = "control-plane-availability"
    CONTROL_PLANE_ACL = "control-plane-acl"
    KARMADA_ACL = "karmada-acl"
    NODE_LOSS = "node-loss"
    COMPONENT_REPLICAS = "component-replicas"
    PINNED_VERSIONS = "pinned-versions"
    ETCD_VOLUME = "etcd-volume"
    KARMADA_BACKUP = "karmada-backup"
    REMOTE_SECRETS = "remote-secrets"
    MUTUAL_TLS = "mutual-tls"
    EAST_WEST_PORTS = "east-west-ports"
    CERTIFICATES = "certificates"
    TAGS = "tags"
    ACKNOWLEDGED = "acknowledged"
    MONTHLY_COST = "monthly-cost"


class Level(enum.StrEnum):
    """What a finding does: stop the preview and the update, be told, or nothing."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"
    DISABLED = "disabled"


class Profile(enum.StrEnum):
    """What a stack is for, which decides how strict each guardrail is."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


class Guardrails(Model):
    """How strict the guardrails of a stack are; without a word, as strict as in production."""

    profile: Profile = Profile.PRODUCTION
    levels: dict[Guardrail, Level] = Field(default_factory=dict)
    """What differs from the profile."""
    monthly_limit: Annotated[int, Field(gt=0)] | None = None
    """US dollars a month that the stack may cost at most, with every autoscaler at its maximum."""
