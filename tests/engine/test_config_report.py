"""The report on a config with ten mistakes: docs/mistakes.md shows what the real engine and the program say."""

from __future__ import annotations

import pytest

from docs import mistakes

pytestmark = pytest.mark.engine


def test_the_page_shows_what_a_preview_says() -> None:
    page = mistakes.PAGE.read_text(encoding="utf-8")
    assert mistakes.rendered(page) == page, "run: python -m docs.mistakes"
