"""Writes the report as Markdown: a pull request shows it as it is, a terminal by way of Rich."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from plan.cost import Amount
from plan.dangers import Harm
from plan.inventory import Kind
from plan.steps import name_of

if TYPE_CHECKING:
    from decimal import Decimal

    from review.changes import Change, Group
    from review.report import Cost, Report

_HARMS: Final = {
    Harm.CLUSTER: "cluster lost",
    Harm.DATA: "data lost",
    Harm.NODES: "nodes replaced",
    Harm.MEMBER: "member removed",
    Harm.TRUST: "trust broken",
    Harm.ADDRESS: "address lost",
    Harm.CAPACITY: "capacity lost",
}
_OPERATIONS: Final = {
    "delete": "to delete",
    "replace": "to replace",
    "update": "to update",
    "create": "to create",
    "import": "to import",
    "same": "unchanged",
}
_MOST_NAMES: Final = {"create": 4}
_MOST_NAMES_OF_OTHERS: Final = 20
_MOST_DETAILS: Final = 4
_MOST_LINES: Final = 40
_COMMENT: Final = 65_000
"""Characters in a comment; GitHub refuses more than 65,536, and what keeps one comment up to date adds a mark to it."""


def markdown(report: Report) -> str:
    """The whole report."""
    template = _environment().get_template("report.md.jinja")
    return template.render(report=report, headline=_headline(report), kinds=tuple(Kind))


def for_pull_request(report: Report, *, sharing: int = 1) -> str:
    """The report as far as a comment has room for it that this many reports share; the end says what was left out.

    GitHub starts 256 jobs of a matrix at most, so that many reports is the most that meet in a comment.
    """
    text, room = markdown(report), _COMMENT // sharing
    if len(text) < room:
        return text
    lines = text.splitlines()
    # What is dangerous stands at the top, so the end is what can go.
    while len(cut := "\n".join([*lines, *_closing(lines), "", _left_out(report, lines, text)])) >= room - 1 and lines:
        lines.pop()
    return f"{cut}\n"


def _closing(lines: list[str]) -> list[str]:
    """What ends a block of code that the cut went through."""
    return ["```"] if sum(line.startswith("```") for line in lines) % 2 else []


def _left_out(report: Report, kept: list[str], text: str) -> str:
    """Which parts a reader does not see, in the words of their headings."""
    heads = [line for line in text.splitlines() if line.startswith("### ")]
    shown = [line for line in kept if line.startswith("### ")]
    missing = [*(f"the end of {head[4:]}" for head in shown[-1:]), *(head[4:] for head in heads[len(shown) :])]
    return f"**Left out**, for want of room: {'; '.join(missing)}. `make review STACK={report.stack}` shows it all."


@cache
def _environment() -> Environment:
    # Markdown is no HTML, which autoescape is for; `cell`, `inline` and `fenced` keep text in its place.
    environment = Environment(  # noqa: S701
        loader=PackageLoader("review"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = {
        "cell": _cell,
        "inline": _inline,
        "fenced": _fenced,
        "harm": _HARMS.__getitem__,
        "name": name_of,
        "money": _money,
        "difference": _difference,
        "total": _total,
        "listed": _listed,
    }
    environment.filters.update(filters)
    return environment


def _headline(report: Report) -> str:
    counts = ", ".join(f"{count} {_OPERATIONS[op]}" for op, count in report.counts.items()) or "nothing to do"
    verdict = f"; **not to be merged**: {', '.join(report.blockers)}" if report.blockers else ""
    return counts + verdict


def _inline(text: str) -> str:
    """Text on one line, in which nothing is taken for markup or calls anybody."""
    words = " ".join(text.split())
    for mark in "\\`*_<>[]|#":
        words = words.replace(mark, f"\\{mark}")
    # GitHub notifies whoever is named, unless something stands between the sign and the name.
    return words.replace("@", "@\u200b")


def _cell(text: str) -> str:
    """The same for a cell of a table; an empty one stays a cell."""
    return _inline(text) or " "


def _fenced(text: str) -> str:
    """Text in a block of code, which it cannot end; a long one is cut."""
    lines = text.replace("```", "'''").splitlines()
    return "\n".join(lines[:_MOST_LINES] + ["…"] * (len(lines) > _MOST_LINES))


def _money(amount: Amount) -> str:
    if amount == Amount():
        return "-"
    bounds = f" ({_dollars(amount.low)} to {_dollars(amount.high)})" if amount.is_range else ""
    return _dollars(amount.expected) + bounds


def _difference(amount: Amount) -> str:
    if amount == Amount():
        return "-"
    bounds = f" ({_signed(amount.low)} to {_signed(amount.high)})" if amount.low != amount.high else ""
    return _signed(amount.expected) + bounds


def _dollars(value: Decimal) -> str:
    return f"{value:,.2f}".removesuffix(".00")


def _signed(value: Decimal) -> str:
    return "±0" if not value else f"{'+' if value > 0 else '-'}{_dollars(abs(value))}"


def _total(cost: Cost, kind: Kind) -> Amount:
    return sum((cost.after.of(cluster, kind) for cluster in cost.after.clusters), Amount())


def _listed(group: Group) -> str:
    """The resources of a group, with what changes in each, as far as there is room."""
    most = _MOST_NAMES.get(group.op, _MOST_NAMES_OF_OTHERS)
    shown = [_change(change) for change in group.changes[:most]]
    rest = len(group.changes) - len(shown)
    return ", ".join(shown) + (f", and {rest} more" if rest else "")


def _change(change: Change) -> str:
    details = [f"`{detail.replace('`', '').replace('|', '/')}`" for detail in change.details[:_MOST_DETAILS]]
    rest = len(change.details) - len(details)
    more = [f"{rest} more"] if rest else []
    return _inline(change.name) + (f" ({', '.join(details + more)})" if details else "")
