"""Claims about any sequence of configs, refreshes, failures and moves of an autoscaler.

The oracle is what the official provider makes of a state and of a program's pools: it pairs them by place
(sandbox/plugins/linode/pools.py, which tests/plugins/linode compares with its source).
"""

from __future__ import annotations

import copy
import random
from functools import partial
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from fleet.config.reader import parse
from fleet.lke.cluster import fewer, in_place
from fleet.lke.linode_clusters import LiveCluster, LivePool
from fleet.running import deployed
from fleet.state import LKE_CLUSTER, State
from fleet.steps import errors
from plan.pools import Fate, pool_changes
from plan.steps import Resource
from sandbox.plugins.linode.pools import match, plan, planned_pools
from sandbox.plugins.linode.views import pool_outputs
from tests.unit.configs import fleet_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fleet.config.pools import NodePool
    from fleet.deployed import Deployed, DeployedPool

Pool = dict[str, Any]

BOUNDS = st.one_of(
    st.none(), st.tuples(st.integers(1, 4), st.integers(0, 4)).map(lambda it: {"min": it[0], "max": it[0] + it[1]})
)


@st.composite
def entries(draw: st.DrawFn) -> Pool:
    """A pool of the config."""
    pool: Pool = {"type": draw(st.sampled_from(["g6-standard-2", "g6-standard-4"]))}
    if bounds := draw(BOUNDS):
        pool["autoscaler"] = bounds
    else:
        pool["count"] = draw(st.integers(1, 5))
    if team := draw(st.sampled_from(["", "web", "batch"])):
        pool["labels"] = {"team": team}
    return pool


CONFIGS = st.dictionaries(st.sampled_from("abcd"), entries(), min_size=1, max_size=4)


CHANCES = st.randoms(note_method_calls=True)


class Cluster:
    """One cluster at Linode: pools by id, each with its nodes by name."""

    def __init__(self) -> None:
        self.pools: dict[int, Pool] = {}
        self._ids = iter(range(1, 1_000_000))

    def create(self, body: Mapping[str, Any]) -> None:
        """POST of a pool."""
        number = next(self._ids)
        off = {"enabled": False, "max": body["count"], "min": body["count"]}
        defaults = {"autoscaler": off, "disk_encryption": "disabled"}
        self.pools[number] = defaults | dict(body) | {"id": number, "members": []}
        self.resize(number, body["count"])

    def change(self, number: int, body: Mapping[str, Any]) -> None:
        """PUT of a pool."""
        self.pools[number] |= body
        self.resize(number, body["count"])

    def resize(self, number: int, count: int) -> None:
        """As many nodes, the newest go first."""
        pool = self.pools[number]
        pool["count"], members = count, pool["members"]
        pool["members"] = [*members, *(f"node-{next(self._ids)}" for _ in range(count - len(members)))][:count]

    def autoscale(self, chance: random.Random) -> None:
        """One pool with an autoscaler has any count within its bounds."""
        if scaled := sorted(number for number, pool in self.pools.items() if pool["autoscaler"]["enabled"]):
            number = chance.choice(scaled)
            bounds = self.pools[number]["autoscaler"]
            self.resize(number, chance.randint(bounds["min"], bounds["max"]))

    def nodes(self) -> dict[str, str]:
        """The label of each node's pool, by node."""
        return {node: pool["label"] for pool in self.pools.values() for node in pool["members"]}


def given(pools: Mapping[str, NodePool], there: Sequence[DeployedPool]) -> list[Pool]:
    """What the program gives the provider."""
    encrypted = {place: pool.disk_encryption for place, pool in enumerate(there) if pool.disk_encryption}
    return [
        {"label": name, "type": pool.type, "count": pool.count, "labels": dict(pool.labels), "taints": []}
        | ({"autoscaler": pool.autoscaler.model_dump()} if pool.autoscaler else {})
        | ({"diskEncryption": encrypted[place]} if place in encrypted else {})
        for place, (name, pool) in enumerate(pools.items())
    ]


