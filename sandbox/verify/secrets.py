"""Where a workload's secrets are: in its Secret and in no other object, log or proxy."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final

from operations.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fleet.config.workloads import Workload
    from sandbox.verify.member import Client, Member, Operator

_IN_KARMADA: Final = (
    "deployments.apps",
    "services",
    "configmaps",
    "propagationpolicies.policy.karmada.io",
    "overridepolicies.policy.karmada.io",
    "resourcebindings.work.karmada.io",
    "events",
)
"""Not works, which carry Secrets to members: they are encrypted at rest, and no viewer reads them (decision 137)."""
_IN_MEMBERS: Final = ("deployments.apps", "replicasets.apps", "pods", "services", "configmaps", "events")


def claims(
    karmada: Operator, members: Sequence[Member], workloads: Mapping[str, Workload], secrets: Mapping[str, str]
) -> Iterator[Claim]:
    """One claim for each workload with secrets; `secrets` has the values by their names in `fleet:secrets`.

    Takes the operator's identity, since a viewer reads no ConfigMap.

    Raises:
        CommandError: Karmada or a member cannot be asked.

    """
    for name, workload in workloads.items():
        values = [secrets[reference["secret"]] for reference in workload.secret_env.values()]
        if values:
            yield hidden(name, workload.namespace, values, karmada, members)


def hidden(name: str, namespace: str, values: Sequence[str], karmada: Operator, members: Sequence[Member]) -> Claim:
    """A workload's secret values stand in no object but its Secret, and in no log of its pods."""
    places: list[tuple[str, Client, str]] = [
        ("Karmada", karmada, ",".join(_IN_KARMADA)),
        *((member.name, member, ",".join(_IN_MEMBERS)) for member in members),
    ]
    found = [
        place
        for place, client, kinds in places
        if shows(json.dumps(client.get(kinds, f"--namespace={namespace}")), values)
    ]
    for member in members:
        if member.view.running(name, namespace):
            line = ("logs", f"--namespace={namespace}", f"--selector=app={name}", "--all-containers", "--tail=-1")
            if shows(member.view.kubectl(*line), values):
                found.append(f"logs in {member.name}")
    return Claim(
        text=f"the secrets of {name} stand in its Secret alone",
        holds=not found,
        evidence=f"read in {', '.join(found)}" if found else f"{len(places)} API servers and the logs looked through",
    )


def shows(text: str, values: Sequence[str]) -> bool:
    """Whether a text has one of the values, as it is or in base64."""
    return any(value in text or base64.b64encode(value.encode()).decode() in text for value in values)
