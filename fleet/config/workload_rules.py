"""The rules of the stack config on workloads: between entries, and between an entry and the rest of the fleet."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from graphlib import CycleError
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Final

from fleet.config.fields import LABEL_VALUE
from fleet.config.variables import in_order
from fleet.config.violations import Violation, no_member
from fleet.config.workload_fields import HTTP_PROTOCOLS, MARKS, in_member, is_marked, protocol_of
from fleet.config.workloads import TrafficMode
from fleet.naming import CALLERS_OF_INGRESS, DEFAULT_NAMESPACE, workload_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fleet.config.settings import FleetConfig
    from fleet.config.workloads import Workload

OF_KUBERNETES: Final = "kubernetes"
"""The Service of every cluster's own API server."""
FILES_BYTES: Final = 1024 * 1024
"""What a ConfigMap takes (https://kubernetes.io/docs/concepts/configuration/configmap/), and etcd a little more."""
NOT_FILLED_IN: Final = (
    f"has {' or '.join(MARKS)}, which is filled in in env, command, args and labels alone; read it from a variable of "
    "env"
)


def violations(config: FleetConfig) -> Iterator[Violation]:
    """Every such rule that a config breaks."""
    for name, workload in config.workloads.items():
        for rule in _BY_ITSELF:
            yield from rule(name, workload)
        for rule_in_fleet in _IN_THE_FLEET:
            yield from rule_in_fleet(name, workload, config)
    yield from _identities(config)
    yield from _hosts(config)


def _source(name: str, workload: Workload) -> Iterator[Violation]:
    if workload.image is None:
        yield _wrong(
            name,
            "image",
            "missing; an entry says all that a workload is, and Pulumi.dev.yaml has those of the article",
        )


def _name(name: str, workload: Workload) -> Iterator[Violation]:
    if name == OF_KUBERNETES and workload.namespace == DEFAULT_NAMESPACE:
        yield _wrong(name, "namespace", f"{workload.namespace!r} has {name!r} already, the API server's; take another")


def _members(name: str, workload: Workload, config: FleetConfig) -> Iterator[Violation]:
    places = (
        *((("weights", member), member) for member in workload.weights),
        *((("perMember", member), member) for member in workload.per_member),
        *((("traffic", "failover"), member) for member in workload.traffic.failover or ()),
    )
    for path, member in places:
        yield from no_member(("workloads", name, *path), member, config.members)


def _drained(name: str, workload: Workload, config: FleetConfig) -> Iterator[Violation]:
    if config.trusted_members and not config.weights(workload):
        yield Violation(
            path=("workloads", name, "weights"),
            message=f"only members that are drained or expelled ({', '.join(workload.weights or config.members)}); "
            "give weight to one that is not",
            about_all_clusters=True,
        )


def _callers(name: str, workload: Workload, config: FleetConfig) -> Iterator[Violation]:
    for index, caller in enumerate(workload.callers):
        path = ("workloads", name, "callers", str(index))
        if caller == CALLERS_OF_INGRESS:
            yield Violation(
                path=path,
                message=f"{caller!r} is no workload; the gateways may call what has hosts: "
                f"workloads.{name}.ingress.hosts",
            )
        elif caller not in config.workloads:
            there = f"the workloads are {', '.join(config.workloads)}"
            yield Violation(
                path=path,
                message=f"{caller!r} is not a workload; {there}",
                rests_on=(("workloads", caller),),
            )
        elif caller in workload.callers[:index]:
            yield Violation(path=path, message=f"{caller!r} stands twice; drop one")


def _ports(name: str, workload: Workload) -> Iterator[Violation]:
    for one, other in combinations(workload.ports, 2):
        here, there = workload.ports[one], workload.ports[other]
        if here.port == there.port:
            yield _wrong(name, "ports", other, f"{there.port} is the number of {one!r} too; give each its own")
        elif here.listens == there.listens:
            yield _wrong(
                name, "ports", other, f"target {there.listens} is that of {one!r} too; two ports need two listeners"
            )
    if not workload.ports:
        for key, wants in (("callers", workload.callers), ("ingress", workload.ingress)):
            if wants:
                yield _of_ports(name, key, "is for calls, and there is no port to call; add ports, or drop it")


def _named_ports(name: str, workload: Workload) -> Iterator[Violation]:
    """Ports that are named, and what only an HTTP port can do."""
    for key, probe in workload.probes.given.items():
        path = ("probes", key)
        if probe.command and (probe.path or probe.port):
            yield _wrong(name, *path, "has a command and a port to ask; keep one of both")
        elif not probe.command and probe.port not in (None, *workload.ports):
            yield _unknown_port(name, (*path, "port"), probe.port, workload)
        elif not probe.command and not workload.ports:
            yield _of_ports(name, *path, "asks a port, and there is none; add ports, or ask by a command")
    ingress = workload.ingress
    if ingress and ingress.port is not None and ingress.port not in workload.ports:
        yield _unknown_port(name, ("ingress", "port"), ingress.port, workload)
    elif ingress and ingress.port is not None and protocol_of(ingress.port) not in HTTP_PROTOCOLS:
        yield _wrong(name, "ingress", "port", f"{ingress.port!r} is not HTTP, which is all that the gateways pass")
    elif ingress and workload.ports and not workload.http_ports:
        yield _of_ports(name, "ingress", "is for HTTP alone, and no port is; call one http, http2, grpc or grpc-web")
    own = workload.traffic
    for key, said in (("timeoutSeconds", own.timeout_seconds), ("retries", own.retries)):
        if said is not None and not workload.http_ports:
            yield _of_ports(name, "traffic", key, "is for requests, and there is no HTTP port; drop it")