class Pools(RuleBasedStateMachine):
    """The pools of one cluster from its creation on."""

    def __init__(self) -> None:
        super().__init__()
        self.linode = Cluster()
        self.recorded: list[Pool] = []
        self.inputs: list[Pool] = []
        self.config: dict[str, Pool] = {}

    @initialize(config=CONFIGS)
    def create(self, config: dict[str, Pool]) -> None:
        """The first update."""
        self.config = config
        self.inputs = given(in_place(self._wanted(config), ()), ())
        for body in plan([], self.inputs).create:
            self.linode.create(body)
        self._read(self.inputs)

    @rule(config=CONFIGS, stop=st.integers(0, 6), chance=CHANCES, moves=st.booleans())
    def any_other_config(self, config: dict[str, Pool], stop: int, chance: random.Random, moves: bool) -> None:
        """An update, that fails before its n-th call; an autoscaler may move before it ends."""
        self._update(config, stop, chance, moves=moves)

    @rule(data=st.data(), team=st.sampled_from(["", "web", "batch"]), stop=st.integers(0, 6), chance=CHANCES)
    def another_label(self, data: st.DataObject, team: str, stop: int, chance: random.Random) -> None:
        """An update of one pool's labels."""
        config = copy.deepcopy(self.config)
        config[data.draw(st.sampled_from(sorted(config)))]["labels"] = {"team": team} if team else {}
        self._update(config, stop, chance, moves=False)

    @rule(chance=CHANCES)
    def the_autoscaler_moves(self, chance: random.Random) -> None:
        """One pool with an autoscaler grows or shrinks."""
        self.linode.autoscale(chance)

    @rule(chance=CHANCES)
    def somebody_deletes_a_pool(self, chance: random.Random) -> None:
        """By hand, and not the only one, which Linode keeps."""
        if len(self.linode.pools) > 1:
            del self.linode.pools[chance.choice(sorted(self.linode.pools))]

    @rule(chance=CHANCES)
    def refresh(self, chance: random.Random) -> None:
        """`pulumi refresh`, which reads inputs as well."""
        self._read(self.recorded, chance)
        self.inputs = copy.deepcopy(self.recorded)
        # Without this, nobody could get on.
        assert not self._deployed().clusters[0].astray, "what a refresh has recorded is what there is"

    def _update(self, config: dict[str, Pool], stop: int, chance: random.Random, *, moves: bool) -> None:
        there = self._deployed()
        if errors(parse(self._raw(config)), there):
            return
        pools = in_place(self._wanted(config), there.pools("m0"))
        wanted, before = given(pools, there.pools("m0")), self.linode.nodes()
        changes = list(pool_changes(self._resource(self.inputs, self.recorded), self._resource(wanted, [])))
        told = [change.what for change in changes] + list(fewer(pools, there.pools("m0")))
        for pool in there.pools("m0"):
            if pool.nodes and (now := pools.get(pool.name)) and now.autoscaler:
                assert now.count >= min(pool.nodes, now.autoscaler.max), "what the autoscaler added stays"
        assert not any("diskEncryption" in what for what in told), "a pool is made anew for another type alone"
        moved = [change.what for change in changes if change.fate is Fate.TAKEN]
        done = self._carry_out(wanted, stop, chance)
        after = self.linode.nodes()
        for node, name in before.items():
            if node not in after:
                assert any(f"pool {name} " in what for what in told), f"{name} lost {node}, and nobody said so: {told}"
            elif after[node] != name:
                assert any(f"pool {name} becomes pool {after[node]}" in what for what in moved), f"{node} is of another"
        if moves:
            self.linode.autoscale(chance)
        if done:
            self._read(planned_pools(self.recorded, wanted), chance)
            # Behind them comes what an update that failed left at Linode; the next config takes it away, and says so.
            # Where a place stays empty, new pools are among those, in any order.
            labels = [pool["label"] for pool in self.recorded if pool["type"]]
            some_are_empty = len(labels) < len(self.recorded)
            assert (set(labels) >= set(pools)) if some_are_empty else (labels[: len(pools)] == list(pools))
        else:
            # What the original records of an update that failed.
            self.recorded = planned_pools(self.recorded, wanted)
        self.config, self.inputs = config, wanted

    def _carry_out(self, wanted: Sequence[Pool], stop: int, chance: random.Random) -> bool:
        steps = plan(self.recorded, wanted)
        # The original goes through a map of them, which has no order in Go.
        changes = chance.sample(sorted(steps.update), len(steps.update))
        calls: list[Callable[[], Any]] = [
            *(partial(self.linode.change, number, steps.update[number]) for number in changes),
            *(partial(self.linode.create, body) for body in steps.create),
            *(partial(self.linode.pools.pop, number) for number in steps.delete),
        ]
        for made, call in enumerate(calls, 1):
            if made == stop:
                return False
            call()
        return True

    def _deployed(self) -> Deployed:
        cluster = {"id": "1", "k8sVersion": "1.35", "region": "eu-west", "pools": self.recorded}
        pools = {
            number: LivePool(label=pool["label"], type=pool["type"], count=pool["count"], unready=0)
            for number, pool in self.linode.pools.items()
        }
        state = State(resources={(LKE_CLUSTER, "m0-cluster"): cluster})
        return deployed(state, {"m0": LiveCluster(version="1.35", pools=pools)})

    def _read(self, declared: Sequence[Pool], chance: random.Random | None = None) -> None:
        live = list(self.linode.pools.values())
        if chance:
            chance.shuffle(live)
        self.recorded = [pool_outputs(pool) for pool in match(live, declared)]

    def _raw(self, config: dict[str, Pool]) -> dict[str, Any]:
        raw = fleet_of(1, layers=[])
        raw["clusters"]["m0"]["pools"] = dict(sorted(config.items()))
        return raw

    def _wanted(self, config: dict[str, Pool]) -> Mapping[str, NodePool]:
        return parse(self._raw(config)).clusters["m0"].pools

    def _resource(self, inputs: list[Pool], outputs: list[Pool]) -> Resource:
        return Resource(
            urn="urn:pulumi:s::fleet::x::m0-cluster",
            type=LKE_CLUSTER,
            inputs={"pools": inputs},
            outputs={"pools": outputs},
            provider="",
            protect=False,
        )


