"""A node's machine: a privileged OCI container that runc runs, with a root file system of its own.

All that a node does stays inside: its process namespace ends with its first process, its mounts are in a mount
namespace, hostPath volumes land in its own folder, and the host's kernel parameters are out of its reach (decision
0050). The programs of the host are there to read.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from sandbox.clusters.host import cgroups
from sandbox.clusters.host.distribution import cni_plugins
from sandbox.clusters.host.layout import namespace_path
from sandbox.clusters.host.processes import recall, remember
from sandbox.clusters.host.subprocesses import CommandError, launch, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.clusters.host.layout import Layout

PROGRAMS_FOLDER: Final = Path("/opt/fleet/bin")
"""Where a node has what the toolchain built."""
# Machines of several clusters start at once, on a processor that has other work; only its own node waits for one.
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0
_TUNABLES: Final = Path("/opt/fleet/tunables")
# Kubelet sets these for the whole kernel (setupKernelTunables in pkg/kubelet/cm). A node sees them as it wants them,
# and the host keeps its own.
_SEEN: Final = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
# In the kernel's order, by which a process's status file counts them (include/uapi/linux/capability.h).
_CAPABILITIES: Final = """
    chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
    net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot
    sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease
    audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read
    perfmon bpf checkpoint_restore
