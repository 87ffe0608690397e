"""A stack whose engine was killed, made fit for the next update.

A killed engine leaves a lock, plugins that still work for a moment, and in the state the creations that it did not see
the end of. What such a creation made exists without the stack knowing it: a cluster would cost money for ever, and an
object would be in the way of its own next creation. Here each is looked for by the name that the program gave it, and
is put into the state, as a user can do it by hand (`pulumi stack export` and `import`, docs/state.md).
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psutil
from linode_api4 import LinodeClient, LKECluster

from sandbox.engine import leftovers
from sandbox.engine.locks import has_lock
from sandbox.engine.run import EngineError, Request, ask, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.engine.plugins import Mode
    from sandbox.engine.workspace import Workspace

_ENGINE_SECONDS: Final = 60.0
"""How long to wait for an engine that is about to end."""
_LKE_CLUSTER: Final = "linode:index/lkeCluster:LkeCluster"
_RELEASE: Final = "kubernetes:helm.sh/v3:Release"


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A creation whose end the engine did not see."""

    urn: str
    type: str
    inputs: Mapping[str, Any]


def recover(stack: str, workspace: Workspace, *, mode: Mode, say: Callable[[str], None]) -> int:
    """Lift the lock, and put what was being created into the state, or out of it. Returns Pulumi's exit code.

    Nothing to recover is no mistake. The Linode account is that of LINODE_TOKEN and LINODE_URL. Raises SandboxError if
    Pulumi cannot be run, or the dead engine's plugins do not end.
    """
    _end_leftovers(workspace)
    if has_lock(stack, workspace):
        ask(stack, workspace, "cancel", "--yes")
    # With secrets, since names may depend on them; nothing of it is kept or shown.
    exported = json.loads(ask(stack, workspace, "stack", "export", "--show-secrets"))
    creations = list(pending_creations(exported))
    if not creations:
        say("nothing was being created when the engine ended")
        return 0
    found = {creation.urn: identity for creation in creations if (identity := identity_of(creation, lke_cluster_id))}
    for creation in creations:
        what = f"it is {found[creation.urn]}, if it is there" if creation.urn in found else "it is made anew"
        say(f"{creation.urn.rpartition('::')[2]} was being created: {what}")
    _import(stack, workspace, found)
    if not found:
        return 0
    # What is not there after all leaves the state again.
    targets = [word for urn in found for word in ("--target", urn)]
    refresh = ("refresh", "--yes", "--skip-preview", "--non-interactive", *targets)
    return run(Request(stack=stack, arguments=refresh, mode=mode), workspace, say=lambda _: None)


def _import(stack: str, workspace: Workspace, found: Mapping[str, str]) -> None:
    """Turn unfinished creations into resources with the ids that were found, and forget the others.

    By the state itself: `pulumi refresh` imports them too, but with a look at every resource of the stack.
    """
    exported = json.loads(ask(stack, workspace, "stack", "export"))
    with_ids = taken_over(exported, found)
    with tempfile.NamedTemporaryFile("w", dir=workspace.folder, suffix=".json", encoding="utf-8") as file:
        json.dump(with_ids, file)
        file.flush()
        ask(stack, workspace, "stack", "import", "--file", file.name)


def taken_over(exported: Mapping[str, Any], found: Mapping[str, str]) -> dict[str, Any]:
    """A stack's export with the unfinished creations of these URNs as resources, and no other one."""
    deployment = dict(exported["deployment"])
    operations = deployment.pop("pending_operations", None) or ()
    made = [
        operation["resource"] | {"id": found[operation["resource"]["urn"]]}
        for operation in operations
        if operation["type"] == "creating" and operation["resource"]["urn"] in found
    ]
    # What was being changed or deleted is among the resources, and is changed or deleted again.
    deployment["resources"] = [*deployment["resources"], *made]
    return {**exported, "deployment": deployment}


def pending_creations(exported: Mapping[str, Any]) -> Iterable[Pending]:
    """The unfinished creations in a stack's export, secrets of which are in the clear."""
    for operation in exported["deployment"].get("pending_operations") or ():
        if operation["type"] == "creating":
            resource = operation["resource"]
            yield Pending(urn=resource["urn"], type=resource["type"], inputs=_revealed(resource.get("inputs") or {}))


def identity_of(creation: Pending, cluster_id: Callable[[str], str | None]) -> str | None:
    """The provider's id of what was being created; None where nothing can be left of it outside of the state.

    `cluster_id` finds an LKE cluster by its label.
    """
    inputs = creation.inputs
    if creation.type == _LKE_CLUSTER:
        return cluster_id(inputs["label"])
    if creation.type == _RELEASE:
        return f"{inputs['namespace']}/{inputs['name']}"
    if creation.type.startswith("kubernetes:"):
        metadata = inputs["metadata"]
        return "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)
    return None


def lke_cluster_id(label: str) -> str | None:
    """The id of the account's cluster with a label, which is unique there; None if it has none."""
    address = f"{os.environ.get('LINODE_URL', 'https://api.linode.com')}/v4"
    client = LinodeClient(os.environ.get("LINODE_TOKEN", ""), base_url=address)
    found = client.lke.clusters(LKECluster.label == label)
    return str(found[0].id) if len(found) else None


def _revealed(value: Any) -> Any:
    """A value of the state with the marks of secrets taken off."""
    if isinstance(value, dict):
        if "plaintext" in value and "4dabf18193072939515e22adb298388d" in value:
            return json.loads(value["plaintext"])
        return {key: _revealed(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_revealed(below) for below in value]
    return value


def _end_leftovers(workspace: Workspace) -> None:
    """Wait until no process works on the stack's state any more."""
    _, alive = psutil.wait_procs(leftovers.engines(workspace), timeout=_ENGINE_SECONDS)
    alive = alive or leftovers.end(workspace)
    if alive:
        raise EngineError(
            what="The stack is still being worked on",
            why=f"processes {', '.join(str(process.pid) for process in alive)} have not ended",
            remedy="Wait for the other Pulumi command to end, or end it with Ctrl-C, and run again",
        )
