"""An engine is killed while Helm upgrades a release, which Helm takes for an upgrade that goes on for ever.

Steady: istiod of `us` is deployed, and nothing is pending.
Done: engine and plugins are killed as soon as Helm's record of the upgrade is there.
Must hold: after `recover` the next `pulumi up` goes on from it, and the one after that changes nothing.
By: that update; nothing is pending 10 s after it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest

from fleet.naming import ISTIO_NAMESPACE
from tests.e2e.clients import eventually
from tests.e2e.running import changes_nothing
from tests.e2e.stack import YES, engine_of

if TYPE_CHECKING:
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

MEMBER: Final = "us"
OTHER: Final[dict[str, Any]] = {"mesh": {"istiodValues": {"podAnnotations": {"e2e.fleet/cut-off": "once"}}}}
WITHIN_SECONDS: Final = 240.0


def revisions(fleet: Fleet, status: str) -> list[str]:
    """Helm's records of istiod with a status."""
    found = fleet.members[MEMBER].get(
        "secrets", f"--namespace={ISTIO_NAMESPACE}", f"--selector=owner=helm,name=istiod,status={status}"
    )
    return [item["metadata"]["name"] for item in found["items"]]


def cut_off(fleet: Fleet) -> None:
    """Begin an update that upgrades istiod, and kill the engine and its plugins while Helm does."""
    fleet.stack.configure(**OTHER)
    with fleet.stack.start("up", *YES) as command:
        deadline = time.monotonic() + WITHIN_SECONDS
        while not revisions(fleet, "pending-upgrade"):
            assert command.poll() is None, f"the update ended before: {fleet.stack.said.read_text()[-3000:]}"
            assert time.monotonic() < deadline, "Helm began nothing"
            time.sleep(0.2)
        engine = engine_of(command)
        assert engine is not None, "it runs, since its release does not end"
        for process in [engine, *engine.children(recursive=True)]:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        command.wait(timeout=WITHIN_SECONDS)


def test_the_next_update_goes_on_from_a_release_that_was_cut_off(fleet: Fleet) -> None:
    fleet.configured()
    [before] = revisions(fleet, "deployed")
    cut_off(fleet)
    assert len(revisions(fleet, "pending-upgrade")) == 1
    fleet.stack.recover()
    fleet.up(**OTHER)
    [after] = revisions(fleet, "deployed")
    assert after != before
    eventually(lambda: not revisions(fleet, "pending-upgrade"), "nothing is pending", within_seconds=10)
    assert changes_nothing(fleet.up(**OTHER))
