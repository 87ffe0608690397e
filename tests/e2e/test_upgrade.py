"""From one version of Fleet to the next: a running fleet of another commit's program is updated by this checkout's.

`make upgrade-check FROM=COMMIT`; without a commit it is the one that the branch began with (tests/e2e/earlier.py). The
sandbox, its account, charts and images are this checkout's for both: an account does not change with Fleet.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import pytest

from sandbox.engine.project import CHECKOUT
from sandbox.local import lifecycle
from tests.e2e import earlier, kept, successors
from tests.e2e.names import own
from tests.e2e.readiness import REPORT_SECONDS, longest_pause, unready_seconds
from tests.e2e.running import CLAIMS, changes_nothing
from tests.e2e.stack import Stack
from tests.e2e.upgrading import errors, finish, upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.e2e.upgrading import Upgrade

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

_HANDED_OUT: Final = "it was in the output karmadaKubeconfig, of the group system:masters"
_ANOTHER_JOB: Final = "the job that brought replicas home gave way to that of failover, with another identity"
LET_GO: Final[Mapping[str, str]] = {
    "karmada-homecoming-identity-key": _ANOTHER_JOB,
    "karmada-homecoming-identity-cert": _ANOTHER_JOB,
    "karmada-operator-key": _HANDED_OUT,
    "karmada-operator-cert": _HANDED_OUT,
}
"""What an update replaces or removes on purpose, by its name, and why.

An entry goes when no fleet that is still updated has such a thing.
"""
FIRST_ENCRYPTION_SECONDS: Final = 90.0
"""How long members' reports may pause in the one update that begins encryption at rest.

It restarts the API server, and the only one of a fleet from before keeps the next one off its node: 72 to 80 s were
seen (docs/decisions/0206). This goes when no fleet that is still updated is older than that.
"""
BRING_UP_SECONDS: Final = 1200.0


@pytest.fixture(scope="module")
def upgraded(
    request: pytest.FixtureRequest, say: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgrade]:
    """A fleet of an earlier commit that this checkout's program has updated."""
    commit = earlier.commit(request.config.getoption("commit"))
    say(f"a fleet of {earlier.told(commit)}, updated by this checkout")
    layout, folder = own("upgrade"), tmp_path_factory.mktemp("upgrade")

    def stack(name: str, *, program: Path = CHECKOUT, config: Path = CHECKOUT) -> Stack:
        made = Stack(layout=layout, folder=folder / name, program=program, config=config)
        made.folder.mkdir()
        made.configure()
        return made

    program = folder / "earlier"
    lifecycle.down(layout)
    try:
        earlier.equip(earlier.export(commit, program), say=say)
        lifecycle.up(layout, say=say)
        old = stack("old", program=program, config=program)
        finish(old, BRING_UP_SECONDS, say=say)
        yield upgrade(old, stack("mixed", config=program), stack("new"), say=say)
    finally:
        say("taking the sandbox away")
        lifecycle.down(layout)
        shutil.rmtree(program, ignore_errors=True)


def test_the_earlier_stack_file_is_accepted_or_each_key_that_went_is_refused_with_its_successor(
    upgraded: Upgrade,
) -> None:
    if not upgraded.trial.accepted:
        refused = successors.refused(upgraded.trial.said)
        assert refused, f"it fails for another reason than its config: {upgraded.trial.said[-3000:]}"
        assert successors.without_successor(refused) == []
        assert not upgraded.trial.changed, "what is refused changes nothing"


def test_the_plan_replaces_no_cluster_certificate_volume_or_service(upgraded: Upgrade) -> None:
    assert kept.forbidden(upgraded.plan, LET_GO) == []


def test_every_cluster_key_certificate_volume_address_and_workload_pod_is_what_it_was(upgraded: Upgrade) -> None:
    kinds = {kind for kind, _ in upgraded.before}
    assert kinds >= {"cluster", "private key", "certificate", "claim", "volume", "node", "load balancer", "pod"}
    assert kept.lost(upgraded.before, upgraded.after, LET_GO) == []


def test_the_update_ends_without_an_error(upgraded: Upgrade) -> None:
    assert errors(upgraded.update.said) == []


def test_no_call_fails_during_the_update(upgraded: Upgrade) -> None:
    update = upgraded.update
    assert update.cut_off == "", "the pods that call are still there"
    for name, outcomes in update.calls.items():
        assert not outcomes.failed, f"{name}: {outcomes}"
        assert outcomes.calls[-1][0] > update.ended_at, f"calls from {name} went on until after the update"


def test_no_member_is_ever_not_ready(upgraded: Upgrade) -> None:
    looks = upgraded.readiness.looks
    assert any(ready is not None for _, ready in looks), "Karmada was asked"
    assert unready_seconds(looks, upgraded.members) == dict.fromkeys(upgraded.members, 0.0)
    between_looks = [line for line in kept.lost(upgraded.before, upgraded.after) if line.startswith("readiness ")]
    assert between_looks == []


def test_no_member_misses_more_than_one_report(upgraded: Upgrade) -> None:
    pauses = {name: longest_pause(upgraded.readiness.renewals.get(name, ())) for name in upgraded.members}
    # The lease of an agent that ends takes 15 s to run out, unless the hand-over frees it.
    allowed = 2 * REPORT_SECONDS if kept.encrypts(upgraded.before) else FIRST_ENCRYPTION_SECONDS
    assert max(pauses.values()) < allowed, pauses


def test_all_claims_hold_afterwards(upgraded: Upgrade) -> None:
    assert len(upgraded.claims) == sum(CLAIMS.values())
    assert [f"{claim.text}: {claim.evidence}" for claim in upgraded.claims if not claim.holds] == []


def test_a_second_up_changes_nothing(upgraded: Upgrade) -> None:
    code, said = upgraded.again
    assert code == 0, said[-3000:]
    assert changes_nothing(said), said
