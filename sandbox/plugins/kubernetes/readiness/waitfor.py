"""The conditions of a program's own: the annotation pulumi.com/waitFor.

`jsonpath={.status.phase}=Running`, `jsonpath={.status.ready}` (any value), `condition=Ready` or
`condition=Ready=False`, or a JSON array of such, all of which must hold (provider/pkg/metadata/overrides.go,
provider/pkg/jsonpath and provider/pkg/await/condition of pulumi-kubernetes).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.framework import ProviderError
from sandbox.plugins.kubernetes.objects import WAIT_FOR, pluck
from sandbox.plugins.kubernetes.readiness.look import Condition, Progress, state_of

if TYPE_CHECKING:
    from sandbox.plugins.kubernetes.readiness.look import View

# A single `=` separates path from value; `==` belongs to a filter inside the path.
_EXPRESSION: Final = re.compile(r"(?P<path>\{.*\})(?:=(?P<value>.*))?", re.DOTALL)


class WaitForError(ProviderError):
    """The annotation cannot be understood."""


class PathSelects:
    """A JSONPath selects something in the object or, if a value is given, that value first."""

    def __init__(self, expression: str) -> None:
        """`expression` is what follows `jsonpath=`. Raises WaitForError."""
        import jsonpath  # here, since few programs need it and every plugin process would load it
        from jsonpath.exceptions import JSONPathError

        match = _EXPRESSION.fullmatch(expression)
        if match is None or match["value"] == "":
            raise WaitForError(
                f"{WAIT_FOR}: {expression!r} should read {{.path}} or {{.path}}=value, without shell quotes"
            )
        inner = match["path"][1:-1].strip()
        try:
            self._path = jsonpath.compile(inner if inner.startswith("$") else f"${inner}")
        except JSONPathError as error:
            raise WaitForError(f"{WAIT_FOR}: {match['path']} is no JSONPath (RFC 9535): {error}") from error
        self._text = expression
        self._value: str | None = match["value"]

    def look(self, view: View) -> Progress:
        """Whether the path selects what it should."""
        status = f"Waiting for {self._text}"
        if not view.observed:
            return Progress(ready=False, status=status, problems=(status,))
        selected = self._path.findall(view.live)
        if not selected:
            status = f"{status} (nothing there)"
            return Progress(ready=False, status=status, problems=(status,))
        if self._value is None or _text(selected[0]) == self._value:
            return Progress(ready=True, status=f"Found {self._text}")
        status = f"{status} (found {_text(selected[0])!r})"
        return Progress(ready=False, status=status, problems=(status,))


class ConditionHolds:
    """The entry of status.conditions with a type has a status, True unless given."""

    def __init__(self, expression: str) -> None:
        """`expression` is what follows `condition=`."""
        self._type, _, status = expression.partition("=")
        self._status = status or "True"

    def look(self, view: View) -> Progress:
        """Whether the condition holds for the object's present generation."""
        condition: dict[str, Any] = {}
        for candidate in pluck(view.live, "status", "conditions", default=[]):
            if str(candidate.get("type", "")).lower() == self._type.lower():
                condition = state_of(view.live, candidate["type"])
        generation = pluck(view.live, "metadata", "generation")
        observed = condition.get("observedGeneration")
        stale = generation is not None and observed is not None and observed < generation
        current = not stale and (observed is not None or view.observed)
        found = condition.get("status", "missing")
        if current and str(found).lower() == self._status.lower():
            return Progress(ready=True, status=f"Found condition {self._type}={found}")
        status = f"Resource has condition {self._type}={found} (want {self._status})"
        if condition.get("message"):
            status = f"{status}: {condition['message']}"
        return Progress(ready=False, status=status, problems=(status,))


class All:
    """Several conditions at once."""

    def __init__(self, conditions: list[Condition]) -> None:
        self._conditions = conditions

    def look(self, view: View) -> Progress:
        """Whether all hold; speaks of those that do not."""
        missing = [progress for progress in (one.look(view) for one in self._conditions) if not progress.ready]
        if not missing:
            return Progress(ready=True, status="All conditions hold")
        return Progress(
            ready=False,
            status=missing[0].status,
            problems=tuple(problem for progress in missing for problem in progress.problems),
        )


def parse(annotation: str) -> Condition:
    """The condition that the annotation asks for. Raises WaitForError."""
    conditions = [_parse_one(expression) for expression in _expressions(annotation)]
    if not conditions:
        raise WaitForError(f"{WAIT_FOR}: at least one condition must be given")
    return conditions[0] if len(conditions) == 1 else All(conditions)


def _expressions(annotation: str) -> list[str]:
    try:
        values = json.loads(annotation)
    except ValueError:
        return [annotation]
    return values if isinstance(values, list) and all(isinstance(one, str) for one in values) else [annotation]


def _parse_one(expression: str) -> Condition:
    if expression.startswith("jsonpath="):
        return PathSelects(expression.removeprefix("jsonpath="))
    if expression.startswith("condition="):
        return ConditionHolds(expression.removeprefix("condition="))
    raise WaitForError(f'{WAIT_FOR}: expected a "jsonpath=" or "condition=" prefix, got {expression!r}')


def _text(value: Any) -> str:
    """A value as JSON writes it, but strings bare."""
    return value if isinstance(value, str) else json.dumps(value)