"""
_FOLDERS: Final = ("etc", "var/lib", "var/log", "var/tmp", "root", "opt", "mnt", "srv", "home", "usr", "dev", "proc")
_HOST_FILES: Final = ("etc/alternatives", "etc/ld.so.cache", "etc/ssl", "etc/protocols", "etc/services")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine, known by its name."""

    layout: Layout
    name: str
    folder: Path
    tools: Mapping[str, Path]
    """Executables by name, for `TOOLS`."""
    shared: Mapping[str, Path] = field(default_factory=dict)
    """Folders of the host by where the machine has them, writable."""

    @property
    def root(self) -> Path:
        """The root file system, as the host sees it."""
        return self.folder / "rootfs"

    @property
    def cgroup(self) -> str:
        """The group of the machine with its pods; the machine's own processes are in a part of it."""
        return f"{self.layout.cgroup}/{self.name}"

    @property
    def log(self) -> Path:
        """What runc and the first process say."""
        return self.layout.logs / f"{self.name}.machine.log"

    def ensure(self) -> None:
        """Run the machine, unless it runs. Raises CommandError if it cannot be started; it is off then."""
        init = self.first_process()
        complete = recall(self._mark)
        if init is not None and complete is not None and complete.pid == init and complete.alive:
            return
        self.delete()
        # As after a boot. A kubelet asks three seconds long about each group that it finds and whose container is gone.
        if left := self.clear():
            raise CommandError(["runc", "delete", self.name], f"left are {', '.join(left)}")
        self._lay_out()
        (self.folder / "config.json").write_text(json.dumps(self._configuration(), indent=1))
        try:
            self._run()
            self._complete()
        except Exception:
            # What it lacks would never be noticed: a machine without its own kernel parameters sets the host's.
            with contextlib.suppress(CommandError):
                self.delete()
            raise

    @property
    def _mark(self) -> Path:
        """Names the first process of a machine that was set up to the end."""
        return self.folder / "machine.json"

    def _complete(self) -> None:
        init = self.first_process()
        if init is None:
            raise CommandError(["runc", "run", self.name], "the machine stopped at once")
        enter = ("nsenter", f"--target={init}", "--mount", "--")
        # Now, and not in the container's configuration: what is mounted in here must never show on the host.
        run(*enter, "mount", "--make-rshared", "/")
        for parameter in _SEEN:
            if Path("/proc/sys", parameter).exists():
                run(*enter, "mount", "--bind", str(_TUNABLES / parameter), f"/proc/sys/{parameter}")
        try:
            remember(self._mark, pid=init, fingerprint="", restarts=0)
        except psutil.NoSuchProcess as error:
            raise CommandError(["runc", "run", self.name], "the machine stopped while it was set up") from error

    def _run(self) -> None:
        line = ["runc", "--root", str(self.layout.machines), "run", "--detach", "--bundle", str(self.folder), self.name]
        launch(line, log=self.log, folder=self.folder, timeout_seconds=_START_SECONDS)

    def has(self, tool: str) -> bool:
        """Whether the machine has a tool as it was last started; one that an earlier release started may lack some."""
        return (self.root / PROGRAMS_FOLDER.relative_to("/") / tool).exists()

    def first_process(self) -> int | None:
        """The machine's first process as the host numbers it; None if the machine is off."""
        try:
            state = json.loads(self._runc("state", self.name))
        except CommandError:
            return None
        return int(state["pid"]) if state["status"] == "running" and state["pid"] else None

    def execute(self, line: list[str], *, pid_file: Path, environment: Mapping[str, str]) -> list[str]:
        """The command that starts a process inside and leaves its number, as the host sees it, in a file."""
        settings = [item for key, value in environment.items() for item in ("--env", f"{key}={value}")]
        options = ["exec", "--detach", "--pid-file", str(pid_file), *settings]
        return ["runc", "--root", str(self.layout.machines), *options, self.name, *line]

    def delete(self) -> None:
        """Switch the machine off, with all that runs in it; its files stay."""
        if (self.layout.machines / self.name).exists():
            self._runc("delete", "--force", self.name)

    def clear(self) -> list[str]:
        """End what outlived the machine and remove its groups; what is left of them all the same."""
        left = [f"process {pid}" for pid in cgroups.kill_members(self.cgroup, timeout_seconds=_STOP_SECONDS)]
        return left + [str(path) for path in cgroups.remove(self.cgroup, timeout_seconds=_STOP_SECONDS)]

    def _runc(self, *arguments: str) -> str:
        return run("runc", "--root", str(self.layout.machines), *arguments)

    def _lay_out(self) -> None:
        for folder in _FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            source, target = Path("/", name), self.root / name
            if source.is_symlink() and not target.is_symlink():
                target.symlink_to(source.readlink())
        for parameter, value in _SEEN.items():
            path = self.root / _TUNABLES.relative_to("/") / parameter
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{value}\n")
        etc = self.root / "etc"
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (etc / "group").write_text("root:x:0:\n")
        # Nothing answers at the router: a look-up fails at once, where the host's resolver would be waited for.
        (etc / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        machine_id = etc / "machine-id"
        if not machine_id.exists():
            machine_id.write_text(f"{os.urandom(16).hex()}\n")

    def _configuration(self) -> dict[str, Any]:
        """The container, in the terms of https://github.com/opencontainers/runtime-spec/blob/main/config.md."""
        return {
            "ociVersion": "1.0.2",
            "hostname": self.name,
            "root": {"path": str(self.root), "readonly": False},
            "process": {
                "args": [str(PROGRAMS_FOLDER / "catatonit"), "-P"],
                "cwd": "/",
                "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"],
                "user": {"uid": 0, "gid": 0},
                "capabilities": {kind: _capabilities() for kind in ("bounding", "effective", "permitted")},
            },
            "mounts": self._mounts(),
            "linux": {
                "cgroupsPath": f"/{self.cgroup}/machine",
                "resources": {"devices": [{"allow": True, "access": "rwm"}]},
                "rootfsPropagation": "rslave",
                "namespaces": [
                    {"type": "network", "path": str(namespace_path(self.layout.node(self.name)))},
                    *({"type": kind} for kind in ("pid", "mount", "uts", "ipc")),
                ],
            },
        }

    def _mounts(self) -> list[dict[str, Any]]:
        programs = {PROGRAMS_FOLDER / name: path for name, path in self.tools.items()}
        programs[PROGRAMS_FOLDER / "catatonit"] = Path(shutil.which("catatonit") or "/usr/bin/catatonit")
        real = [Path("/", name) for name in ("bin", "sbin", "lib", "lib64") if not Path("/", name).is_symlink()]
        host = [Path("/usr"), *(path for path in real if path.exists())]
        host += [Path("/", name) for name in _HOST_FILES if Path("/", name).exists()]
        if not (plugins := cni_plugins()).is_relative_to("/usr"):
            host.append(plugins)
        devices = [Path(name) for name in ("/dev/kmsg", "/dev/fuse", "/dev/net/tun") if Path(name).exists()]
        return [
            _mount("/proc", "proc"),
            _mount("/dev", "tmpfs", "nosuid", "mode=755"),
            _mount("/dev/pts", "devpts", "newinstance", "ptmxmode=0666", "mode=0620"),
            _mount("/dev/shm", "tmpfs", "nosuid", "nodev", "mode=1777"),  # noqa: S108  # the machine's own
            _mount("/dev/mqueue", "mqueue", "nosuid", "nodev"),
            _mount("/sys", "sysfs", "nosuid", "nodev"),
            # All groups and not only its own, as on a machine with nothing between: kubelet finds its root by its path.
            _bind(Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup"), "rbind"),
            _mount("/run", "tmpfs", "nosuid", "nodev", "mode=755"),
            _mount("/tmp", "tmpfs", "nosuid", "nodev", "mode=1777"),  # noqa: S108  # the machine's own
            *(_bind(path, path, "rbind", "ro") for path in host),
            *(_bind(path, path, "bind") for path in devices),
            *(_bind(source, target, "bind", "ro") for target, source in programs.items()),
            *(_bind(source, Path(target), "rbind") for target, source in self.shared.items()),
        ]


def _mount(target: str, kind: str, *options: str) -> dict[str, Any]:
    return {"destination": target, "type": kind, "source": kind, "options": list(options)}


def _bind(source: Path, target: Path, *options: str) -> dict[str, Any]:
    return {"destination": str(target), "type": "bind", "source": str(source.resolve()), "options": list(options)}


def _capabilities() -> list[str]:
    """All that this process has itself: runc fails on one that it would have to add."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    owned = int(status["CapPrm"], 16) & int(status["CapBnd"], 16)
    return [f"CAP_{name.upper()}" for number, name in enumerate(_CAPABILITIES.split()) if owned >> number & 1]
