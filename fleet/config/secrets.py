"""Secrets of the stack config: one flat section holds them, and free-form values name them (decision 142).

Pulumi tells a program which top-level keys of the config hold a secret, and not which values below them. So a secret
stands in `fleet:secrets` and nowhere else, and `{secret: NAME}` stands where its value goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, SecretStr

from fleet.config import retired
from fleet.config.fields import Model
from fleet.config.violations import Violation

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

SECTION: Final = "secrets"
"""The section that holds the secrets, by name."""
REFERENCE: Final = "secret"
"""The key of a mapping that stands for a secret's value, and names the secret."""

Path = tuple[str, ...]
Section = TypeVar("Section", bound=Model)


def remedy(name: str = "NAME") -> str:
    """The command that puts a secret where it belongs; it asks for the value, which no shell's history then has."""
    return f"`pulumi config set --secret --path 'fleet:{SECTION}.{name}'`"


MISPLACED: Final = (
    "holds a `secure:` value, which the state would show, since Pulumi tells a program of whole keys alone that they "
    f"hold one; keep it in fleet:{SECTION} ({remedy()}), and name it where its value goes: {{{REFERENCE}: NAME}}"
)
"""What is wrong with any other section that holds something encrypted."""


def complaint(detail: ErrorDetails) -> str:
    """What is wrong in the section itself, without a word of the value."""
    if detail["type"] != "value_error":
        return f"is no table of secrets by name; {remedy()} adds one to it"
    message = detail["msg"].removeprefix("Value error, ")
    return message if detail["loc"][-1] == "[key]" else f"{message}; set it by {remedy(str(detail['loc'][-1]))}"


def _encrypted(value: Any) -> SecretStr:
    """What config.load marks as encrypted, since the engine told it so; plain text looks the same otherwise."""
    match value:
        case SecretStr() if value.get_secret_value():
            return value
        case SecretStr():
            raise ValueError("is empty")
        case str():
            raise ValueError("is not encrypted, so take it for known to all who could read this file, and change it")
    raise ValueError("is no text")


Secret = Annotated[SecretStr, BeforeValidator(_encrypted)]
"""A value that the config has encrypted, and that no message, representation or dump shows."""


@dataclass(frozen=True)
class FreeForm:
    """Marks a field whose keys are somebody else's, such as a chart's, so that any value below may name a secret."""


Values = Annotated[dict[str, Any], FreeForm()]


def violations(config: Model, secrets: Mapping[str, SecretStr]) -> Iterator[Violation]:
    """What is wrong with the references of a config, and which secrets nothing names."""
    named: set[str] = set()
    sources: list[Path] = []
    for source, values in _free_form(config, ()):
        sources.append(source)
        for path, mapping in _references(values, source):
            name = mapping[REFERENCE]
            named.add(str(name))
            if wrong := _wrong(mapping, at_root=path == source):
                yield Violation(path=path, message=wrong)
            elif name not in secrets:
                yield Violation(path=path, message=_unknown(name, secrets), rests_on=((SECTION, name),))
    for name in secrets:
        if name not in named:
            yield Violation(
                path=(SECTION, name),
                message=f"nothing names it; write {{{REFERENCE}: {name}}} where its value goes, or take it out",
                # What was named in a key that went, or in an entry that is wrong, is not reported as named by nothing.
                rests_on=(*sources, ("workloads",), *(tuple(key.split(".")) for key in retired.RETIRED)),
            )


def filled(section: Section, secrets: Mapping[str, SecretStr]) -> Section:
    """The section with the secrets themselves in the places that name them; the names must be right."""
    changes = {
        name: _resolved(value, secrets) if _is_free_form(field) else _filled(value, secrets)
        for name, field in type(section).model_fields.items()
        for value in (getattr(section, name),)
    }
    return section.model_copy(update=changes)


def sealed(values: Any) -> Any:
    """The values as a resource takes them: a secret in them is an output that the engine encrypts wherever it rests."""
    # Whoever reads the config alone, as most commands do, does without Pulumi's SDK.
    from pulumi import Output

    match values:
        case SecretStr():
            return Output.secret(values.get_secret_value())
        case Mapping():
            inputs = {key: sealed(value) for key, value in values.items()}
            # The official provider takes any mapping of this kind for a Kubernetes Secret, in which it hides data and
            # stringData alone (annotateSecrets in provider.go of pulumi-kubernetes).
            return Output.secret(inputs) if values.get("kind") == "Secret" and _has_secret(values) else inputs
        case list() | tuple():
            return [sealed(value) for value in values]
    return values


def _is_free_form(field: FieldInfo) -> bool:
    return any(isinstance(mark, FreeForm) for mark in field.metadata)


def _free_form(value: Any, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The free-form values of a section, and of the sections in it, with the path of each as users write it."""
    match value:
        case Model():
            for name, field in type(value).model_fields.items():
                below, content = (*path, field.alias or name), getattr(value, name)
                if _is_free_form(field):
                    yield below, content
                else:
                    yield from _free_form(content, below)
        case Mapping():
            for key, item in value.items():
                yield from _free_form(item, (*path, str(key)))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _free_form(item, (*path, str(index)))


def _filled(value: Any, secrets: Mapping[str, SecretStr]) -> Any:
    match value:
        case Model():
            return filled(value, secrets)
        case Mapping():
            return {key: _filled(item, secrets) for key, item in value.items()}
        case tuple():
            return tuple(_filled(item, secrets) for item in value)
    return value


def is_reference(mapping: Mapping[str, Any]) -> bool:
    """Whether a mapping is meant to name a secret; Kubernetes has mappings and lists below this key, in its volumes."""
    return REFERENCE in mapping and not isinstance(mapping[REFERENCE], (Mapping, list, SecretStr))


def _references(value: Any, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    match value:
        case Mapping() if is_reference(value):
            yield path, value
        case Mapping():
            for key, item in value.items():
                yield from _references(item, (*path, str(key)))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _references(item, (*path, str(index)))


def _wrong(mapping: Mapping[str, Any], *, at_root: bool) -> str:
    """What is wrong with the form of a reference; nothing for one that is right."""
    name, others = mapping[REFERENCE], [str(key) for key in mapping if key != REFERENCE]
    if not isinstance(name, str):
        return f"{{{REFERENCE}: {name!r}}} names no secret; put the name in quotes"
    if others:
        return f"{{{REFERENCE}: {name}}} stands for a whole value; take {', '.join(map(repr, others))} out beside it"
    if at_root:
        return f"{{{REFERENCE}: {name}}} stands for one value, and these are many; put it below a key"
    return ""


def _unknown(name: str, secrets: Mapping[str, SecretStr]) -> str:
    there = f"which has {', '.join(map(repr, secrets))}" if secrets else "which is empty"
    return f"{name!r} is not in fleet:{SECTION}, {there}; add it by {remedy(name)}"


def _resolved(value: Any, secrets: Mapping[str, SecretStr]) -> Any:
    match value:
        case Mapping() if is_reference(value):
            return secrets[value[REFERENCE]]
        case Mapping():
            return {key: _resolved(item, secrets) for key, item in value.items()}
        case list() | tuple():
            return [_resolved(item, secrets) for item in value]
    return value


def _has_secret(value: Any) -> bool:
    match value:
        case Mapping():
            return any(map(_has_secret, value.values()))
        case list() | tuple():
            return any(map(_has_secret, value))
    return isinstance(value, SecretStr)
