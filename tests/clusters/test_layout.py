"""Names of sandboxes, and what is named after them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clusters.host.layout import InvalidNameError, Layout

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True)


@given(NAMES, NAMES)
def test_no_sandbox_takes_anothers_namespaces_for_its_own(one: str, other: str) -> None:
    prefix = Layout(one).namespace_prefix
    assert Layout(other).wan.startswith(prefix) == (one == other)


@pytest.mark.parametrize("name", ["", "UPPER", "with-dash", "1digit", "a" * 17, "../escape", "white space"])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError, match="Choose another name"):
        Layout(name)
