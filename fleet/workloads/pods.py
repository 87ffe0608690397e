"""The pods of one entry: a container, what it reads, and how it is asked whether it is well. Pure functions."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from fleet.config.variables import in_order
from fleet.config.workload_fields import file_key, in_member, is_marked, protocol_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.config.workloads import PodResources, Probe, Workload

SELECTED: Final = "app"
"""The label by which Services, rules and disruption budgets find a workload's pods."""
FILES_ANNOTATION: Final = "fleet/files"
"""A file that is mounted alone stays as it was when its pod started."""
SECRETS_ANNOTATION: Final = "fleet/secret-env"
"""What a pod reads from a Secret's variables is of when it started. The value says nothing of the secret."""
_FILES: Final = "files"
_UNPRIVILEGED_PORTS: Final = 1024
SECURITY: Final[Mapping[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The level restricted (Kubernetes, "Pod Security Standards"). No label of a namespace can ask for it where Istio's
init container takes NET_ADMIN (docs/decisions/0281)."""


def labels(name: str) -> dict[str, str]:
    """The labels of all pods of a workload, in every member."""
    return {SELECTED: name}


def template(name: str, workload: Workload, *, files: str, secret: str) -> dict[str, Any]:
    """The template of its pods, as Karmada has it, by the names of the ConfigMap with its files and of its Secret."""
    same = {key: value for key, value in workload.labels.items() if not is_marked(value)}
    metadata: dict[str, Any] = {"labels": same | labels(name)}
    if workload.files:
        metadata["annotations"] = {FILES_ANNOTATION: fingerprint(workload.files)}
    return {"metadata": metadata, "spec": _pod(name, workload, files, secret)}


def _pod(name: str, workload: Workload, files: str, secret: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [container(name, workload, secret)]}
    if workload.termination_grace_period_seconds is not None:
        spec["terminationGracePeriodSeconds"] = workload.termination_grace_period_seconds
    if workload.files:
        spec["volumes"] = [{"name": _FILES, "configMap": {"name": files}}]
    if any(port.listens < _UNPRIVILEGED_PORTS for port in workload.ports.values()):
        # A safe sysctl, which the level restricted has; not every runtime sets it by itself.
        spec["securityContext"] = {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}
    return spec


def container(name: str, workload: Workload, secret: str) -> dict[str, Any]:
    """Its one container."""
    probes, ports = workload.probes, workload.ports
    found: dict[str, Any] = {
        "name": name,
        "image": workload.image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(workload.command),
        "args": list(workload.args),
        "env": variables(workload, secret),
        "ports": [{"name": port, "containerPort": ports[port].listens} for port in workload.port_names],
        "readinessProbe": _probe(probes.ready, workload),
        "livenessProbe": _probe(probes.live, workload),
        "startupProbe": _probe(probes.startup, workload),
        "volumeMounts": [
            {"name": _FILES, "mountPath": path, "subPath": file_key(path), "readOnly": True}
            for path in sorted(workload.files)
        ],
    }
    said = {key: value for key, value in found.items() if value}
    return said | {
        "resources": resources(workload.resources),
        "securityContext": dict(SECURITY) | {"runAsUser": workload.run_as_user},
    }


def variables(
    workload: Workload, secret: str, *, more: Mapping[str, str] | None = None, places: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Its environment, each variable behind those that it uses; those of its Secret are first.

    In one member there may be `more`, and `places` has the region and the member for which the marks stand.
    """
    plain = {**workload.env, **(more or {})}
    hidden = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}}
        for name in sorted(workload.secret_env)
    ]
    texts = {name: in_member(text, **places) if places else text for name, text in plain.items()}
    return [*hidden, *({"name": name, "value": texts[name]} for name in in_order(texts))]


def resources(asked: PodResources) -> dict[str, Any]:
    """What a container asks for, and what it may take."""
    limits = {name: most for name, most in (("cpu", asked.limits.cpu), ("memory", asked.limits.memory)) if most}
    return {"requests": {"cpu": asked.cpu, "memory": asked.memory}} | ({"limits": limits} if limits else {})


def fingerprint(files: Mapping[str, str]) -> str:
    """What is another one once a file is."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def _probe(probe: Probe | None, workload: Workload) -> dict[str, Any] | None:
    if probe is None:
        return None
    timing = {
        "initialDelaySeconds": probe.initial_delay_seconds,
        "periodSeconds": probe.period_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "failureThreshold": probe.failure_threshold,
    }
    return _asked(probe, workload) | {key: value for key, value in timing.items() if value is not None}


def _asked(probe: Probe, workload: Workload) -> dict[str, Any]:
    if probe.command:
        return {"exec": {"command": list(probe.command)}}
    name = probe.port or next(iter(workload.http_ports or workload.port_names))
    port = workload.ports[name].listens
    if probe.path:
        return {"httpGet": {"path": probe.path, "port": port}}
    return {"grpc" if protocol_of(name) == "grpc" else "tcpSocket": {"port": port}}
