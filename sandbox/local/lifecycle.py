"""A sandbox as a whole: brought up and taken down. Every step may be repeated, after a crash at any point too."""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from filelock import FileLock, Timeout

from sandbox.charts import stage
from sandbox.clusters.clients import open_to_invoker
from sandbox.clusters.delivery import make_up
from sandbox.clusters.host import cgroups, preflight
from sandbox.clusters.host.delays import Delays
from sandbox.clusters.host.layout import Layout, namespace_path
from sandbox.clusters.host.processes import ProcessSpec, recall, remember
from sandbox.clusters.host.provisions import Provisions
from sandbox.clusters.host.subprocesses import detach, inside, run
from sandbox.clusters.images.store import ImageStore, default_cache
from sandbox.clusters.images.table import IMAGES
from sandbox.clusters.network.links import attach, delete_namespace, ensure_wan
from sandbox.clusters.network.plan import CLOUD, LINODE_API, LINODE_API_PORT
from sandbox.engine import leftovers
from sandbox.errors import SandboxError
from sandbox.toolchain.resolver import default_toolchain
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sandbox.clusters.host.processes import Running

DAEMON: Final = "daemon"
CLUSTER_TOOLS: Final = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"),
    *("containerd", "containerd-shim-runc-v2", "ctr", "network-policy"),
)
_CLIENTS: Final = ("kubectl",)
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
_LOCK_SECONDS: Final = 300.0
_PAUSE_SECONDS: Final = 0.1
_REPOSITORY: Final = Path(__file__).parents[2]


class LifecycleError(SandboxError):
    """A sandbox did not come up, or did not go."""


def up(layout: Layout, *, say: Callable[[str], None], delays: Delays | None = None) -> None:
    """Bring a sandbox up: its network, the emulated Linode API, and the clusters that its account has.

    Repairs what an earlier one left half done. `say` gets a line for each step that takes a while.

    Raises:
        SandboxError: it cannot be brought up.

    """
    preflight.check(layout)
    programs = default_toolchain().paths(CLUSTER_TOOLS)
    store = ImageStore(images=IMAGES, cache=default_cache())
    store.note(layout.root.parent)
    if not store.folder.exists():
        say("making the clusters' images")
        store.make(keep=stores_in_use(store.homes()))
    with _alone(layout), _file_trouble(layout):
        for folder in (layout.root, layout.logs, layout.units):
            folder.mkdir(parents=True, exist_ok=True)
        layout.root.chmod(0o700)
        provisions = Provisions(programs=programs, images=str(store.folder), delays=delays or Delays())
        provisions.write(layout.provisions)
        stage(layout.charts)
        _link_clients(layout, programs)
        open_to_invoker(layout)
        ensure_wan(layout.wan)
        attach(layout.cloud, address=CLOUD, wan=layout.wan)
        _start_daemon(layout)
        _bring_own_images(layout, programs["ctr"], say=say)
    say(f"the Linode API is at {LINODE_API} inside the sandbox")


def stores_in_use(homes: Iterable[Path]) -> set[Path]:
    """The stores of all sandboxes, whose next nodes begin with them: another checkout makes other images."""
    found = set()
    for path in (path for home in homes for path in home.glob("*/provisions.json")):
        with contextlib.suppress(OSError, ValueError):  # One that is going, or whose tools are gone.
            found.add(Path(Provisions.read(path).images))
    return found


def down(layout: Layout) -> None:
    """Take a sandbox down, with all that it has.

    Raises:
        LifecycleError: something is left, which the error names.

    """
    preflight.check_root()
    with _alone(layout):
        if daemon := running_daemon(layout):
            # No grace: what it would tidy up is about to go.
            daemon.stop(grace_seconds=0)
        left = [f"process {pid}" for pid in cgroups.kill_members(layout.cgroup, timeout_seconds=_STOP_SECONDS)]
        # A killed engine's plugins are in the sandbox's network, and in none of its control groups.
        left += [f"process {process.pid}" for process in leftovers.kill(layout.root)]
        for namespace in layout.namespaces():
            delete_namespace(namespace)
        _unmount(layout.root)
        left += [str(path) for path in _remove_groups(layout)]
        if layout.root.exists():
            shutil.rmtree(layout.root)
        if left:
            raise LifecycleError(
                what=f"The sandbox {layout.name} is not wholly gone",
                why=f"left are {', '.join(left)}",
                remedy="Run `python -m sandbox down` again",
            )
    layout.lock.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        layout.root.parent.rmdir()


