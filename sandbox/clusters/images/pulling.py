"""Fetches an image from a registry, in the network and with the credentials of whoever asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.clusters.host.subprocesses import CommandError, run
from sandbox.clusters.images.archives import PLATFORM, ImageError
from sandbox.privileges import as_invoker, environment
from sandbox.toolchain import tool_path

if TYPE_CHECKING:
    from pathlib import Path

_PULL_SECONDS: Final = 1800.0


def pull(name: str, folder: Path) -> None:
    """Write the image of a full name into a folder that is not there yet, as an OCI layout.

    crane looks for credentials where Docker and Podman keep theirs, asks their helpers, and takes the proxy of the
    environment, which it gets whole.

    Raises:
        ImageError: it cannot be fetched.
        ToolchainError: crane cannot be built.

    """
    crane = str(tool_path("crane"))
    try:
        run(
            *as_invoker([crane, "pull", "--format=oci", f"--platform={PLATFORM}", name, str(folder)]),
            extra_environment=environment(),
            timeout_seconds=_PULL_SECONDS,
        )
    except CommandError as error:
        raise ImageError(
            what=f"{name} cannot be fetched",
            why=(error.output or "crane said nothing").splitlines()[-1].removeprefix("Error: "),
            remedy="Check its name, HTTPS_PROXY, and your credentials there (`docker login`, DOCKER_CONFIG)",
        ) from error
