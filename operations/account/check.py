"""One check from its price to the search for what is left; whatever happens between, what was made is taken away."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from operations.account import leftovers
from operations.account.claims import WITHIN_SECONDS, claims
from operations.account.estimate import estimate
from operations.account.limits import TimeOverError, time_limit
from operations.claims import shown
from operations.errors import OperationError
from operations.stages import Stage, StoppedError, duration, kept, run_stages
from operations.waiting import holds_within
from plan.steps import UNCHANGED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from decimal import Decimal

    from linode_api4 import LinodeClient
    from rich.console import Console

    from fleet.config.workloads import Workload
    from operations.account.claims import Fleet
    from operations.account.folder import Folder
    from operations.account.leftovers import Leftover
    from plan.events import Plan
    from plan.prices import PriceList

COMMAND: Final = "python -m operations account check"
CLEARING_MINUTES: Final = 30
"""What the estimate counts for taking everything away, which has no limit of its own: what stays costs more."""
GONE_SECONDS: Final = 600.0
"""How long Linode may take to let go of what was deleted."""
_PAUSE_SECONDS: Final = 10.0
_LOSING: Final = frozenset({"replace", "create-replacement", "delete-replaced", "delete"})


class PulumiStack(Protocol):
    """A stack that Pulumi brings up and takes away; all raise OperationError."""

    def set(self, key: str, value: str) -> None:
        """Set a value at a path of the config."""

    def workloads(self) -> Mapping[str, Workload]:
        """The workloads of the config, by name."""

    def preview(self) -> Plan:
        """What `up` would do."""

    def up(self) -> Mapping[str, int]:
        """Bring it up; how many resources by what was done to them."""

    def outputs(self) -> Mapping[str, Any]:
        """What it exports, secrets in the clear."""

    def destroy(self) -> None:
        """Take everything away, whatever became of an earlier update."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a check may cost in US dollars, and how long it may take before everything goes away."""

    dollars: Decimal
    minutes: float


