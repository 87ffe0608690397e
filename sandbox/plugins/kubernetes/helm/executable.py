"""Running the helm executable: what it must know goes through memory, never by its arguments or the disk.

A plugin may end with no time to tidy up, and a file would then stay: with a cluster's token, or an authority's key.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.framework import ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sandbox.plugins.framework import Cancellation
    from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig

_PRIVATE_FILE: Final = 0o600
# A shell that sets these for its own use must not redirect a release to another cluster.
_NOT_INHERITED: Final = ("HELM_KUBE", "HELM_NAMESPACE", "HELM_DEBUG", "KUBECONFIG")
_MESSAGE_CHARACTERS: Final = 4000


class HelmError(ProviderError):
    """helm ended with an error; the message is its own."""

    @property
    def release_missing(self) -> bool:
        """Whether there is no release of that name."""
        return "release: not found" in str(self)


@dataclass(frozen=True, kw_only=True)
class Helm:
    """The helm executable, for one cluster or for charts alone."""

    locate: Callable[[], Path]
    """Gives the executable's path; called when it is first needed."""

    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        arguments: Sequence[str],
        *,
        cancellation: Cancellation,
        kubeconfig: Kubeconfig | None = None,
        namespace: str | None = None,
        values: Any = None,
        private: Mapping[str, Any] | None = None,
    ) -> str:
        """What helm prints. Raises HelmError, or CancelledError if the user stopped it and it failed.

        `private` is the content of further files, by the flag that helm takes each by. When the user wants to stop,
        helm is told so and records that the release was cancelled.
        """
        contents = dict(private or {})
        if kubeconfig is not None:
            contents["--kubeconfig"] = kubeconfig.document
        if values is not None:
            contents["--values"] = values
        command = [str(self.locate()), *arguments]
        if namespace is not None:
            command += ["--namespace", namespace]
        with contextlib.ExitStack() as files:
            descriptors = {flag: files.enter_context(_in_memory(content)) for flag, content in contents.items()}
            for flag, descriptor in descriptors.items():
                command += [flag, f"/proc/self/fd/{descriptor}"]
            return self._finish(command, cancellation, inherited=list(descriptors.values()))

    def _finish(self, command: list[str], cancellation: Cancellation, *, inherited: Sequence[int]) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        process = subprocess.Popen(  # noqa: S603 - a list of arguments, for no shell
            command,
            env={**environment, **self.environment},
            pass_fds=inherited,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        forget = cancellation.on_request(process.terminate)
        try:
            output, errors = process.communicate()
        finally:
            forget()
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode != 0:
            fallback = f"helm {command[1]} ended with status {process.returncode}"
            raise HelmError(_message(errors, output) or fallback)
        return output


@contextlib.contextmanager
def _in_memory(content: Any) -> Iterator[int]:
    """A file in memory with data as JSON, which YAML is a superset of: its descriptor, closed afterwards."""
    with os.fdopen(os.memfd_create("fleet-helm"), "w", encoding="utf-8") as file:
        # helm warns of a kubeconfig that others may read, by its mode alone.
        os.fchmod(file.fileno(), _PRIVATE_FILE)
        json.dump(content, file)
        file.flush()
        yield file.fileno()


def _message(errors: str, output: str) -> str:
    """What helm has to say, without its warnings and its own log."""
    lines = errors.strip().splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), 0)
    text = "\n".join(lines[start:]).removeprefix("Error: ").strip()
    # `helm repo update` tells the reason among its output: "...Unable to get", and why in the next line.
    reasons = [line.strip().lstrip(".") for line in output.splitlines() if line.startswith(("...Unable", "\t"))]
    return "\n".join([text[-_MESSAGE_CHARACTERS:], *reasons]).strip()
