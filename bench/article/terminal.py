"""What the article's reader types, typed here: linode-cli, helm, kubectl and openssl, one after the other.

Every command runs inside a sandbox, with the sandbox's account. A reader waits by looking again; so does this.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from sandbox.clusters.clients import client_environment
from sandbox.clusters.host.subprocesses import inside
from sandbox.toolchain import tool_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clusters.host.layout import Layout

_LOOK_SECONDS: Final = 0.5
# Of a slow machine that has other work.
_PATIENCE_SECONDS: Final = 900.0


class NotYetError(Exception):
    """What a reader would look at again."""


@dataclass(kw_only=True)
class Terminal:
    """A shell in a folder, and the times at which it came to each part of the article."""

    layout: Layout
    folder: Path
    charts: Path
    begin: float = field(default_factory=time.monotonic)
    marks: dict[str, float] = field(default_factory=dict)
    commands: int = 0

    def reached(self, part: str) -> None:
        """Note and print that a part is done; the time is in seconds from the beginning."""
        self.marks[part] = time.monotonic() - self.begin
        print(f"article, {self.marks[part]:6.1f} s: {part}", flush=True)

    def run(self, *command: str, stdin: str = "") -> str:
        """What a command prints. Raises NotYetError where it fails, which ends the sequence unless it is awaited."""
        self.commands += 1
        tools = os.pathsep.join([str(tool_path("helm").parent), str(Path(sys.executable).parent)])
        environment = client_environment(self.layout)
        environment |= {"PATH": f"{tools}{os.pathsep}{environment['PATH']}", "LINODE_CLI_SUPPRESS_VERSION_WARNING": "1"}
        done = subprocess.run(
            inside(self.layout.wan, command),
            cwd=self.folder,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NotYetError(f"{' '.join(command[:6])}: {done.stderr or done.stdout}")
        return done.stdout

    def kubectl(self, kubeconfig: str, *arguments: str, stdin: str = "") -> str:
        """Kubectl with one of the kubeconfig files."""
        # First, since what follows `exec POD --` is the pod's.
        return self.run("kubectl", f"--kubeconfig={kubeconfig}", *arguments, stdin=stdin)

    def apply(self, kubeconfig: str, *documents: dict[str, Any], namespace: str = "default") -> None:
        """`kubectl apply` of a file."""
        text = yaml.safe_dump_all(documents)
        self.kubectl(kubeconfig, "apply", "--filename=-", f"--namespace={namespace}", stdin=text)

    def helm(self, kubeconfig: str, release: str, chart: str, *arguments: str, values: dict[str, Any]) -> None:
        """`helm install`, with the values that the sandbox's images need in a file."""
        file = self.folder / f"{release}-{kubeconfig}.yaml"
        file.write_text(yaml.safe_dump(values))
        where = [f"--kubeconfig={kubeconfig}", f"--values={file}"]
        self.run("helm", "install", release, str(self.charts / chart), *where, *arguments)

    def until(self, look: Callable[[], bool], what: str) -> None:
        """Look again until it is so. Raises NotYetError when a reader would have lost patience."""

        @retry(
            retry=retry_if_exception_type(NotYetError),
            wait=wait_fixed(_LOOK_SECONDS),
            stop=stop_after_delay(_PATIENCE_SECONDS),
            reraise=True,
        )
        def again() -> None:
            if not look():
                raise NotYetError(f"waited in vain: {what}")

        again()