def test_what_an_autoscaler_added_to_the_second_pool_of_a_name_stays() -> None:
    """An update had made c and d anew at another type, and broke off before it deleted those from before."""
    small, large = {"type": "g6-standard-2"}, {"type": "g6-standard-4"}
    batch = {"labels": {"team": "batch"}}
    pools = Pools()
    pools.create(
        config={
            "a": small | batch | {"count": 1},
            "b": small | batch | {"count": 1},
            "c": large | batch | {"autoscaler": {"min": 2, "max": 3}},
            "d": small | {"count": 1},
        }
    )
    wanted = {
        "a": large | {"count": 2},
        "b": small | {"autoscaler": {"min": 1, "max": 2}},
        "c": small | {"count": 2},
        "d": large | {"autoscaler": {"min": 1, "max": 4}},
    }
    chance = random.Random(0)
    pools.any_other_config(config=wanted, stop=5, chance=chance, moves=False)
    pools.refresh(chance=chance)
    [_, second] = [number for number, pool in pools.linode.pools.items() if pool["label"] == "d"]
    pools.linode.resize(second, 2)
    pools.any_other_config(config=wanted, stop=0, chance=chance, moves=False)
    assert [pool["count"] for pool in pools.linode.pools.values() if pool["label"] == "d"] == [2]


TestPools = Pools.TestCase
TestPools.settings = settings(max_examples=60, stateful_step_count=12, deadline=None, database=None)
