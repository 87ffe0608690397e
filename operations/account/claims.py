"""What holds of a fleet, asked from outside with the stack's outputs: viewers look, and an operator calls from pods.

The sandbox's `verify` claims more, for which it looks into nodes, proxies and the emulated account.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import requests

from fleet.naming import KARMADA
from operations.claims import ANSWERED, NO_ANSWER, STATUS_MARK, Claim, asked_again, region
from operations.errors import OperationError
from operations.kubectl import line
from operations.waiting import holds_within
from operations.workloads import Call, allowed, host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fleet.config.workloads import Workload, WorkloadIngress

# So many that none of a few regions is left out by chance, where traffic spreads over all.
_CALLS: Final = 30
_CALL_SECONDS: Final = 5
_KUBECTL_SECONDS: Final = 60.0
WITHIN_SECONDS: Final = 180.0
"""How long a claim may take to come true: what is new in one region is known in another only later."""
_PAUSE_SECONDS: Final = 5.0


class Api(Protocol):
    """An API server, asked with one kubeconfig."""

    def get(self, *what: str) -> Any:
        """An object, or a list of them. Raises OperationError."""

    def shell(self, workload: str, namespace: str, script: str, *, seconds: float) -> str:
        """What a script prints in a workload's own container. Raises OperationError."""


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """The same, by kubectl."""

    kubeconfig: Path

    def get(self, *what: str) -> Any:
        """An object, or a list of them. Raises OperationError."""
        return json.loads(self._run("get", *what, "--output=json"))

    def shell(self, workload: str, namespace: str, script: str, *, seconds: float) -> str:
        """What a script prints in a workload's own container. Raises OperationError."""
        target = (f"deployment/{workload}", f"--namespace={namespace}", f"--container={workload}")
        return self._run("exec", *target, "--", "sh", "-c", script, seconds=seconds)

    def _run(self, *arguments: str, seconds: float = _KUBECTL_SECONDS) -> str:
        command = line(self.kubeconfig, *arguments)
        what = f"`kubectl {' '.join(arguments[:2])}` failed"
        try:
            done = subprocess.run(  # noqa: S603 - our own arguments, read by no shell on this machine
                command, capture_output=True, text=True, check=False, timeout=seconds
            )
        except subprocess.TimeoutExpired as error:
            raise OperationError(what=what, why=f"no end after {seconds:.0f} s", remedy="See to that") from error
        if done.returncode != 0:
            raise OperationError(what=what, why=done.stderr.strip() or "it said nothing", remedy="See to that")
        return done.stdout


@dataclass(frozen=True, kw_only=True)
class Member:
    """One member: what only looks, and what enters its pods."""

    name: str
    region: str
    ingress: str | None
    view: Api
    operator: Api


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What claims are about."""

    karmada: Api
    """As its viewers see it."""
    members: tuple[Member, ...]
    workloads: Mapping[str, Workload]
    """Their entries, by name."""

    @staticmethod
    def of(outputs: Mapping[str, Any], workloads: Mapping[str, Workload], api: Callable[[str, str], Api]) -> Fleet:
        """By a stack's outputs; `api` makes an API of a name and a kubeconfig."""
        views, own = outputs["viewKubeconfigs"], outputs["kubeconfigs"]
        return Fleet(
            karmada=api(f"view-{KARMADA}", views[KARMADA]),
            workloads=workloads,
            members=tuple(
                Member(
                    name=name,
                    region=cluster["region"],
                    ingress=outputs["ingresses"].get(name),
                    view=api(f"view-{name}", views[name]),
                    operator=api(name, own[name]),
                )
                for cluster in outputs["clusters"]
                for name in [cluster["name"]]
                if cluster["network"] and not cluster.get("expelled")  # The manager is in no network of the mesh.
            ),
        )

    def replicas(self, workload: str) -> int:
        """How many there are to be of a workload, over all members. Raises OperationError."""
        return int(self.karmada.get(*self.deployment(workload))["spec"]["replicas"])

    def deployment(self, workload: str) -> tuple[str, ...]:
        """What to ask for a workload's Deployment by."""
        return ("deployments.apps", "--namespace", self.workloads[workload].namespace, workload)


@contextmanager
def reached(outputs: Mapping[str, Any], workloads: Mapping[str, Workload]) -> Iterator[Fleet]:
    """The fleet of a stack's outputs by kubectl, with kubeconfigs in a private folder for as long as the block."""
    with tempfile.TemporaryDirectory(prefix="fleet-check-") as name:  # mode 0700

        def api(name: str, kubeconfig: str, folder: Path = Path(name)) -> Api:
            file = folder / name
            file.write_text(kubeconfig, encoding="utf-8")
            return Kubectl(kubeconfig=file)

        yield Fleet.of(outputs, workloads, api)


