"""Somebody updates a part of the stack, and takes the config for what is deployed.

Steady: every member trusts one root of the mesh, and it signs.
Done: another root is added, and `pulumi up --target` reaches nothing of the mesh; then the new root is to sign.
Must hold: a preview refuses to have a root sign that the members do not trust, and nothing has become another.
By: that preview, before anything is registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from fleet.naming import DEFAULT_ROOT
from tests.e2e.stack import YES

if TYPE_CHECKING:
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

BOTH: Final[dict[str, Any]] = {"roots": [DEFAULT_ROOT, "next"]}


def test_a_root_that_members_do_not_trust_yet_cannot_sign_whatever_the_config_says(fleet: Fleet) -> None:
    sections = fleet.configured().sections
    fleet.stack.configure(**sections, certs={"mesh": BOTH})
    fleet.stack.run("up", *YES, "--target=**fleet-suffix")
    fleet.stack.configure(**sections, certs={"mesh": BOTH | {"signing": "next"}})
    with pytest.raises(AssertionError, match=r"certs\.mesh\.signing: 'next' is not trusted by the members yet"):
        fleet.stack.run("preview", "--non-interactive", "--color=never")
    assert fleet.stack.changes(**sections) == {}
