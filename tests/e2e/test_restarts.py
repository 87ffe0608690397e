"""What ran through all tests of the shared fleet that end nothing: it runs still, and never began again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from sandbox.clusters.host.processes import recall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged


BY_DESIGN: Final = re.compile("leader ?election lost|failed to register with karmada control plane")
"""The last words of what was not given a processor for ten seconds, and is none the worse for it; and of an agent that
began before its Cluster object was made, which it may not make itself (fleet/karmada/agent.py)."""


def last_words(fleet: Fleet, cluster: str, pod: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    """What a member's container said before it was started again; of the manager's nothing."""
    if cluster not in fleet.members:
        return ""
    where = (f"--namespace={pod['namespace']}", f"--container={container['name']}")
    return fleet.members[cluster].kubectl("logs", pod["name"], *where, "--previous", "--tail=5")


def restarted(fleet: Fleet) -> Iterator[str]:
    """Containers in any cluster, and processes of the sandbox, that ended by themselves and were started again."""
    for cluster, view in fleet.views.items():
        if cluster == "karmada":
            continue
        for pod in view.get("pods", "--all-namespaces")["items"]:
            metadata, status = pod["metadata"], pod["status"]
            for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
                times = container["restartCount"]
                if times and not BY_DESIGN.search(words := last_words(fleet, cluster, metadata, container)):
                    last = container.get("lastState", {}).get("terminated", {})
                    yield (
                        f"{cluster}: {metadata['namespace']}/{metadata['name']}, {container['name']}, {times} times; "
                        f"the last ended with {last.get('exitCode')} at {last.get('finishedAt')}: {words}"
                    )
    for file in fleet.layout.units.glob("*.json"):
        if (process := recall(file)) and process.restarts:
            yield f"the sandbox: {process.name}, {process.restarts} times"


def test_nothing_restarted_that_no_test_restarted(left_fleet: Fleet) -> None:
    found = list(restarted(left_fleet))
    assert not found, "\n".join(found)
