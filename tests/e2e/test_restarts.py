"""What ran through all tests of the shared fleet that end nothing: it runs still, and never began again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.kubernetes.processes import recall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged


def restarted(fleet: Fleet) -> Iterator[str]:
    """Containers in any cluster, and processes of the sandbox, that ended by themselves and were started again."""
    for cluster, view in fleet.views.items():
        if cluster == "karmada":
            continue
        for pod in view.get("pods", "--all-namespaces")["items"]:
            metadata, status = pod["metadata"], pod["status"]
            for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
                if times := container["restartCount"]:
                    last = container.get("lastState", {}).get("terminated", {})
                    yield (
                        f"{cluster}: {metadata['namespace']}/{metadata['name']}, {container['name']}, {times} times; "
                        f"the last ended with {last.get('exitCode')} at {last.get('finishedAt')}"
                    )
    for file in fleet.layout.units.glob("*.json"):
        if (process := recall(file)) and process.restarts:
            yield f"the sandbox: {process.name}, {process.restarts} times"


def test_nothing_restarted_that_no_test_restarted(rotated_fleet: Fleet) -> None:
    found = list(restarted(rotated_fleet))
    assert not found, "\n".join(found)
