"""What the article and the program promise of Karmada, on a running fleet: members, placement, answers and rights."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any, Final

import yaml

from fleet.naming import (
    AGENT_KUBECONFIG,
    DEFAULT_NAMESPACE,
    KARMADA_CLUSTER_NAMESPACE,
    KARMADA_NAMESPACE,
    execution_namespace,
)
from operations.claims import ANSWERED, NO_ANSWER, Claim
from operations.workloads import allowed
from sandbox.clusters.host.subprocesses import CommandError
from sandbox.verify.calls import calls
from sandbox.verify.kubeconfigs import keep
from sandbox.verify.member import Client, Member, Operator, View
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fleet.config.workloads import Workload
    from operations.workloads import Call

_UNPLACED: Final = "fleet-verify-unplaced"
# Karmada's detector looks at a new object within a second (its log).
_UNPLACED_SECONDS: Final = 5.0
_WITHIN_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 1.0
# So many that none of several regions is left out by chance, where traffic spreads over all.
_CALLS: Final = 30


def claims(
    karmada: Operator,
    members: Sequence[Member],
    folder: Path,
    workloads: Mapping[str, Workload],
    expelled: Collection[str] = (),
) -> Iterator[Claim]:
    """Everything that holds of a fleet with these workloads on it. `folder` takes the agents' credentials.

    Nothing is said of the members that are `expelled`.

    Raises:
        CommandError: Karmada or a member cannot be asked.

    """
    yield all_joined(karmada.view, {member.name for member in members}, expelled)
    yield unplaced_without_policy(karmada, workloads)
    for name, workload in workloads.items():
        yield divided_by_weights(karmada.view, [member.view for member in members], name, workload.namespace)
    for call in allowed(workloads):
        for member in members:
            both = ((call.called, call.namespace), (call.caller, call.caller_namespace))
            if all(member.running(*one) for one in both):
                yield answers_with_its_region(member, call)
    for member in members:
        others = [other.name for other in members if other is not member]
        yield agent_is_confined(member, others, folder)
    yield members_keep_their_credentials(karmada, members)


def all_joined(karmada: View, names: set[str], expelled: Collection[str] = ()) -> Claim:
    """`kubectl get clusters`: every member is there by its name, pulls its work, and is Ready."""
    found = {name: state for name, state in joined(karmada).items() if name not in expelled}
    return Claim(
        text="every member has joined Karmada in mode Pull, and is Ready",
        holds=found == dict.fromkeys(names, ("Pull", "True")),
        evidence=", ".join(f"{name} {mode} {ready}" for name, (mode, ready) in sorted(found.items())) or "no cluster",
    )


def joined(karmada: View) -> dict[str, tuple[str, str]]:
    """The mode and the condition Ready ("True", "False", "Unknown") of every member, by name. Raises CommandError."""
    items = karmada.get("clusters.cluster.karmada.io")["items"]
    return {item["metadata"]["name"]: (item["spec"]["syncMode"], _ready(item)) for item in items}


def _ready(cluster: Mapping[str, Any]) -> str:
    conditions = cluster.get("status", {}).get("conditions", ())
    return next((condition["status"] for condition in conditions if condition["type"] == "Ready"), "Unknown")


def unplaced_without_policy(karmada: Operator, workloads: Collection[str]) -> Claim:
    """A Deployment that no policy names stays at no replica and is bound to no member.

    Takes the operator's identity, since it submits one and deletes it again.
    The article's event "No policy match for resource" is not in Karmada 1.18.2, which only logs it (decision 0060).
    """
    container = {"name": "main", "image": "docker.io/library/busybox:1.36", "command": ["tail", "-f", "/dev/null"]}
    labels = {"app": _UNPLACED}
    spec = {
        "replicas": 3,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    metadata = {"name": _UNPLACED, "namespace": DEFAULT_NAMESPACE}
    document = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    karmada.kubectl("apply", "--filename=-", stdin=yaml.safe_dump(document))
    try:
        time.sleep(_UNPLACED_SECONDS)
        replicas = karmada.view.get("deployment", _UNPLACED)["status"].get("replicas", 0)
        bindings = _bound(karmada.view)
    finally:
        karmada.kubectl("delete", "deployment", _UNPLACED, "--ignore-not-found")
    return Claim(
        text="a Deployment without a policy stays at 0 replicas",
        holds=replicas == 0 and _UNPLACED not in bindings and bindings >= set(workloads),
        evidence=f"{replicas} of 3 after {_UNPLACED_SECONDS:.0f} s; bound are {', '.join(sorted(bindings))}",
    )


def _bound(karmada: View) -> set[str]:
    """The Deployments that Karmada has bound to members."""
    items = karmada.get("resourcebindings.work.karmada.io", "--all-namespaces")["items"]
    resources = [item["spec"]["resource"] for item in items]
    return {resource["name"] for resource in resources if resource["kind"] == "Deployment"}


def divided_by_weights(
    karmada: View, members: Sequence[View], workload: str, namespace: str = DEFAULT_NAMESPACE
) -> Claim:
    """The pods that run in each member are the share that the policy's weights give it, to the nearest whole pod."""
    place = f"--namespace={namespace}"
    replicas = karmada.get("deployment", workload, place)["spec"]["replicas"]
    weights = policy_weights(karmada.get("propagationpolicy", f"{workload}-propagation", place))
    running = until(
        lambda: {member.name: len(running_pods(member, workload, namespace)) for member in members},
        enough=lambda found: is_fair(found, weights, replicas),
        seconds=_WITHIN_SECONDS,
        every=_PAUSE_SECONDS,
    )
    shown = ", ".join(f"{name} {running[name]} (weight {weights.get(name, 0)})" for name in sorted(running))
    return Claim(
        text=f"{replicas} replicas of {workload} are divided by weight",
        holds=is_fair(running, weights, replicas),
        evidence=shown,
    )


