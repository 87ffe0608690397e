"""Which steps hurt: clusters, nodes, data, members, addresses and trust that a change would take away.

Pure functions on the engine's steps. A danger is no error: it is what a reviewer has to have seen. Losing a cluster or
all nodes of a pool has to be acknowledged in the stack's config (`fleet:acknowledged`), in the words that
`Danger.acknowledgement` has.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from plan.pools import Fate, pool_changes
from plan.steps import LKE_CLUSTER, RELEASE, SERVICE, VOLUME, VOLUME_CLAIM, cluster_of, section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from plan.steps import Resource, Step

KARMADA_CLUSTER: Final = "kubernetes:cluster.karmada.io/v1alpha1:Cluster"
NAMESPACE: Final = "kubernetes:core/v1:Namespace"
PROVIDER: Final = "pulumi:providers:kubernetes"
SELF_SIGNED: Final = "tls:index/selfSignedCert:SelfSignedCert"
_GONE: Final = frozenset({"delete", "replace"})
"""A replacement has three steps (create-replacement, replace, delete-replaced); the second stands for all."""


class Harm(enum.IntEnum):
    """What is lost, the worst first."""

    CLUSTER = enum.auto()
    DATA = enum.auto()
    NODES = enum.auto()
    MEMBER = enum.auto()
    TRUST = enum.auto()
    ADDRESS = enum.auto()
    CAPACITY = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Danger:
    """One thing that a change would take away."""

    harm: Harm
    cluster: str
    """The cluster that it is in, or `karmada`; empty for what is in no cluster."""
    urn: str
    what: str
    """A sentence: what happens, and what follows from it."""
    acknowledgement: str = ""
    """What `fleet:acknowledged` has to list for it: `replace us`. Empty where nothing has to be."""


def dangers(steps: Iterable[Step]) -> list[Danger]:
    """Everything that the steps take away, the worst first.

    What goes with its whole cluster is not told again, and what is only forgotten in an expelled one is no loss.
    """
    listed = list(steps)
    found = [danger for step in listed for danger in _dangers(step)]
    lost = {danger.cluster for danger in found if danger.harm is Harm.CLUSTER}
    expelled = {step.name.removesuffix("-provider") for step in listed if _reaches_nothing(step.new)}
    implied = {Harm.DATA, Harm.NODES, Harm.ADDRESS, Harm.CAPACITY}
    forgotten = {Harm.DATA, Harm.ADDRESS}
    told = [
        danger
        for danger in found
        if not (danger.cluster in lost and danger.harm in implied)
        and not (danger.cluster in expelled and danger.harm in forgotten)
    ]
    return sorted(told, key=lambda danger: (danger.harm, danger.cluster, danger.urn))


def unacknowledged(found: Iterable[Danger], acknowledged: Iterable[str]) -> list[Danger]:
    """The dangers that the stack's config would have to list, and does not."""
    listed = set(acknowledged)
    return [danger for danger in found if danger.acknowledgement and danger.acknowledgement not in listed]


def stale(found: Iterable[Danger], acknowledged: Iterable[str]) -> list[str]:
    """Acknowledgements of what this change does not do; left in the config they would let it happen unseen later."""
    return sorted(set(acknowledged) - {danger.acknowledgement for danger in found})


def _dangers(step: Step) -> Iterator[Danger]:
    if look := _LOOKS.get(step.type):
        yield from look(step)


def _cluster(step: Step) -> Iterator[Danger]:
    old = step.old
    if old is None:
        return
    name = cluster_of(old)
    if step.op == "delete":
        what = f"cluster {name} is deleted, with its nodes, volumes and addresses"
        yield _danger(step, Harm.CLUSTER, what, acknowledgement=f"delete {name}")
    elif step.op == "replace":
        because = f" ({', '.join(step.keys)})" if step.keys else ""
        what = f"cluster {name} is replaced{because}: its nodes, volumes and addresses are lost"
        yield _danger(step, Harm.CLUSTER, what, acknowledgement=f"replace {name}")
    elif step.op == "update" and step.new is not None:
        versions = [section(state.inputs, "k8sVersion") for state in (old, step.new)]
        if versions[0] != versions[1]:
            what = f"Linode recycles every node of {name}: Kubernetes {versions[0]} to {versions[1]}"
            yield _danger(step, Harm.NODES, what, acknowledgement=f"recycle {name}")
        for change in pool_changes(old, step.new):
            what = f"{name}: {change.what}"
            if change.fate is Fate.FEWER:
                yield _danger(step, Harm.CAPACITY, what)
            else:
                yield _danger(step, Harm.NODES, what, acknowledgement=f"recycle {name}")