@dataclass(kw_only=True)
class Check:
    """One check. What goes wrong is collected, so that one fault does not hide the next."""

    stack: PulumiStack
    folder: Folder
    client: LinodeClient
    console: Console
    reached: Callable[[Mapping[str, Any], Mapping[str, Workload]], AbstractContextManager[Fleet]]
    """The fleet of a stack's outputs and workloads."""
    gone_seconds: float = GONE_SECONDS
    claim_seconds: float = WITHIN_SECONDS
    wrong: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Print a line as it is."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def agreed(self, limits: Limits, prices: PriceList, agree: Callable[[str], bool]) -> bool:
        """Say what it costs, and ask. Nothing is made yet.

        Raises:
            OperationError: it is too dear, cannot be planned, or the token does not read all that is searched later.

        """
        # Here, where it costs nothing yet, since a search that is refused at the end leaves all unknown.
        leftovers.search(self.client, self.folder.noted)
        self.stack.set(f"fleet:tags.{leftovers.TAG_KEY}", self.folder.noted.tag)
        found = estimate(self.stack.preview(), prices)
        most = found.at_most(limits.minutes + CLEARING_MINUTES)
        times = f"{limits.minutes:g} minutes and {CLEARING_MINUTES} of taking away"
        self.say(f"{self.folder.noted.tag}: {found}, at most {most} USD for {times}")
        if most > limits.dollars:
            raise OperationError(
                what="The check is too dear",
                why=f"it may cost {most} USD, and the limit is {limits.dollars:.2f}",
                remedy="Raise --max-cost, or lower --max-minutes",
            )
        return agree("Make all this in the account of LINODE_TOKEN, and take it away again?")

    def run(self, minutes: float) -> bool:
        """Bring it up, look at it, change it, take it away, and search. Whether all was well.

        Raises:
            StoppedError: interrupted while things were taken away; it says how to go on.

        """
        looks = [
            _stage("up", "`pulumi up` of clusters, Karmada, mesh and workloads", self._up),
            _stage("claims", "what holds of the fleet", self._look),
            _stage("again", "a second `pulumi up`, which changes nothing", self._again),
            _stage("update", "a tag and a replica more, which replaces nothing", self._update),
        ]
        try:
            with time_limit(minutes * 60):
                run_stages(looks, say=self.say, afterwards="what there is goes away now")
        except StoppedError as stopped:
            self._note_wrong(str(stopped))
        except TimeOverError:
            self._note_wrong(f"it took longer than {duration(minutes * 60)}")
        except Exception as error:
            self._note_wrong(str(error) or type(error).__name__)
        return self.clear()

    def clear(self) -> bool:
        """Take away what there is, and search for what is left. Whether all was well, all the time.

        Raises:
            StoppedError: interrupted; it says how to go on.

        """
        ends = [
            _stage("destroy", "`pulumi destroy`", self._destroy),
            _stage("search", "what the account still has of it", self._search),
        ]
        run_stages(ends, say=self.say, afterwards=kept(resuming(self.folder)))
        if not self.wrong:
            self.folder.remove()
            self.say("all is well, and nothing is left")
            return True
        self.say(f"{len(self.wrong)} wrong:")
        for sentence in self.wrong:
            self.say(f"- {sentence}")
        self.say(f"{self.folder.path} is kept; `{resuming(self.folder)}` takes away and searches again")
        return False

    def _note_wrong(self, sentence: str) -> None:
        self.say(f"  wrong: {sentence}")
        self.wrong.append(sentence)

    def _up(self) -> None:
        self.say(f"  {_counted(self.stack.up())}")
        if backups := self.stack.outputs().get("backups"):
            noted = self.folder.noted
            self.folder.keep(replace(noted, buckets=noted.buckets | {backups["bucket"]}))

    def _look(self) -> None:
        with self._reached() as fleet:
            for claim in claims(fleet, within=self.claim_seconds):
                self.console.print("  ", shown(claim), sep="", soft_wrap=True)
                if not claim.holds:
                    self._note_wrong(f"{claim.text}: {claim.evidence}")

    def _again(self) -> None:
        changes = self.stack.up()
        self.say(f"  {_counted(changes)}")
        if changed := {op: count for op, count in changes.items() if op not in UNCHANGED}:
            self._note_wrong(f"a second up changed what nobody had touched: {_counted(changed)}")

    def _update(self) -> None:
        self.stack.set("fleet:tags.updated", "once")
        with self._reached() as fleet:
            # Each has a rollout of its own, so that one stands for all.
            for workload in sorted(fleet.workloads)[:1]:
                self.stack.set(f"fleet:workloads.{workload}.replicas", str(fleet.replicas(workload) + 1))
        changes = self.stack.up()
        self.say(f"  {_counted(changes)}")
        if lost := {op: count for op, count in changes.items() if op in _LOSING}:
            self._note_wrong(f"the update replaced or deleted: {_counted(lost)}")
        if not changes.get("update"):
            self._note_wrong("the update changed nothing")
        self._look()

    def _reached(self) -> AbstractContextManager[Fleet]:
        return self.reached(self.stack.outputs(), self.stack.workloads())

    def _destroy(self) -> None:
        try:
            # What LKE made is known by its clusters alone, and those go.
            self.folder.keep(leftovers.note(self.client, self.folder.noted))
            self.stack.destroy()
        except OperationError as error:
            self._note_wrong(str(error))

    def _search(self) -> None:
        found: list[Leftover] = []

        def nothing() -> bool:
            found[:] = leftovers.search(self.client, self.folder.noted)
            return not found

        holds_within(nothing, seconds=self.gone_seconds, pause_seconds=min(_PAUSE_SECONDS, self.gone_seconds))
        for one in found:
            self._note_wrong(f"left: {one.kind} {one.label}; remove it: {one.remedy}")


def resuming(folder: Folder) -> str:
    """The command that takes away and searches again."""
    return f"{COMMAND} --resume {folder.path}"


def _stage(name: str, title: str, work: Callable[[], None]) -> Stage:
    return Stage(name=name, title=title, usual=_USUAL[name], work=work)


_USUAL: Final = {
    # The sandbox's times, which are measured; nobody has noted those of a real account yet.
    "up": "about 4 minutes on the sandbox; Linode's machines take longer",
    "claims": "seconds, or 3 minutes for each that does not hold",
    "again": "about half a minute",
    "update": "about a minute",
    "destroy": "about 2 minutes on the sandbox",
    "search": "seconds, or up to 10 minutes until Linode has let go of all",
}


def _counted(changes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {op}" for op, count in sorted(changes.items())) or "nothing"
