"""What all models of the API share, and how a request's mistakes become the API's problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from sandbox.linode.errors import Problem, invalid_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

M = TypeVar("M", bound="RequestObject")


class ApiObject(BaseModel):
    """An object in an answer: immutable, and made by the emulator alone, so an unknown name is a mistake here."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @classmethod
    def of(cls, record: BaseModel, **given: Any) -> Self:
        """What is shown of a record: its values under the same names, and those that are given."""
        same = (cls.model_fields.keys() & type(record).model_fields.keys()) - given.keys()
        return cls(**{name: getattr(record, name) for name in same}, **given)

    def body(self) -> dict[str, Any]:
        """The object as JSON data, under the API's names."""
        return self.model_dump(mode="json", by_alias=True)


class RequestObject(BaseModel):
    """An object in a request.

    Types are strict, as in the API: "1" is no number. Unknown names are ignored, and null means that a field is not
    given (linodego sends null for every unset list).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if value is not None}
        return data


def parse_request(model: type[M], document: Mapping[str, Any]) -> M:
    """The request's body as a model. Raises ApiError: 400, with one problem for every field that is wrong."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise invalid_all(_problem(detail) for detail in error.errors()) from error


def _problem(detail: ErrorDetails) -> Problem:
    return Problem(reason=_reason(detail), field=_field(detail["loc"]))


def _field(location: tuple[int | str, ...]) -> str | None:
    """A pydantic location as the API writes one: node_pools[0].count."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or None


_TYPES = {
    "bool_type": "Boolean",
    "dict_type": "Object",
    "float_type": "Number",
    "int_from_float": "Integer",
    "int_type": "Integer",
    "list_type": "Array",
    "model_attributes_type": "Object",
    "model_type": "Object",
    "string_type": "String",
}


def _reason(detail: ErrorDetails) -> str:
    """The reason in the API's words for the kinds of mistakes that pydantic finds by itself."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return f"{detail['loc'][-1]} is required"
    if kind in _TYPES:
        return f"Must be of type {_TYPES[kind]}"
    if kind == "enum":
        return f"Must be one of {context['expected'].replace(' or ', ', ')}".replace("'", "")
    if kind == "too_short":
        return f"Must contain at least {context['min_length']} items"
    if kind == "too_long":
        return f"Must contain at most {context['max_length']} items"
    return detail["msg"].removeprefix("Value error, ")