def _reaches_nothing(provider: Resource | None) -> bool:
    """Whether it is the provider of an expelled cluster (fleet/lke/cluster.py)."""
    if provider is None or provider.type != PROVIDER:
        return False
    return section(provider.inputs, "deleteUnreachable") in (True, "true")


def _provider(step: Step) -> Iterator[Danger]:
    if _reaches_nothing(step.new) and not _reaches_nothing(step.old):
        name = step.name.removesuffix("-provider")
        what = f"member {name} is expelled for good: the others trust it no more, and what is in it is left alone"
        yield Danger(harm=Harm.MEMBER, cluster=name, urn=step.urn, what=what)


def _release(step: Step) -> Iterator[Danger]:
    values = step.old.inputs if step.old else {}
    chart = chart_of(step)
    if chart == "karmada" and section(values, "values", "installMode") == "host":
        if step.op in _GONE:
            yield _danger(step, Harm.DATA, "Karmada's control plane is uninstalled: what was submitted to it is lost")
        elif moved := sorted(path for path in step.diff if path.startswith("values.etcd.internal.")):
            what = f"the storage of Karmada's etcd changes ({', '.join(moved)}): back it up first"
            yield _danger(step, Harm.DATA, what)
    elif chart == "gateway" and step.op in _GONE:
        yield _danger(step, Harm.ADDRESS, f"gateway {step.name} is uninstalled: its address is lost")


def chart_of(step: Step) -> str:
    """The chart that a Helm release installs; it may be named by an address or a folder."""
    state = step.new or step.old
    return str(section(state.inputs if state else {}, "chart") or "").rsplit("/", 1)[-1]


def _service(step: Step) -> Iterator[Danger]:
    if step.old and step.op in _GONE and section(step.old.inputs, "spec", "type") == "LoadBalancer":
        yield _danger(step, Harm.ADDRESS, f"load balancer {step.name} goes: its address is lost")


def _gone(harm: Harm, sentence: str) -> Callable[[Step], Iterator[Danger]]:
    def look(step: Step) -> Iterator[Danger]:
        if step.op in _GONE:
            yield _danger(step, harm, sentence.format(name=step.name, op=f"{step.op}d"))

    return look


def _authority(step: Step) -> Iterator[Danger]:
    if step.op in _GONE and step.old and section(step.old.inputs, "isCaCertificate"):
        what = f"authority {step.name} is {step.op}d: whoever trusts the old one alone refuses the new"
        yield _danger(step, Harm.TRUST, what)


def _danger(step: Step, harm: Harm, what: str, *, acknowledgement: str = "") -> Danger:
    if step.old and step.old.protect and step.op in _GONE:
        what += "; it is protected, so the update would stop there"
    cluster = cluster_of(step.old) if step.old else ""
    return Danger(harm=harm, cluster=cluster, urn=step.urn, what=what, acknowledgement=acknowledgement)


_LOOKS: Final = {
    LKE_CLUSTER: _cluster,
    PROVIDER: _provider,
    RELEASE: _release,
    SERVICE: _service,
    SELF_SIGNED: _authority,
    KARMADA_CLUSTER: _gone(Harm.MEMBER, "member {name} leaves Karmada ({op}): its replicas go elsewhere or are lost"),
    NAMESPACE: _gone(Harm.DATA, "namespace {name} is {op}, with everything in it"),
    VOLUME_CLAIM: _gone(Harm.DATA, "volume claim {name} is {op}: its data is lost unless the class retains it"),
    VOLUME: _gone(Harm.DATA, "volume {name} is {op}: its data is lost"),
}
