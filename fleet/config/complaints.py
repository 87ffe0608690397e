"""What is wrong with a value of the config, in the words of the config instead of the validation library's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fleet.config.recipients import PRIVATE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

PLAIN_SECRET: Final = "plain_secret"  # noqa: S105 - a kind of mistake
"""pydantic's name of a mistake whose value may be a secret."""
_TABLE: Final = "must be a table of keys and values"
_LIST: Final = "must be a list"
_WHOLE: Final = "must be a whole number"
_FLAG: Final = "must be true or false"
_WORDS: Final[Mapping[str, str]] = {
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "dict_type": _TABLE,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "enum": "must be {expected}",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entry",
    "string_too_short": "must have at least {min_length} character",
}
"""By pydantic's name of a mistake; what stands in braces is its context (pydantic_core, list_all_errors)."""


def complaint(detail: ErrorDetails) -> str:
    """The value, unless it may be a secret, and what it has to be."""
    value = detail["input"]
    if detail["type"] in (PRIVATE_KEY, PLAIN_SECRET):
        return detail["msg"]
    named = "" if _may_hold_secrets(detail) else f"{shown(value)} "
    if detail["type"] == "string_type":
        return f"{named}must be a string; {_quoted(value)}"
    return f"{named}is refused: {_words(detail)}"


def shown(value: Any) -> str:
    """A value as the config spells it."""
    return {id(None): "null", id(True): "true", id(False): "false"}.get(id(value)) or repr(value)


def of_unknown_key(detail: ErrorDetails) -> str:
    """What an unknown key has, unless that may be a secret: whoever mistypes `secretEnv` has some below it."""
    value = detail["input"]
    if isinstance(value, dict | list) or _may_hold_secrets(detail):
        return "unknown key"
    return f"unknown key (set to {shown(value)})"


def _may_hold_secrets(detail: ErrorDetails) -> bool:
    """Whether a value stands where people who know no better write secrets, or above. A name of a key is none."""
    place = detail["loc"]
    if place[-1] == "[key]" or not isinstance(detail["input"], str | dict | list):
        return False
    return place[0] == "registries" or (place[0] == "workloads" and place[2:3] in ((), ("secretEnv",)))


def without_consequences(details: Iterable[ErrorDetails]) -> list[ErrorDetails]:
    """The mistakes without those that only follow from others: a list is too short once its entries are refused."""
    found = list(details)
    places = [detail["loc"] for detail in found]
    return [
        detail
        for detail in found
        if detail["type"] != "too_short"
        or not any(place[: len(detail["loc"])] == detail["loc"] != place for place in places)
    ]


def _words(detail: ErrorDetails) -> str:
    if template := _WORDS.get(detail["type"]):
        return template.format(**detail.get("ctx", {}))
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{message[0].lower()}{message[1:]}"


def _quoted(value: Any) -> str:
    return "put it in quotes" if isinstance(value, bool | int | float) else "write one"
