"""`pulumi install`: the project's virtual environment with its requirements."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi.runtime.proto import language_pb2

from sandbox.plugins.language.environment import EnvironmentNotFoundError, creating_interpreter, locate, virtualenv
from sandbox.plugins.language.streaming import Stream, StreamedProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def install(info: language_pb2.ProgramInfo) -> Iterator[language_pb2.InstallDependenciesResponse]:
    """Make the environment if it is missing and install requirements.txt, telling what goes on.

    Raises EnvironmentNotFoundError if a step fails.
    """
    directory = Path(info.program_directory)
    folder = virtualenv(info)
    if folder is not None and not (folder / "bin" / "python").exists():
        yield _say(f"Creating virtual environment {folder}")
        yield from _run([creating_interpreter(), "-m", "venv", str(folder)], directory, os.environ)
    requirements = directory / "requirements.txt"
    if requirements.exists():
        yield _say(f"Installing {requirements}")
        environment = locate(info)
        command = [str(environment.python), "-m", "pip", "install", "--requirement", str(requirements)]
        yield from _run(command, directory, environment.variables())
    yield _say("Finished installing dependencies")


def _run(
    command: list[str], directory: Path, variables: Mapping[str, str]
) -> Iterator[language_pb2.InstallDependenciesResponse]:
    process = StreamedProcess(command, directory=directory, variables=variables)
    for stream, line in process.lines():
        if stream is Stream.STDOUT:
            yield language_pb2.InstallDependenciesResponse(stdout=line)
        else:
            yield language_pb2.InstallDependenciesResponse(stderr=line)
    if process.wait() != 0:
        raise EnvironmentNotFoundError(f"this failed, see above: {' '.join(command)}")


def _say(message: str) -> language_pb2.InstallDependenciesResponse:
    return language_pb2.InstallDependenciesResponse(stdout=f"{message}\n".encode())
