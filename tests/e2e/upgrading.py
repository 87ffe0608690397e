"""A running fleet, updated from one version of the program to another, and all that was seen of it."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fleet.naming import KARMADA
from operations.claims import NO_ANSWER, Claim
from operations.stages import duration
from plan.steps import name_of
from sandbox.clusters.host.subprocesses import CommandError
from sandbox.verify.commands import claims
from sandbox.verify.karmada import divided_by_weights, joined
from sandbox.verify.kubeconfigs import keep
from sandbox.verify.member import Member, View
from tests.article import HELLO, SLEEP, calls
from tests.e2e import kept, successors
from tests.e2e.clients import eventually
from tests.e2e.load import Outcomes, load
from tests.e2e.readiness import Readiness, longest_look, longest_pause, silent_seconds, unready_seconds
from tests.e2e.stack import YES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.e2e.kept import Thing
    from tests.e2e.stack import Stack

PREVIEW: Final = ("preview", "--non-interactive", "--color=never")
UPDATE_SECONDS: Final = 840.0
"""Less than the load goes on for."""
STEADY_SECONDS: Final = 300.0
SETTLE_SECONDS: Final = 30.0
"""What an update sets off may come after it has ended."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """The clusters of a stack by its outputs alone, whichever version of the program wrote them.

    All is looked at with what operators have, since not every version has something for viewers.
    """

    clusters: Mapping[str, View]
    members: Mapping[str, Member]
    karmada: View

    @staticmethod
    def by(stack: Stack) -> Reached:
        """The clusters that a stack has now; their kubeconfigs are in its folder."""
        outputs, layout = stack.outputs(), stack.layout
        folder = stack.folder / "kubeconfigs"
        folder.mkdir(mode=0o700)
        contents = {**outputs["kubeconfigs"], KARMADA: outputs["karmadaKubeconfig"]}
        seen = {
            name: View(name=name, kubeconfig=keep(folder / f"{name}.kubeconfig", content), layout=layout)
            for name, content in contents.items()
        }
        members = {
            view.name: Member(
                name=view.name, region=cluster["region"], kubeconfig=view.kubeconfig, layout=layout, view=view
            )
            for cluster in outputs["clusters"]
            for view in [seen[cluster["name"]]]
            if cluster["network"]
        }
        return Reached(clusters=seen, members=members, karmada=seen.pop(KARMADA))

    def steady(self) -> bool:
        """Whether all members report, all replicas run where they belong, and calls from every region are answered."""
        seen = [member.view for member in self.members.values()]
        return (
            joined(self.karmada) == dict.fromkeys(self.members, ("Pull", "True"))
            and all(divided_by_weights(self.karmada, seen, name).holds for name in (HELLO, SLEEP))
            and not any(calls(member, 10)[NO_ANSWER] for member in self.members.values())
        )


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What the new program does with the stack file of the old one."""

    accepted: bool
    said: str
    changed: bool
    """Whether an update that was refused changed anything all the same."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """An `up` while every region called, and what became of the calls."""

    said: str
    ended_at: float
    """When, in seconds since the host's start."""
    calls: Mapping[str, Outcomes]
    cut_off: str
    """Why calls could not go on, where a pod that called is gone; empty where they did."""


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """All that was seen of the way from one version to the next."""

    members: tuple[str, ...]
    trial: Trial
    plan: list[dict[str, Any]] = field(repr=False)
    update: Update
    readiness: Readiness
    claims: tuple[Claim, ...]
    again: tuple[int, str]
    """The exit code of a second update, and what it said."""
    before: Mapping[Thing, str]
    after: Mapping[Thing, str]


def upgrade(old: Stack, mixed: Stack, new: Stack, *, say: Callable[[str], None]) -> Upgrade:
    """Update the fleet that `old` has brought up by `new`, once `mixed` was tried, its program with the old config."""
    earlier = Reached.by(old)
    eventually(earlier.steady, "the earlier fleet is steady", within_seconds=STEADY_SECONDS)
    before = things(old, earlier)
    counts = Counter(kind for kind, _ in before)
    say(f"to stay as they are: {', '.join(f'{kind} {count}' for kind, count in counts.items())}")
    trial = tried(mixed, say=say)
    plan = new.planned()
    show_plan(plan, say=say)
    with Readiness(earlier.karmada, say=say) as readiness:
        updated = update(new, earlier, say=say)
        seen = checked(new, say=say)
        again = new.attend("up", *YES, say=say, within_seconds=UPDATE_SECONDS)
    unready, silent = unready_seconds(readiness.looks, earlier.members), silent_seconds(readiness.looks)
    say(f"seconds in which members were not Ready: {unready}; and Karmada could not be asked: {silent:.0f} at a time")
    pauses = {name: round(longest_pause(renewals), 1) for name, renewals in readiness.renewals.items()}
    seen_each = longest_look(readiness.looks)
    say(f"seconds between two reports of a member, at the longest: {pauses}; between two looks: {seen_each:.1f}")
    after = things(new, Reached.by(new))
    for line in kept.lost(before, after):
        say(f"not as it was: {line}")
    return Upgrade(
        members=tuple(earlier.members),
        trial=trial,
        plan=plan,
        update=updated,
        readiness=readiness,
        claims=seen,
        again=again,
        before=before,
        after=after,
    )


