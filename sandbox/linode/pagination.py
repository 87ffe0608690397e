"""Pages of a list: `page` from 1, `page_size` from 25 to 500, 100 by default.

Source: https://techdocs.akamai.com/linode-api/reference/pagination; the reason "Must be 25-500" is the live API's. A
page past the end is empty: terraform-provider-linode says hello with one (linode/provider.go: "Ping the API for an
empty response").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.linode.errors import Problem, invalid_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DEFAULT_SIZE = 100
_SIZES = range(25, 501)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Which part of a list is asked for."""

    number: int
    size: int

    def cut(self, entries: Sequence[Any]) -> dict[str, Any]:
        """The page of the entries, in the API's envelope: one past the end of the list is empty."""
        pages = max(1, -(-len(entries) // self.size))
        start = (self.number - 1) * self.size
        return {
            "data": list(entries[start : start + self.size]),
            "page": self.number,
            "pages": pages,
            "results": len(entries),
        }


def parse_page(query: Mapping[str, str]) -> Page:
    """The page that a query string asks for.

    Raises ApiError: 400, naming every parameter that is not a number in its range.
    """
    problems: list[Problem] = []
    number = _number(query.get("page", "1"))
    if number is None or number < 1:
        problems.append(Problem(reason="Must be a positive integer", field="page"))
    size = _number(query.get("page_size", str(_DEFAULT_SIZE)))
    if size is None or size not in _SIZES:
        problems.append(Problem(reason=f"Must be {_SIZES[0]}-{_SIZES[-1]}", field="page_size"))
    if number is None or size is None or problems:
        raise invalid_all(problems)
    return Page(number=number, size=size)


def _number(text: str) -> int | None:
    """A decimal number short enough to be one (Python refuses to convert thousands of digits)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