def claims(fleet: Fleet, *, within: float) -> Iterator[Claim]:
    """One after the other; each is looked at again until it holds, or the time is over."""
    yield settled(partial(joined, fleet), within)
    for workload in fleet.workloads:
        yield settled(partial(spread, fleet, workload), within)
    for member in fleet.members:
        for call in allowed(fleet.workloads):
            yield settled(partial(answered, member, fleet, call), within)
        for workload, entry in fleet.workloads.items():
            if member.ingress and entry.ingress:
                yield settled(partial(answered_outside, member, workload, entry.ingress), within)


def settled(look: Callable[[], Claim], within: float) -> Claim:
    """What is seen once it holds, or when the time is over."""
    seen: list[Claim] = []

    def holds() -> bool:
        try:
            seen.append(look())
        except OperationError as error:
            seen.append(Claim(text="the clusters can be asked", holds=False, evidence=str(error)))
        return seen[-1].holds

    holds_within(holds, seconds=within, pause_seconds=min(_PAUSE_SECONDS, within))
    return seen[-1]


def joined(fleet: Fleet) -> Claim:
    """Every member is in Karmada under its name, pulls its work, and is Ready."""
    found = {
        one["metadata"]["name"]: (one["spec"]["syncMode"], _ready(one.get("status", {}).get("conditions", ())))
        for one in fleet.karmada.get("clusters.cluster.karmada.io")["items"]
    }
    return Claim(
        text="every member has joined Karmada in mode Pull, and is Ready",
        holds=found == {member.name: ("Pull", "True") for member in fleet.members},
        evidence=", ".join(f"{name} {mode} {ready}" for name, (mode, ready) in sorted(found.items())) or "no cluster",
    )


def _ready(conditions: Any) -> str:
    return next((str(one["status"]) for one in conditions if one["type"] == "Ready"), "Unknown")


def spread(fleet: Fleet, workload: str) -> Claim:
    """As many replicas are ready as were submitted to Karmada, and there are some in every member."""
    wanted = fleet.replicas(workload)
    ready = {
        member.name: int(member.view.get(*fleet.deployment(workload)).get("status", {}).get("readyReplicas", 0))
        for member in fleet.members
    }
    return Claim(
        text=f"{wanted} replicas of {workload} are ready, some in every member",
        holds=sum(ready.values()) == wanted and all(ready.values()),
        evidence=", ".join(f"{count} in {name}" for name, count in ready.items()),
    )


def answered(member: Member, fleet: Fleet, call: Call) -> Claim:
    """Calls that an entry allows are all answered: by every region, or where it is preferred by the member's own.

    They are made by the caller's own curl.
    """
    rule = member.view.get("destinationrules.networking.istio.io", "--namespace", call.namespace, call.called)
    local = bool(rule["spec"]["trafficPolicy"]["loadBalancer"]["localityLbSetting"]["enabled"])
    expected = {member.region} if local else {other.region for other in fleet.members}
    script = asked_again(_CALLS, _CALL_SECONDS, call.url)
    seconds = _CALLS * _CALL_SECONDS + _KUBECTL_SECONDS
    said = member.operator.shell(call.caller, call.caller_namespace, script, seconds=seconds)
    answers = Counter(region(answer) for answer in said.splitlines())
    return Claim(
        text=f"{call.caller} in {member.name} is answered by {call.called} of {' and '.join(sorted(expected))}",
        holds=answers.keys() in (expected, {ANSWERED}) and answers.total() == _CALLS,
        evidence=", ".join(f"{count} of {_CALLS} by {place}" for place, count in sorted(answers.items())),
    )


def answered_outside(member: Member, workload: str, ingress: WorkloadIngress) -> Claim:
    """Whoever is outside and calls the member's ingress is answered by a workload."""
    url = f"http://{member.ingress}{ingress.paths[0]}"
    try:
        found = requests.get(url, headers=host_of(ingress), timeout=_CALL_SECONDS)
        answer = region(f"{found.text} {STATUS_MARK}{found.status_code}")
    except requests.RequestException as error:
        answer = f"{NO_ANSWER} ({type(error).__name__})"
    return Claim(
        text=f"the ingress of {member.name} leads to {workload}",
        holds=not answer.startswith(NO_ANSWER),
        evidence=f"{url} by {answer}",
    )