def things(stack: Stack, reached: Reached) -> dict[Thing, str]:
    """All that an update has to leave as it is."""
    return kept.in_state(stack.exported()) | kept.in_clusters(reached.clusters, reached.karmada)


def finish(stack: Stack, within_seconds: float, *, say: Callable[[str], None]) -> str:
    """Run `up` to its end, and say how long that took; all that Pulumi said."""
    begun = time.monotonic()
    code, said = stack.attend("up", *YES, say=say, within_seconds=within_seconds)
    assert code == 0, said[-4000:]
    counts = [line.strip() for line in said.rpartition("\nResources:")[2].splitlines() if line.strip()]
    say(f"up took {duration(time.monotonic() - begun)}: {', '.join(counts)}")
    return said


def tried(stack: Stack, *, say: Callable[[str], None]) -> Trial:
    """Preview a stack whose config may be refused; where it is, update it too, to see that nothing changes."""
    code, said = stack.attend(*PREVIEW, say=say, within_seconds=UPDATE_SECONDS)
    if code == 0:
        say("the earlier stack file is accepted as it is")
        return Trial(accepted=True, said=said, changed=False)
    for key, why in successors.refused(said):
        say(f"the earlier stack file is refused: {key}: {why}")
    before = kept.resources(stack.exported())
    stack.attend("up", *YES, say=say, within_seconds=UPDATE_SECONDS)
    return Trial(accepted=False, said=said, changed=kept.resources(stack.exported()) != before)


def show_plan(plan: list[dict[str, Any]], *, say: Callable[[str], None]) -> None:
    """Say what an update replaces and deletes."""
    replaced = kept.replaced(plan)
    deleted = [step["urn"] for step in plan if step["op"] == "delete"]
    say(f"the plan replaces {len(replaced)} and deletes {len(deleted)} resources")
    for urn, reasons in replaced.items():
        say(f"  replaced: {kept.type_of(urn)} {name_of(urn)} for its {', '.join(reasons) or 'deletion'}")
    for urn in deleted:
        say(f"  deleted: {kept.type_of(urn)} {name_of(urn)}")


def update(stack: Stack, earlier: Reached, *, say: Callable[[str], None]) -> Update:
    """Update the fleet while every region calls."""
    outcomes: dict[str, Outcomes] = {}
    said, cut_off, ended = "", "", 0.0
    try:
        with contextlib.ExitStack() as loads:
            for name, member in earlier.members.items():
                outcomes[name] = loads.enter_context(load(member))
            said = finish(stack, UPDATE_SECONDS, say=say)
            ended = time.clock_gettime(time.CLOCK_BOOTTIME)
            time.sleep(SETTLE_SECONDS)
    except CommandError as error:
        cut_off = str(error)
    for line in errors(said):
        say(f"the update has an error: {line}")
    for name, seen in outcomes.items():
        say(f"calls from {name}: {seen}")
    return Update(said=said, ended_at=ended, calls=outcomes, cut_off=cut_off)


def errors(said: str) -> list[str]:
    """What Pulumi calls an error; an update has some and ends well where a hook fails."""
    diagnostics = said.rpartition("\nDiagnostics:")[2]
    return [line.strip() for line in diagnostics.splitlines() if "error:" in line or line.strip().endswith(" errored")]


def checked(stack: Stack, *, say: Callable[[str], None]) -> tuple[Claim, ...]:
    """The claims of `python -m sandbox verify`; where one cannot be looked at, the last one is that it can."""
    folder: Path = stack.folder / "claims"
    folder.mkdir()
    found: list[Claim] = []
    try:
        found.extend(claims(stack.outputs(), stack.settings(), stack.layout, folder))
    except CommandError as error:
        found.append(Claim(text="every claim can be looked at", holds=False, evidence=str(error)))
    wrong = [f"{claim.text}: {claim.evidence}" for claim in found if not claim.holds]
    say(f"{len(found) - len(wrong)} of {len(found)} claims hold")
    for line in wrong:
        say(f"does not hold: {line}")
    return tuple(found)
