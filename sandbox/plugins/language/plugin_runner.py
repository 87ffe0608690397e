"""Plugins that are Python programs themselves: policy packs, which the engine runs through us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi.runtime.proto import language_pb2

from sandbox.plugins.language.environment import EnvironmentNotFoundError, locate
from sandbox.plugins.language.policy_proxy import Configuration, PackNotServingError, PolicyProxy
from sandbox.plugins.language.streaming import Stream, StreamedProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc


def run(
    request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
) -> Iterator[language_pb2.RunPluginResponse]:
    """Run a policy pack until it ends or the engine wants no more of it, passing its output on.

    `pulumi.policy` of the SDK is the program that hosts a pack: it takes the engine's arguments and the
    pack's folder, and runs in that folder. Raises EnvironmentNotFoundError for any other kind of plugin, and for a
    pack whose environment is not there.
    """
    if request.kind != "analyzer":
        raise EnvironmentNotFoundError(
            f"the offline language host runs policy packs, but no plugin of kind {request.kind!r}"
        )
    environment = locate(request.info)
    given = dict(one.split("=", 1) for one in request.env if "=" in one)
    pack = Path(request.info.program_directory)
    proxy = PolicyProxy()
    _when_over(context, lambda: proxy.stop("the engine wants no more of the policy pack"))
    yield language_pb2.RunPluginResponse(stdout=f"{proxy.port}\n".encode())
    try:
        configuration = proxy.configuration()
    except PackNotServingError:
        return
    process = StreamedProcess(
        [environment.python, "-u", "-m", "pulumi.policy", *request.args, str(pack)],
        directory=pack,
        variables=environment.variables({**given, **_settings(configuration)}),
    )
    _when_over(context, process.stop)
    yield from _output(process, proxy)
    proxy.stop(f"the policy pack in {pack} ended before it could be asked; its output says why")
    yield language_pb2.RunPluginResponse(exitcode=process.wait())


def _when_over(context: grpc.ServicerContext, act: Callable[[], None]) -> None:
    if not context.add_callback(act):
        act()


def _output(process: StreamedProcess, proxy: PolicyProxy) -> Iterator[language_pb2.RunPluginResponse]:
    """What the pack writes, apart from its first line, which is the port that it serves on."""
    serves = False
    for stream, line in process.lines():
        if stream is Stream.STDERR:
            yield language_pb2.RunPluginResponse(stderr=line)
        elif serves:
            yield language_pb2.RunPluginResponse(stdout=line)
        elif line.strip().isdigit():
            proxy.attach(int(line))
            serves = True
        else:
            # As with the official host, whose pack fails for the same reason.
            yield language_pb2.RunPluginResponse(
                stderr=b"a policy pack must print nothing before it serves, and printed: " + line
            )
            process.stop()


def _settings(configuration: Configuration | None) -> dict[str, str]:
    """The variables in which `pulumi.policy` looks for the stack's settings.

    Secret config values are left out, unlike by the official host: no secret is handed over in the environment.
    """
    if configuration is None:
        return {}
    secret = set(configuration.config_secret_keys)
    plain = {key: value for key, value in configuration.config.items() if key not in secret}
    return {
        "PULUMI_ORGANIZATION": configuration.organization,
        "PULUMI_PROJECT": configuration.project,
        "PULUMI_STACK": configuration.stack,
        "PULUMI_DRY_RUN": str(configuration.dry_run).lower(),
        "PULUMI_CONFIG": json.dumps(plain),
    }