def _failover(name: str, workload: Workload, config: FleetConfig) -> Iterator[Violation]:
    traffic = config.traffic_of(workload)
    if workload.traffic.failover and traffic.mode is TrafficMode.GLOBAL:
        yield _wrong(
            name, "traffic", "failover", "orders regions, and mode 'global' prefers none; drop it, or take 'locality'"
        )


def _variables(name: str, workload: Workload) -> Iterator[Violation]:
    for variable in workload.env:
        if variable in workload.secret_env:
            yield _wrong(name, "env", variable, "is in secretEnv too; keep one of both")
    for member, changes in workload.per_member.items():
        for variable in changes.env:
            if variable in workload.secret_env:
                yield _wrong(name, "perMember", member, "env", variable, "is in secretEnv too; keep one of both")


def _resources(name: str, workload: Workload) -> Iterator[Violation]:
    for member in workload.per_member:
        if wrong := workload.resources_in(member).over_limit:
            yield _wrong(name, "perMember", member, "resources", wrong)


def _circles(name: str, workload: Workload) -> Iterator[Violation]:
    changed = ((("perMember", member, "env"), changes.env) for member, changes in workload.per_member.items())
    for path, more in ((("env",), {}), *changed):
        try:
            in_order({**workload.env, **more})
        except CycleError as error:
            circle = " uses ".join(reversed(error.args[1]))
            yield _wrong(name, *path, f"{circle}, and Kubernetes knows only what stands before; take one use out")
            return


def _files(name: str, workload: Workload) -> Iterator[Violation]:
    for file, text in workload.files.items():
        if is_marked(text):
            yield _wrong(name, "files", file, NOT_FILLED_IN)
        if above := next((other for other in workload.files if file.startswith(f"{other}/")), None):
            yield _wrong(name, "files", file, f"is below {above}, which is a file as well; take another place")
    if (size := sum(map(_stored, workload.files.values()))) > FILES_BYTES:
        yield _wrong(
            name,
            "files",
            f"have {size} bytes as JSON, in which Karmada keeps them, and all of a workload's can have {FILES_BYTES}; "
            "put them into the image",
        )


def _stored(text: str) -> int:
    """The bytes of a text in JSON as Go writes it, which has an angle bracket or an ampersand in six."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")) + 5 * sum(map(text.count, "<>&"))


def _probes(name: str, workload: Workload) -> Iterator[Violation]:
    for key, probe in workload.probes.given.items():
        if any(map(is_marked, probe.command)):
            yield _wrong(name, "probes", key, "command", NOT_FILLED_IN)


def _labels(name: str, workload: Workload, config: FleetConfig) -> Iterator[Violation]:
    """Whoever knows the members knows how long a label is in each."""
    for key, value in workload.labels.items():
        for member, region in config.regions().items():
            if not LABEL_VALUE.fullmatch(filled := in_member(value, region=region, member=member)):
                yield Violation(
                    path=("workloads", name, "labels", key),
                    message=f"would be {filled!r} in {member}, and a label has at most 63 characters; shorten it",
                    rests_on=(("clusters", member),),
                )
                break


def _identities(config: FleetConfig) -> Iterator[Violation]:
    """Authorization tells callers apart by names of service accounts, and Karmada policies by the same."""
    owners: dict[tuple[str, str], tuple[str, str]] = {}
    for name, workload in config.workloads.items():
        for member in config.members:
            key = (workload.namespace, workload_identity(name, member))
            if key in owners:
                other, there = owners[key]
                yield Violation(
                    path=("workloads", name),
                    message=f"would be {key[1]!r} in {member}, as {other!r} is in {there}; rename it, or give it "
                    "another namespace",
                )
            owners[key] = (name, member)


def _hosts(config: FleetConfig) -> Iterator[Violation]:
    """Istio joins what several lead to from one host, and says nothing of which goes first."""
    served: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, workload in config.workloads.items():
        if workload.ingress is None:
            continue
        for host in workload.ingress.hosts:
            for path in workload.ingress.paths:
                for other, earlier in served[host]:
                    if other != name and (sentence := _meet(host, path, earlier, other)):
                        yield _wrong(name, "ingress", sentence)
                served[host].append((name, path))


def _meet(host: str, path: str, earlier: str, other: str) -> str:
    if path == earlier:
        return f"{host!r} and {path!r} lead to {other!r} already; take another host or path"
    # What leads everywhere goes last (SortVHostRoutes in pilot/pkg/networking/core/route/route.go).
    both = permutations((path, earlier))
    if "/" not in (path, earlier) and any(f"{one}/".startswith(f"{two}/") for one, two in both):
        return f"{path!r} and {earlier!r} of {other!r} at {host!r} are below each other; take paths that are not"
    return ""


def _unknown_port(name: str, path: tuple[str, ...], port: str | None, workload: Workload) -> Violation:
    there = f"the ports are {', '.join(workload.ports)}" if workload.ports else "there are no ports"
    return _of_ports(name, *path, f"{port!r} is not one of the ports; {there}")


def _wrong(name: str, *path_and_message: str) -> Violation:
    *path, message = path_and_message
    return Violation(path=("workloads", name, *path), message=message)


def _of_ports(name: str, *path_and_message: str) -> Violation:
    """What may be wrong only since another error took the ports out."""
    return replace(_wrong(name, *path_and_message), rests_on=(("workloads", name, "ports"),))


_BY_ITSELF: Final[tuple[Callable[[str, Workload], Iterator[Violation]], ...]] = (
    _source,
    _name,
    _ports,
    _named_ports,
    _variables,
    _resources,
    _circles,
    _files,
    _probes,
)
_IN_THE_FLEET: Final[tuple[Callable[[str, Workload, FleetConfig], Iterator[Violation]], ...]] = (
    _members,
    _drained,
    _callers,
    _failover,
    _labels,
)
