"""What `make up` leaves its user with: the way on when it is stopped, a page, and kubeconfigs that work."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox.engine.project import CHECKOUT
from sandbox.verify.kubeconfigs import VIEWERS

if TYPE_CHECKING:
    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged


def sandbox(*arguments: str) -> str:
    """What a command of `python -m sandbox` prints."""
    line = [sys.executable, "-m", "sandbox", *arguments]
    done = subprocess.run(line, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_whoever_stops_it_reads_the_command_that_goes_on_and_it_did(fleet: Fleet) -> None:
    again = f"what is done is kept: `make up NAME={fleet.layout.name}` goes on"
    assert again in fleet.said_when_stopped
    assert "Traceback" not in fleet.said_when_stopped
    assert fleet.outputs["karmadaEndpoint"], "the next run came to the end"


def test_the_page_shows_every_cluster_its_agent_its_calls_and_its_addresses(fleet: Fleet) -> None:
    members = fleet.members
    shown = sandbox("fleet", "page", "--name", fleet.layout.name)
    rows = {line.split()[0]: line for line in reversed(shown.splitlines()) if line.strip()}
    for name, member in members.items():
        assert "Pull, Ready" in rows[name]
        assert f"{name} ({member.region})" in shown
        assert f"{fleet.outputs['eastWestGateways'][name]}:15443" in shown
        assert f"http://{fleet.outputs['ingresses'][name]}/" in shown
    calls = {line.split()[0]: line.split()[2:] for line in shown.splitlines() if "(" in line and ")" in line}
    for name in members:
        assert sum(int(count) for count in calls[name]) == 100, "a hundred calls from each region"
    assert fleet.outputs["karmadaEndpoint"] in shown


def test_every_cluster_is_a_context_of_kubectl_in_the_sandbox(fleet: Fleet) -> None:
    for name in fleet.members:
        regions = sandbox(
            *("exec", "--name", fleet.layout.name, "--", "kubectl", "--context", name, "get", "nodes"),
            "--output=jsonpath={.items[*].metadata.labels.topology\\.kubernetes\\.io/region}",
        )
        assert regions == fleet.members[name].region


def test_without_a_context_kubectl_asks_karmada(fleet: Fleet) -> None:
    assert fleet.karmada
    clusters = sandbox("exec", "--name", fleet.layout.name, "--", "kubectl", "get", "clusters", "--output=name")
    assert {line.rpartition("/")[2] for line in clusters.splitlines()} == set(fleet.members)


def test_kubeconfigs_are_for_nobody_but_their_owner(fleet: Fleet) -> None:
    assert fleet.karmada
    names = ["karmada", "cluster-manager", *fleet.members]
    for folder in (fleet.layout.kubeconfigs, fleet.layout.kubeconfigs / VIEWERS):
        modes = {file.stem: file.stat().st_mode & 0o777 for file in folder.glob("*.kubeconfig")}
        assert modes == dict.fromkeys(names, 0o600)
        assert folder.stat().st_mode & 0o777 == 0o700
