"""The guardrails as policies of pulumi-policy: the only module that knows it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policies.guardrails.catalogue import DEFINITIONS
from policies.guardrails.model import UNKNOWN, Planned, Resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from policies.guardrails.model import Definition
    from policies.guardrails.stack import Session

    Report = Callable[[str, str | None], None]


def policies(session: Session) -> list[Policy]:
    """Every guardrail that the stack has not turned off, each at the stack's level."""
    return [policy for definition in DEFINITIONS for policy in _policies(definition, session)]


def _policies(definition: Definition, session: Session) -> list[Policy]:
    level = EnforcementLevel(definition.level(session.stack.guardrails).value)
    name = definition.guardrail.value
    found: list[Policy] = []
    if definition.early:
        validate = partial(_look_early, definition, session)
        found.append(ResourceValidationPolicy(name, definition.why, validate, enforcement_level=level))
    if definition.late:
        # Names are unique in a pack, and a guardrail may look twice.
        late_name = f"{name}-together" if definition.early else name
        validate_stack = partial(_look_late, definition, session)
        found.append(StackValidationPolicy(late_name, definition.why, validate_stack, enforcement_level=level))
    return found


def _look_early(definition: Definition, session: Session, args: ResourceValidationArgs, report: Report) -> None:
    resource = Resource(
        urn=args.urn,
        type=args.resource_type,
        inputs=plain(args.props),
        provider=_provider(args.provider),
        protect=bool(args.opts.protect),
    )
    session.saw(resource)
    for rule in definition.early:
        for finding in rule(resource, session.stack):
            report(str(finding), finding.urn)


def _look_late(definition: Definition, session: Session, args: StackValidationArgs, report: Report) -> None:
    planned = [
        Planned(
            resource=Resource(
                urn=one.urn,
                type=one.resource_type,
                # The engine only shows outputs here; what nobody asked for, such as a read, has no other.
                inputs=session.asked_for(one.urn) or plain(one.props),
                outputs=plain(one.props),
                provider=_provider(one.provider),
                protect=bool(one.opts.protect),
            ),
            sources={key: [source.urn for source in found] for key, found in one.property_dependencies.items()},
        )
        for one in args.resources
    ]
    for rule in definition.late:
        for finding in rule(planned, session.stack):
            report(str(finding), finding.urn)


def plain(values: Any) -> Any:
    """Properties as plain data: the SDK's wrappers raise where a value is unknown, and whole numbers come as floats."""
    if hasattr(values, "items"):
        return {key: _value(values, key) for key in values}
    if isinstance(values, (str, bytes)) or not hasattr(values, "__getitem__"):
        return int(values) if isinstance(values, float) and values.is_integer() else values
    return [_value(values, place) for place in range(len(values))]


def _value(values: Any, key: Any) -> Any:
    try:
        return plain(values[key])
    except UnknownValueError:
        return UNKNOWN


def _provider(provider: Any) -> str:
    # As the engine writes it; the id plays no part in any rule.
    return "" if provider is None else f"{provider.urn}::{UNKNOWN}"