def policy_weights(policy: Mapping[str, Any]) -> dict[str, int]:
    """The static weights of a PropagationPolicy, by member."""
    preference = policy["spec"]["placement"]["replicaScheduling"]["weightPreference"]["staticWeightList"]
    return {name: entry["weight"] for entry in preference for name in entry["targetCluster"]["clusterNames"]}


def is_fair(running: Mapping[str, int], weights: Mapping[str, int], replicas: int) -> bool:
    """Whether all replicas run, and each member has its share of them but for less than one.

    Karmada gives whole shares first and the rest by size of remainder (pkg/util/helper, Dispenser).
    """
    total = sum(weights.values())
    shares = {name: replicas * weights.get(name, 0) / total for name in running}
    return sum(running.values()) == replicas and all(abs(running[name] - shares[name]) < 1 for name in running)


def running_pods(member: View, workload: str, namespace: str = DEFAULT_NAMESPACE) -> list[str]:
    """The names of a workload's pods in a member that run, are ready, and are not about to go."""
    return [pod["metadata"]["name"] for pod in member.running(workload, namespace)]


def answers_with_its_region(member: Member, call: Call) -> Claim:
    """Called from a pod of the member, what runs there is among those that answer, if they say where they are."""
    answers: Counter[str] = calls(member, _CALLS, call)
    told = answers.keys() - {ANSWERED, NO_ANSWER}
    return Claim(
        text=f"{call.called} answers in {member.name} with its region",
        holds=answers[member.region if told else ANSWERED] > 0,
        evidence=", ".join(f"{count} times {region}" for region, count in sorted(answers.items())),
    )


