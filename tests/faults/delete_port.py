"""Somebody deletes a port of a member's load balancer.

Steady: every load balancer is as its Service asks.
Done: a port of the ingress of `us` is deleted through Linode's API.
Must hold: `verify` names it, with a command that brings it back at the same address.
By: 90 s after that command.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sandbox.verify import balancers
from sandbox.verify.account import listed
from tests.e2e.clients import AccountClient, client, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from operations.claims import Claim
    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged


def look(fleet: Fleet) -> Claim:
    """The claim about the load balancers of `us`."""
    [found] = balancers.claims(fleet.layout, [fleet.views["us"]])
    return found


def test_a_port_that_somebody_deleted_is_found_and_comes_back_by_the_command_that_is_printed(
    fleet: Fleet, tmp_path: Path
) -> None:
    fleet.configured()
    assert look(fleet).holds, look(fleet).evidence
    account, address = AccountClient(layout=fleet.layout, folder=tmp_path), fleet.outputs["ingresses"]["us"]
    [known] = [entry for entry in listed(fleet.layout, "nodebalancers") if entry["ipv4"] == address]
    config = listed(fleet.layout, f"nodebalancers/{known['id']}/configs")[0]
    account.call("DELETE", f"nodebalancers/{known['id']}/configs/{config['id']}")
    found = look(fleet)
    assert not found.holds
    assert f"the NodeBalancer {address}" in found.evidence
    assert f"lacks port {config['port']}" in found.evidence
    remedy = re.search(r"`kubectl --context us ([^`]+)`", found.evidence)
    assert remedy, found.evidence
    kubeconfig = fleet.members["us"].kubeconfig
    # Of the command all but the name of the context, which `make shell` knows.
    client(fleet.layout, "sh", "-c", f"{fleet.layout.programs}/kubectl --kubeconfig={kubeconfig} {remedy[1]}")
    eventually(lambda: look(fleet).holds, "the port is there again")
    assert fleet.outputs["ingresses"]["us"] == address
