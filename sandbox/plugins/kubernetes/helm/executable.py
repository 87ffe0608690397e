"""Running the helm executable: what it must know goes by private files, never by its arguments."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sandbox.plugins.framework import ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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
    ) -> str:
        """What helm prints. Raises HelmError, or CancelledError if the user stopped it and it failed.

        When the user wants to stop, helm is told so and records that the release was cancelled.
        """
        with private_folder() as folder:
            command = [str(self.locate()), *arguments]
            if namespace is not None:
                command += ["--namespace", namespace]
            if kubeconfig is not None:
                command += ["--kubeconfig", str(write_private(folder / "kubeconfig", kubeconfig.document))]
            if values is not None:
                # JSON is YAML.
                command += ["--values", str(write_private(folder / "values.yaml", values))]
            return self._finish(command, cancellation)

    def _finish(self, command: list[str], cancellation: Cancellation) -> str:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        process = subprocess.Popen(  # noqa: S603 - a list of arguments, for no shell
            command,
            env={**inherited, **self.environment},
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
def private_folder() -> Iterator[Path]:
    """A folder that nobody else can look into, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fleet-helm-") as folder:
        yield Path(folder)


def write_private(path: Path, content: Any) -> Path:
    """Write data as JSON into a file that nobody else can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
    return path


def _message(errors: str, output: str) -> str:
    """What helm has to say, without its warnings and its own log."""
    lines = errors.strip().splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), 0)
    text = "\n".join(lines[start:]).removeprefix("Error: ").strip()
    # `helm repo update` tells the reason among its output: "...Unable to get", and why in the next line.
    reasons = [line.strip().lstrip(".") for line in output.splitlines() if line.startswith(("...Unable", "\t"))]
    return "\n".join([text[-_MESSAGE_CHARACTERS:], *reasons]).strip()
