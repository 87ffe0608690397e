"""hello and sleep as Karmada would place them, one of each in a member: for tests of the mesh alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from fleet.naming import HELLO, HELLO_PORT, SLEEP, WORKLOAD_NAMESPACE, workload_identity
from fleet.versions import CURL_IMAGE, PODINFO_IMAGE
from fleet.workloads import MESSAGE_VARIABLE, PODINFO_PORT

if TYPE_CHECKING:
    from sandbox.verify.member import Member


def place(member: Member) -> None:
    """Create both in a member, and wait until they run."""
    hello = {
        "name": HELLO,
        "image": PODINFO_IMAGE,
        "env": [{"name": MESSAGE_VARIABLE, "value": f"REGION={member.region}"}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": PODINFO_PORT}, "periodSeconds": 1},
    }
    sleep = {"name": SLEEP, "image": CURL_IMAGE, "command": ["sleep", "3650d"]}
    service = {
        **_object("v1", "Service", HELLO),
        "spec": {
            "selector": {"app": HELLO},
            "ports": [{"name": "http", "port": HELLO_PORT, "targetPort": PODINFO_PORT}],
        },
    }
    documents = [service, *_workload(member, HELLO, hello), *_workload(member, SLEEP, sleep)]
    member.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(documents))
    for name in (HELLO, SLEEP):
        member.kubectl("rollout", "status", f"deployment/{name}", "--timeout=180s", timeout_seconds=200)


def _object(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": WORKLOAD_NAMESPACE}}


def _workload(member: Member, name: str, container: dict[str, Any]) -> list[dict[str, Any]]:
    labels = {"app": name}
    identity = workload_identity(name, member.name)
    pod = {"serviceAccountName": identity, "terminationGracePeriodSeconds": 0, "containers": [container]}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return [
        _object("v1", "ServiceAccount", identity),
        {**_object("apps/v1", "Deployment", name), "spec": spec},
    ]
