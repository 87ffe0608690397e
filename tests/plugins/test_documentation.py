"""docs/plugins.md says what is there."""

from __future__ import annotations

import pytest

from docs import plugins
from sandbox.plugins.framework import UnsupportedError


def test_the_table_lists_the_types_that_the_program_registers() -> None:
    text = plugins.PAGE.read_text(encoding="utf-8")
    assert text == plugins.page_with(text, plugins.table()), "run: python -m docs.plugins"


@pytest.mark.parametrize(
    "token",
    ["linode:index/volume:Volume", "tls:index/x:X"],
)
def test_a_type_that_the_program_has_no_use_for_is_refused_by_name(token: str) -> None:
    with pytest.raises(UnsupportedError, match=token):
        plugins.providers()[token.split(":", 1)[0]].resource_type(token)
