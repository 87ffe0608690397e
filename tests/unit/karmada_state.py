"""Karmada's objects as the failover job reads them, and what its rule makes of them."""

from __future__ import annotations

import copy
import functools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import jq

from fleet.karmada.failover import RULE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECONDS: Final = 300
RECORD: Final = "fleet/before-failover"
DAY: Final = 86400
UNREACHABLE: Final = {"key": "cluster.karmada.io/unreachable", "effect": "NoSchedule"}
"""What Karmada itself taints a member with that does not report."""


def ago(seconds: float) -> str:
    """A time as the API writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def member(name: str, *, ready: str = "True", seconds: float = DAY, region: str = "us-west") -> dict[str, Any]:
    """A Cluster whose condition Ready is what it is for some seconds."""
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": ago(seconds)}
    taints = [] if ready == "True" else [UNREACHABLE]
    return {
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/region": region}},
        "spec": {"provider": "linode", "region": region, "taints": taints},
        "status": {"conditions": [{"type": "CompleteAPIEnablements", "status": "True"}, condition]},
    }


def silent(name: str, seconds: float = DAY) -> dict[str, Any]:
    """A member that has not been ready for so long."""
    return member(name, ready="Unknown", seconds=seconds)


DIVIDED: Final = {"replicaScheduling": {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}}
EU_AND_AP: Final = (member("eu"), member("ap"))
THREE: Final = {"eu": 1, "ap": 1, "us": 1}
GRACEFULLY: Final = {"cluster": {"purgeMode": "Gracefully"}}


def binding(
    clusters: Mapping[str, int | None], placement: Mapping[str, Any] | None = None, *, kind: str = "Deployment"
) -> dict[str, Any]:
    """The binding of an object that is on some members, with its replicas there."""
    resource = {"apiVersion": "apps/v1", "kind": kind, "namespace": "default", "name": "guest", "uid": f"of {kind}"}
    targets = [{"name": name} | ({} if count is None else {"replicas": count}) for name, count in clusters.items()]
    replicas = sum(count or 0 for count in clusters.values())
    return {
        "metadata": {
            "namespace": "default",
            "name": f"guest-{kind.lower()}",
            "resourceVersion": "41",
            "labels": {"resourcebinding.karmada.io/permanent-id": "0c9a"},
        },
        "spec": {"resource": resource, "placement": placement or DIVIDED, "clusters": targets}
        | ({"replicas": replicas} if replicas else {}),
        "status": {},
    }


def deployment(*volumes: Mapping[str, Any]) -> dict[str, Any]:
    """The Deployment of that name, whose pods have some volumes."""
    return {"metadata": {"uid": "of Deployment"}, "spec": {"template": {"spec": {"volumes": list(volumes)}}}}


@dataclass(frozen=True, kw_only=True)
class State:
    """What the job reads, and how it is configured."""

    members: Sequence[Mapping[str, Any]]
    bindings: Sequence[Mapping[str, Any]] = ()
    deployments: Sequence[Mapping[str, Any]] = field(default_factory=lambda: (deployment(),))
    come_home: bool = True

    def paths(self) -> list[str]:
        """What the rule wants to see beside the members."""
        return [str(path) for path in self._run("paths", self._list("Cluster", self.members))]

    def patches(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """The rule's patches, each with the flag that goes with it."""
        documents = [self._list("Cluster", self.members), self._list("ResourceBinding", self.bindings)]
        lines = self._run("patches", [*documents, self._list("Deployment", self.deployments)])
        found = []
        for line in lines:
            _, _, flag, patch = line.split(" ", 3)
            found.append((flag, json.loads(patch)))
        return found

    def after(self) -> dict[str, Any]:
        """The only binding, once the job has run."""
        (before,) = self.bindings
        patched = copy.deepcopy(dict(before))
        for _, operations in self.patches():
            test, *others = operations
            assert test == {"op": "test", "path": "/metadata/resourceVersion", "value": "41"}
            for operation in others:
                *way, last = operation["path"].removeprefix("/").split("/")
                place = patched
                for step in way:
                    place = place[step]
                if operation["op"] == "add":
                    place[last] = operation["value"]
                else:
                    del place[last]
        return patched

    def _list(self, kind: str, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {"kind": f"{kind}List", "items": list(items)}

    def _run(self, function: str, value: Any) -> list[Any]:
        found: list[Any] = _compiled(f"{function}({SECONDS}; {str(self.come_home).lower()})").input_value(value).all()
        return found


@functools.cache
def _compiled(call: str) -> Any:
    return jq.compile(f"{RULE.read_text()}\n{call}")


def places(found: Mapping[str, Any]) -> dict[str, int | None]:
    """Where a binding's object is, with its replicas there."""
    return {cluster["name"]: cluster.get("replicas") for cluster in found["spec"]["clusters"]}


def leaving(found: Mapping[str, Any]) -> list[str]:
    """The members from which a binding's object is being evicted."""
    return [task["fromCluster"] for task in found["spec"].get("gracefulEvictionTasks", ())]


def left(found: Mapping[str, Any]) -> dict[str, int | None]:
    """The members that a binding is marked to have left, with its replicas there."""
    metadata = found["metadata"]
    record = json.loads(metadata.get("annotations", {}).get(RECORD, "{}"))
    assert ("fleet/evicted" in metadata["labels"]) == bool(record), "the job finds it by this label"
    marked: dict[str, int | None] = record.get("left", {})
    return marked


def with_failover(found: dict[str, Any], failover: Any) -> dict[str, Any]:
    """A binding whose policy has this to say about failover."""
    found["spec"]["failover"] = failover
    return found


def lost_us(found: dict[str, Any], **state: Any) -> State:
    """Us is lost, and eu and ap are well."""
    return State(members=[*EU_AND_AP, silent("us")], bindings=[found], **state)
