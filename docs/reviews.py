"""The comments in docs/review.md, as the generator prints them for the recordings: ``python -m docs.reviews``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plan import events, prices
from review import comment, report
from sandbox.linode import LinodeApi
from tests.review.recordings import NAMES, recording

if TYPE_CHECKING:
    from plan.prices import PriceList

PAGE: Final = Path(__file__).parent / "review.md"


def comment_on(name: str, price_list: PriceList) -> str:
    """The comment on a recorded change, headings two levels down, since it stands inside a page."""
    text = comment.for_pull_request(report.build(events.read(recording(name)), price_list))
    return re.sub(r"^(#+) ", r"##\1 ", text, flags=re.MULTILINE)


def placed(page: str, comments: dict[str, str]) -> str:
    """The page with each comment between its marks."""
    for name, text in comments.items():
        begin, end = f"<!-- comment: {name} -->\n", f"<!-- end: {name} -->"
        before, rest = page.split(begin, 1)
        page = before + begin + text + end + rest.split(end, 1)[1]
    return page


def rendered(page: str) -> str:
    """The page with the comments as they are printed today."""
    with LinodeApi() as api:
        price_list = prices.fetch(api.url, api.token)
    return placed(page, {name: comment_on(name, price_list) for name in NAMES})


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
