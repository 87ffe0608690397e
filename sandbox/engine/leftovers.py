"""The processes that a killed engine leaves behind: its plugins, and the program.

They are known by the address of the state, which the engine was given and handed on. The stand-ins notice within
seconds that their engine is gone; the official providers never do, since their health check cancels a context that
nobody watches (pkg/resource/provider/main.go of github.com/pulumi/pulumi).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.engine.workspace import Workspace

_ENGINE: Final = "pulumi"
_GRACE_SECONDS: Final = 5.0
"""How long operations may take to end when they were asked to, as long as an engine gives them at Ctrl-C."""
_LAST_SECONDS: Final = 60.0


def engines(workspace: Workspace) -> list[psutil.Process]:
    """The engines that work on a state."""
    return [process for process in _processes(workspace.backend) if _is_engine(process)]


def end(workspace: Workspace) -> list[psutil.Process]:
    """End what no engine needs any more. What it works on ends first, as at Ctrl-C. Returns what did not end."""
    left = [process for process in _processes(workspace.backend) if not _is_engine(process)]
    for process in left:
        _cancel(process)
    _, alive = psutil.wait_procs(left, timeout=_GRACE_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    return psutil.wait_procs(alive, timeout=_LAST_SECONDS)[1]


def kill(folder: Path) -> list[psutil.Process]:
    """End everything that works on a state in a folder which is about to go. Returns what did not end."""
    left = _processes(f"{folder.resolve().as_uri()}/")
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return psutil.wait_procs(left, timeout=_LAST_SECONDS)[1]


def _processes(address: str) -> list[psutil.Process]:
    """What was given a state's address that begins so, apart from this process and those that started it."""
    this = psutil.Process()
    ours = {this.pid, *(parent.pid for parent in this.parents())}
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in ours and _environment(process).get("PULUMI_BACKEND_URL", "").startswith(address)
    ]


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def _is_engine(process: psutil.Process) -> bool:
    try:
        return process.name() == _ENGINE
    except psutil.NoSuchProcess:
        return False


def _cancel(process: psutil.Process) -> None:
    """Ask a plugin to end early what it works on, as an engine does."""
    # Late, since they take long to load, and only a killed engine needs them.
    import grpc
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import provider_pb2_grpc

    try:
        ports = [one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    except psutil.Error:
        return
    # A user's proxy has no part in it.
    direct = [("grpc.enable_http_proxy", 0)]
    for port in ports:
        with grpc.insecure_channel(f"127.0.0.1:{port}", direct) as channel, contextlib.suppress(grpc.RpcError):
            provider_pb2_grpc.ResourceProviderStub(channel).Cancel(empty_pb2.Empty(), timeout=_GRACE_SECONDS)
