"""Plugins that are Python programs themselves: policy packs, which the engine runs through us."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pulumi.runtime.proto import language_pb2

from sandbox.plugins.language.environment import EnvironmentNotFoundError, locate
from sandbox.plugins.language.streaming import Stream, StreamedProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    import grpc


def run(
    request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
) -> Iterator[language_pb2.RunPluginResponse]:
    """Run a policy pack until it ends or the engine wants no more of it, passing its output on.

    `pulumi.policy` of the SDK is the program that hosts a pack: it takes the engine's arguments and the
    pack's folder. Raises EnvironmentNotFoundError for any other kind of plugin.
    """
    if request.kind != "analyzer":
        raise EnvironmentNotFoundError(
            f"the offline language host runs policy packs, but no plugin of kind {request.kind!r}"
        )
    environment = locate(request.info)
    given = dict(one.split("=", 1) for one in request.env if "=" in one)
    pack = Path(request.info.program_directory)
    process = StreamedProcess(
        [environment.python, "-u", "-m", "pulumi.policy", *request.args, str(pack)],
        directory=Path(request.pwd or pack),
        variables=environment.variables(given),
    )
    context.add_callback(process.stop)
    for stream, line in process.lines():
        if stream is Stream.STDOUT:
            yield language_pb2.RunPluginResponse(stdout=line)
        else:
            yield language_pb2.RunPluginResponse(stderr=line)
    yield language_pb2.RunPluginResponse(exitcode=process.wait())