def agent_is_confined(member: Member, others: Sequence[str], folder: Path) -> Claim:
    """With the certificate of a member's agent: its own work can be read, and nothing of another member's.

    Takes the operator's identity, since it reads the agent's credentials.
    """
    agent = agent_client(member, folder)
    own = _answer(agent, "works", f"--namespace={execution_namespace(member.name)}")
    forbidden: dict[str, tuple[str, ...]] = {
        "all works": ("works", "--all-namespaces"),
        "all secrets": ("secrets", "--all-namespaces"),
        "secrets of members": ("secrets", f"--namespace={KARMADA_CLUSTER_NAMESPACE}"),
        "secrets of Karmada": ("secrets", f"--namespace={KARMADA_NAMESPACE}"),
    }
    for other in others:
        forbidden[f"works of {other}"] = ("works", f"--namespace={execution_namespace(other)}")
        forbidden[f"secret of {other}"] = ("secret", other, f"--namespace={KARMADA_CLUSTER_NAMESPACE}")
    answers = {what: _answer(agent, *arguments) for what, arguments in forbidden.items()}
    open_doors = sorted(what for what, answer in answers.items() if answer != "Forbidden")
    return Claim(
        text=f"the agent of {member.name} reads its own works and nothing of others",
        holds=own == "ok" and not open_doors,
        evidence=f"own works: {own}; {len(answers)} others tried, not refused: {', '.join(open_doors) or 'none'}",
    )


def members_keep_their_credentials(karmada: Operator, members: Sequence[Member]) -> Claim:
    """No Secret in karmada-cluster holds a member's token, no Cluster refers to one, and no member has made one.

    An agent reports a token with all rights on its member, unless it is told not to.
    Takes the operator's identity, since it lists Secrets and who is bound.
    """
    found = until(
        lambda: _credentials(karmada, members),
        enough=lambda credentials: not credentials,
        seconds=_WITHIN_SECONDS,
        every=_PAUSE_SECONDS,
    )
    return Claim(
        text="Karmada has no credentials of a member, and no member an account for them",
        holds=not found,
        evidence=", ".join(found) or f"none in {KARMADA_CLUSTER_NAMESPACE}, of {len(members)} members and in them",
    )


def _credentials(karmada: Operator, members: Sequence[Member]) -> list[str]:
    """What there is of credentials, in words. What Karmada has brought to a member itself goes a little later."""
    namespace = f"--namespace={KARMADA_CLUSTER_NAMESPACE}"
    secrets, clusters = karmada.get("secrets", namespace), karmada.view.get("clusters.cluster.karmada.io")
    found = [*tokens(secrets["items"]), *references(clusters["items"])]
    for member in members:
        accounts = member.view.get("serviceaccounts", namespace)["items"]
        bindings = member.get("clusterrolebindings")["items"]
        found += [f"{what} in {member.name}" for what in made_for_karmada([*accounts, *bindings])]
    return found


def tokens(secrets: Iterable[Mapping[str, Any]]) -> list[str]:
    """The Secrets that hold a token."""
    return [f"Secret {secret['metadata']['name']}" for secret in secrets if "token" in secret.get("data", {})]


def references(clusters: Iterable[Mapping[str, Any]]) -> list[str]:
    """The references of Clusters to credentials."""
    keys = ("secretRef", "impersonatorSecretRef")
    return [f"{key} of {one['metadata']['name']}" for one in clusters for key in keys if one["spec"].get(key)]


def made_for_karmada(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """The accounts and bindings that are Karmada's by name (pkg/util/names); Fleet's own have a name of Fleet's."""
    named = [(one["kind"], one["metadata"]["name"]) for one in objects]
    return [f"{kind} {name}" for kind, name in named if name.startswith("karmada-")]


def agent_client(member: Member, folder: Path) -> Client:
    """A client that is a member's agent, with the credentials that the member has. Raises CommandError."""
    secret = member.get("secret", AGENT_KUBECONFIG, f"--namespace={KARMADA_NAMESPACE}")
    content = base64.b64decode(secret["data"]["kubeconfig"]).decode()
    return Client(kubeconfig=keep(folder / f"{member.name}-agent.kubeconfig", content), layout=member.layout)


def _answer(client: Client, *what: str) -> str:
    try:
        json.loads(client.kubectl("get", *what, "--output=json"))
    except CommandError as error:
        return "Forbidden" if "(Forbidden)" in error.output else error.output.splitlines()[-1]
    return "ok"
