"""RandomString: characters drawn from chosen sets, with a least number from each."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, ClassVar, Final

from sandbox.plugins.framework import UNKNOWN, CheckFailure
from sandbox.plugins.framework.schema import Kind, Property, Use
from sandbox.plugins.framework.shaping import with_defaults
from sandbox.plugins.random.value import KEEPERS, RandomValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.plugins.framework import Properties, Value
    from sandbox.plugins.framework.schema import Schema

_SPECIAL: Final = "!@#$%&*()-_=+[]{}<>:?"  # the official provider's set (its docs, `special`)
_MINIMA: Final = {
    "upper": "minUpper",
    "lower": "minLower",
    "numeric": "minNumeric",
    "special": "minSpecial",
}


def _switch() -> Property:
    return Property(kind=Kind.BOOLEAN, force_new=True, default=True)


def _minimum() -> Property:
    return Property(kind=Kind.INTEGER, force_new=True, default=0)


class RandomString(RandomValue):
    """A random string. Import takes the string itself."""

    token = "random:index/randomString:RandomString"  # noqa: S105 - a type's name
    schema: ClassVar[Schema] = {
        "keepers": KEEPERS,
        "length": Property(kind=Kind.INTEGER, use=Use.REQUIRED, force_new=True),
        "lower": _switch(),
        "minLower": _minimum(),
        "minNumeric": _minimum(),
        "minSpecial": _minimum(),
        "minUpper": _minimum(),
        "number": Property(kind=Kind.BOOLEAN, use=Use.FILLED, force_new=True),
        "numeric": Property(kind=Kind.BOOLEAN, use=Use.FILLED, force_new=True),
        "overrideSpecial": Property(kind=Kind.STRING, force_new=True),
        "special": _switch(),
        "upper": _switch(),
        "result": Property(kind=Kind.STRING, use=Use.OUTPUT),
    }

    def effective(self, inputs: Mapping[str, Value]) -> Properties:
        """With defaults, and with `numeric` under its old name `number` too."""
        filled = with_defaults(self.schema, inputs)
        agreed = _agreed(filled)
        return filled | ({} if agreed is None else {"number": agreed, "numeric": agreed})

    def rules(self, inputs: Properties) -> Sequence[CheckFailure]:
        """Some set of characters, and room for the least number from each."""
        found = []
        if _agreed(inputs) is None:
            found.append(CheckFailure(path="number", reason="this old name of `numeric` differs from it; give one"))
        switches = [inputs["upper"], inputs["lower"], inputs["special"], _agreed(inputs)]
        if not any(switch is None or switch for switch in switches):
            found.append(CheckFailure(path="length", reason="every set of characters is switched off; allow one"))
        sizes = [inputs["length"], *(inputs[name] for name in _MINIMA.values())]
        if UNKNOWN not in sizes and inputs["length"] < max(1, sum(sizes[1:])):
            reason = f"{sizes[0]} is too short: it has to be at least 1 and the sum of the minima, {sum(sizes[1:])}"
            found.append(CheckFailure(path="length", reason=reason))
        return found

    def make(self, inputs: Properties) -> tuple[str, Properties]:
        """The least number from each set, the rest from all of them, in random order."""
        sets = {
            "upper": string.ascii_uppercase,
            "lower": string.ascii_lowercase,
            "numeric": string.digits,
            "special": inputs.get("overrideSpecial") or _SPECIAL,
        }
        allowed = "".join(characters for name, characters in sets.items() if inputs[name])
        drawn = [secrets.choice(characters) for name, characters in sets.items() for _ in range(inputs[_MINIMA[name]])]
        drawn += [secrets.choice(allowed) for _ in range(inputs["length"] - len(drawn))]
        secrets.SystemRandom().shuffle(drawn)
        result = "".join(drawn)
        return result, {"id": result, "result": result}

    def known(self, value: str) -> tuple[str, Properties, Properties]:
        """A string as it is; its inputs are the defaults."""
        switches = dict.fromkeys(("lower", "number", "numeric", "special", "upper"), True)
        minima = dict.fromkeys(_MINIMA.values(), 0)
        inputs: Properties = {"length": len(value)}
        return value, inputs, inputs | switches | minima | {"id": value, "result": value}


def _agreed(inputs: Mapping[str, Value]) -> Value:
    """Whether digits are allowed, by the new or the old name; None if the two say different things."""
    given = [inputs[name] for name in ("number", "numeric") if name in inputs]
    if UNKNOWN in given:
        return UNKNOWN
    return None if len(set(given)) > 1 else next(iter(given), True)
