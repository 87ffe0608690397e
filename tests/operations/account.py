"""A check whose Pulumi and clusters are played: a stack that makes things in an emulated account, and a fleet on it."""

from __future__ import annotations

import io
import json
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import yaml
from linode_api4 import LinodeClient
from rich.console import Console

from operations.account import folder as folders
from operations.account.check import Check, Limits
from operations.account.claims import Fleet, Member
from operations.account.leftovers import TAG_KEY
from operations.errors import OperationError
from operations.workloads import table
from plan.events import Plan
from plan.prices import PriceList, Rate
from plan.steps import LKE_CLUSTER, Resource, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fleet.config.workloads import Workload
    from sandbox.linode import LinodeApi

WORKLOADS = table(yaml.safe_load(folders.OWN_CONFIG.read_text())["config"]["fleet:workloads"])
REGIONS = {"eu": "eu-west", "us": "us-west"}
PRICES = PriceList(
    rates={
        "g6-standard-2": Rate(monthly=Decimal(24), hourly=Decimal("0.036")),
        "lke-sa": Rate(monthly=Decimal(0), hourly=Decimal(0)),
    }
)
LIMITS = Limits(dollars=Decimal(1), minutes=60)
UNCHANGED = {"same": 9}


def plan() -> Plan:
    """Two clusters of one node each."""
    resources = [
        Resource(
            urn=f"urn:pulumi:check::fleet::{LKE_CLUSTER}::{name}-cluster",
            type=LKE_CLUSTER,
            inputs={"region": region, "pools": [{"type": "g6-standard-2", "count": 1}]},
        )
        for name, region in REGIONS.items()
    ]
    steps = tuple(Step(op="create", urn=one.urn, type=one.type, new=one) for one in resources)
    return Plan(stack="check", steps=steps)


@dataclass
class PlayedStack:
    """A stack whose `up` makes a cluster with the check's tag and a NodeBalancer as LKE does, and `destroy` deletes.

    Tests put something else in the place of a step.
    """

    client: LinodeClient
    played: list[str] = field(default_factory=list)
    config: dict[str, str] = field(default_factory=dict)
    changes: list[Mapping[str, int]] = field(
        default_factory=lambda: [{"create": 9}, UNCHANGED, {"same": 7, "update": 2}]
    )
    instead: dict[str, Callable[[], None]] = field(default_factory=dict)
    made: list[Any] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)
    """What `destroy` forgets."""

    def set(self, key: str, value: str) -> None:
        self.config[key] = value

    def workloads(self) -> Mapping[str, Workload]:
        return WORKLOADS

    def preview(self) -> Plan:
        self._play("preview")
        return plan()

    def up(self) -> Mapping[str, int]:
        if not self.made:
            pool = self.client.lke.node_pool("g6-standard-2", 1)
            tags = [f"{TAG_KEY}:{self.config[f'fleet:tags.{TAG_KEY}']}"]
            cluster = self.client.lke.cluster_create("eu-west", "eu-x1y2", "1.35", node_pools=pool, tags=tags)
            balancer = self.client.nodebalancer_create("eu-west", label="ccm-1", tags=[f"lke{cluster.id}"])
            self.made = [cluster, balancer]
        self._play("up")
        return self.changes.pop(0)

    def outputs(self) -> Mapping[str, Any]:
        return {"backups": None}

    def destroy(self) -> None:
        self._play("destroy")
        for one in self.made:
            if one not in self.kept:
                one.delete()
        self.made = []

    def _play(self, step: str) -> None:
        self.played.append(step)
        self.instead.get(step, lambda: None)()


@dataclass(kw_only=True)
class PlayedApi:
    """An API server's answers, by kind, or by kind and name."""

    answers: dict[str, Any] = field(default_factory=dict)
    said: str = ""

    def get(self, *what: str) -> Any:
        return self.answers.get(f"{what[0]} {what[-1]}") or self.answers[what[0]]

    def shell(self, workload: str, namespace: str, script: str, *, seconds: float) -> str:
        assert (workload, namespace) == ("sleep", "default")
        assert "hello:5000" in script
        return self.said


def karmada(replicas: int = 2, ready: str = "True") -> PlayedApi:
    """Karmada with both members and this many replicas."""
    members = [
        {
            "metadata": {"name": name},
            "spec": {"syncMode": "Pull"},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }
        for name in REGIONS
    ]
    return PlayedApi(
        answers={
            "clusters.cluster.karmada.io": {"items": members},
            "deployments.apps": {"spec": {"replicas": replicas}},
        }
    )


def member(name: str, *, ready: int = 1, local: bool = False, answered_by: Mapping[str, int]) -> Member:
    """A member with so many ready pods of each workload, and so many answers by each region, or in such words."""
    locality = {"loadBalancer": {"localityLbSetting": {"enabled": local}}}
    view = PlayedApi(
        answers={
            "deployments.apps": {"status": {"readyReplicas": ready}},
            "destinationrules.networking.istio.io": {"spec": {"trafficPolicy": locality}},
        }
    )
    lines = [
        json.dumps({"message": f"REGION={answer}"}) if answer in REGIONS.values() else answer
        for answer, count in answered_by.items()
        for _ in range(count)
    ]
    return Member(name=name, region=REGIONS[name], ingress=None, view=view, operator=PlayedApi(said="\n".join(lines)))


def fleet() -> Fleet:
    """One of which everything holds."""
    spread = {"eu-west": 14, "us-west": 16}
    return Fleet(
        karmada=karmada(), workloads=WORKLOADS, members=tuple(member(name, answered_by=spread) for name in REGIONS)
    )


@dataclass
class Trial:
    """A check of which all is played but the account."""

    stack: PlayedStack
    check: Check
    output: io.StringIO

    @property
    def said(self) -> str:
        return self.output.getvalue()

    def agreed(self, limits: Limits = LIMITS) -> bool:
        return self.check.agreed(limits, PRICES, lambda _question: True)

    def run(self, minutes: float = 60) -> bool:
        assert self.agreed()
        return self.check.run(minutes)


@contextmanager
def trial(api: LinodeApi, parent: Path, seen: Fleet | None = None) -> Iterator[Trial]:
    """A check on an emulated account, with its folder in another one."""
    client = LinodeClient(api.token, base_url=f"{api.url}/v4")
    output, stack = io.StringIO(), PlayedStack(client)
    check = Check(
        stack=stack,
        folder=folders.make(folders.OWN_CONFIG, parent=parent),
        client=client,
        console=Console(file=output, width=160),
        reached=lambda _outputs, _workloads: nullcontext(seen or fleet()),
        gone_seconds=0.2,
        claim_seconds=0.1,
    )
    yield Trial(stack, check, output)
    client.session.close()


def sleeps() -> None:
    """Take longer than any test may."""
    time.sleep(30)


def fails() -> None:
    """As the engine's failure comes."""
    raise OperationError(what="`pulumi up` failed", why="quota exceeded", remedy="All of it is in the log")


def interrupted() -> None:
    """As Ctrl-C comes."""
    raise KeyboardInterrupt
