"""The key of Karmada's authority is in wrong hands.

Steady: all members report, by certificates of that authority.
Done: `pulumi up --replace` of its key.
Must hold: a certificate of the one before is refused; every claim about Karmada holds, and no pod is another one.
By: all members report within 10 minutes of the second update, which finishes what the first began.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import yaml

from sandbox.clusters.host.subprocesses import CommandError
from sandbox.verify.kubeconfigs import keep
from sandbox.verify.member import Client
from tests.e2e.outages import BY_LOAD_BALANCER, RENEWED, pods, wait_until_joined
from tests.e2e.running import wrong
from tests.e2e.stack import YES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]


def signed_by_the_new_authority(kubeconfig: str, by_now: str) -> str:
    """A kubeconfig that trusts today's authority and still authenticates as it did."""
    before, now = yaml.safe_load(kubeconfig), yaml.safe_load(by_now)
    return yaml.safe_dump(before | {"clusters": now["clusters"]})


def test_another_key_of_karmadas_authority_ends_every_certificate_of_the_one_before(
    renewed_fleet: Fleet, tmp_path: Path
) -> None:
    sections = {"certs": RENEWED, "karmada": BY_LOAD_BALANCER}
    fleet = renewed_fleet.configured(**sections)
    kubeconfig, before = fleet.outputs["karmadaKubeconfig"], pods(fleet)
    resources = fleet.stack.exported()["deployment"]["resources"]
    [key] = [resource["urn"] for resource in resources if resource["urn"].endswith("::karmada-pki-ca-key")]
    begin = time.monotonic()
    fleet.stack.run("up", *YES, f"--replace={key}")
    print(f"the update took {time.monotonic() - begin:.0f} s")
    fleet.up(**sections)
    wait_until_joined(fleet, begin, "the update began")
    content = signed_by_the_new_authority(kubeconfig, fleet.outputs["karmadaKubeconfig"])
    old = Client(kubeconfig=keep(tmp_path / "old.kubeconfig", content), layout=fleet.layout)
    with pytest.raises(CommandError, match=r"Unauthorized|logged in"):
        old.get("clusters")
    assert wrong(fleet, tmp_path) == []
    assert pods(fleet) == before, "what runs in members goes on"