def running_daemon(layout: Layout) -> Running | None:
    """The sandbox's own process, if it runs."""
    running = recall(layout.daemon)
    return running if running is not None and running.alive else None


@contextlib.contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    layout.lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(layout.lock, timeout=_LOCK_SECONDS):
            yield
    except Timeout as error:
        raise LifecycleError(
            what=f"The sandbox {layout.name} is being changed by another command",
            why=f"{layout.lock} has been held for {_LOCK_SECONDS:.0f} s",
            remedy="Wait for the other `python -m sandbox` to end",
        ) from error


@contextlib.contextmanager
def _file_trouble(layout: Layout) -> Iterator[None]:
    """Tell a full or read-only disk in a sentence."""
    try:
        yield
    except OSError as error:
        raise LifecycleError(
            what=f"The sandbox {layout.name} cannot keep its files",
            why=f"{error.filename or layout.root}: {error.strerror or error}",
            remedy="Make room or mend the disk, or set FLEET_STATE_HOME to a folder on another",
        ) from error


def _start_daemon(layout: Layout) -> None:
    line = [sys.executable, "-m", "sandbox.local.daemon", layout.name]
    command = ProcessSpec(line=inside(layout.cloud, line), inputs=(layout.provisions,))
    running = running_daemon(layout)
    if running is not None and running.fingerprint == command.fingerprint and _answers(layout, running.pid):
        return
    if running is not None:
        running.stop(grace_seconds=_STOP_SECONDS)
    log = layout.logs / f"{DAEMON}.log"
    pid = detach(command.line, log=log, folder=_REPOSITORY)
    started = remember(layout.daemon, pid=pid, fingerprint=command.fingerprint, restarts=0)
    until(lambda: _answers(layout, pid) or not started.alive, seconds=_START_SECONDS, every=_PAUSE_SECONDS)
    if not _answers(layout, pid):
        lines = log.read_text(errors="replace").strip().splitlines()
        raise LifecycleError(
            what=f"The sandbox {layout.name} did not start",
            why=lines[-1] if lines else "its process said nothing",
            remedy=f"See {log}",
        )


def _bring_own_images(layout: Layout, ctr: Path, *, say: Callable[[str], None]) -> None:
    """Make up for images that a node could not be given when they were loaded; new nodes are given theirs at boot."""
    try:
        make_up(layout, ctr)
    except SandboxError as error:
        # A sandbox without them is one all the same.
        say(str(error))


def _link_clients(layout: Layout, programs: Mapping[str, Path]) -> None:
    """Put what users call inside the sandbox where its shell looks for it."""
    layout.programs.mkdir(exist_ok=True)
    for name in _CLIENTS:
        link = layout.programs / name
        link.unlink(missing_ok=True)
        link.symlink_to(programs[name])


def _answers(layout: Layout, pid: int) -> bool:
    """Whether this very process listens at the Linode API's address, by what the kernel says of its namespace."""
    listening = run(*inside(layout.cloud, ["ss", "--no-header", "--listening", "--numeric", "--tcp", "--processes"]))
    return any(f"{CLOUD}:{LINODE_API_PORT} " in line and f",pid={pid}," in line for line in listening.splitlines())


def _unmount(root: Path) -> None:
    """Unmount what is mounted below a folder, innermost first."""
    mounted = [partition.mountpoint for partition in psutil.disk_partitions(all=True)]
    for mountpoint in sorted(mounted, reverse=True):
        if Path(mountpoint).is_relative_to(root):
            run("umount", "--lazy", mountpoint)


def _remove_groups(layout: Layout) -> list[Path]:
    if left := cgroups.remove(layout.cgroup, timeout_seconds=_STOP_SECONDS):
        return left
    for root in cgroups.hierarchies():
        with contextlib.suppress(OSError):
            (root / layout.cgroup).parent.rmdir()
    return []


def exists(layout: Layout) -> bool:
    """Whether there is such a sandbox, running or not."""
    return layout.root.exists() or namespace_path(layout.wan).exists()
