"""Pulumi's LanguageRuntime protocol (proto/pulumi/language.proto) for Python programs."""

# ruff: noqa: N802, ARG002 - gRPC gives handlers their names and arguments

from __future__ import annotations

import argparse
import functools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.plugins.framework.serve import SERVER_OPTIONS, run_until_signalled
from sandbox.plugins.language import installer, plugin_runner
from sandbox.plugins.language.environment import Environment, EnvironmentNotFoundError, locate
from sandbox.plugins.language.executor import EXIT_SHOWN
from sandbox.plugins.language.program import Program
from sandbox.plugins.language.streaming import said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PROBE: Final = Path(__file__).with_name("probe.py")
_THREADS: Final = 16  # the engine asks one thing at a time, but a policy pack runs beside the program

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


def serve(version: str, arguments: Sequence[str]) -> None:
    """Serve until a signal ends the process. `arguments` are the engine's flags and its address."""
    parser = argparse.ArgumentParser(
        prog="pulumi-language-python",
        description="Offline stand-in for Pulumi's Python language host. The Pulumi engine starts it.",
    )
    parser.add_argument("engine", nargs="?", help="address of the engine that started this plugin")
    known, _ = parser.parse_known_args(arguments)
    host = PythonHost(version=version, engine=known.engine or "")
    server = grpc.server(ThreadPoolExecutor(max_workers=_THREADS), options=SERVER_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    run_until_signalled(server, on_stop=host.stop)


def _reporting_errors(
    handler: Callable[[PythonHost, _Request, grpc.ServicerContext], _Response],
) -> Callable[[PythonHost, _Request, grpc.ServicerContext], _Response]:
    @functools.wraps(handler)
    def reported(self: PythonHost, request: _Request, context: grpc.ServicerContext, /) -> _Response:
        try:
            return handler(self, request, context)
        except (EnvironmentNotFoundError, OSError) as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    return reported


def _reporting_errors_midway(
    handler: Callable[[PythonHost, _Request, grpc.ServicerContext], Iterator[_Response]],
) -> Callable[[PythonHost, _Request, grpc.ServicerContext], Iterator[_Response]]:
    @functools.wraps(handler)
    def reported(self: PythonHost, request: _Request, context: grpc.ServicerContext, /) -> Iterator[_Response]:
        try:
            yield from handler(self, request, context)
        except (EnvironmentNotFoundError, OSError) as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    return reported


class PythonHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine's questions about a Python project, and runs it."""

    def __init__(self, *, version: str, engine: str) -> None:
        """`version` is the SDK's, which the official host shares; `engine` is the engine's address."""
        self._version = version
        self._engine = engine
        self._lock = threading.Lock()
        self._programs: set[Program] = set()

    def stop(self) -> None:
        """End the programs that run."""
        with self._lock:
            programs = set(self._programs)
        for program in programs:
            program.stop()

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Learn the engine's address, where it was not in the arguments."""
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version that this plugin stands for."""
        return plugin_pb2.PluginInfo(version=self._version)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """End the program. The engine calls this at the end of every run, too."""
        self.stop()
        return empty_pb2.Empty()

    @_reporting_errors
    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Run the program. What it reports itself is not reported again."""
        if request.attach_debugger:
            return language_pb2.RunResponse(error="the offline language host attaches no debugger")
        program = Program(locate(request.info), Path(request.info.program_directory))
        with self._lock:
            self._programs.add(program)
        # The engine may vanish without a word, for example when it is killed.
        context.add_callback(program.stop)
        try:
            status = program.run(self._settings(request), request.args)
        finally:
            with self._lock:
                self._programs.discard(program)
        if status == 0:
            return language_pb2.RunResponse()
        if status == EXIT_SHOWN or program.stopped:
            return language_pb2.RunResponse(bail=True)
        ended = f"was ended by signal {-status}" if status < 0 else f"exited with status {status}"
        return language_pb2.RunResponse(error=f"the program {ended}")

    @_reporting_errors
    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """The providers that the installed SDK packages need."""
        packages = [
            plugin_pb2.PackageDependency(name=name, kind="resource", version=version, server=server)
            for name, version, server in _plugins(request.info)
        ]
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    @_reporting_errors
    def GetRequiredPlugins(
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        """The same, for engines from before packages."""
        plugins = [
            plugin_pb2.PluginDependency(name=name, kind="resource", version=version, server=server)
            for name, version, server in _plugins(request.info)
        ]
        return language_pb2.GetRequiredPluginsResponse(plugins=plugins)

    @_reporting_errors
    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """What is installed: everything, or what nothing else requires."""
        found = _probe(locate(request.info))["packages"]
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=package["name"], version=package["version"])
                for package in found
                if request.transitiveDependencies or not package["required"]
            ]
        )

    @_reporting_errors
    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """The interpreter that runs the program."""
        environment = locate(request.info)
        version = _said(environment, "--version").removeprefix("Python ").strip()
        return language_pb2.AboutResponse(executable=str(environment.python), version=version)

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        """Nothing to ask: every option has a default."""
        return language_pb2.RuntimeOptionsResponse()

    @_reporting_errors_midway
    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Make the virtual environment and install the program's requirements into it."""
        return installer.install(request.info)

    @_reporting_errors_midway
    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a plugin that is written in Python: a policy pack."""
        return plugin_runner.run(request, context)

    def _settings(self, request: language_pb2.RunRequest) -> dict[str, object]:
        return {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization or "organization",
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "config": dict(request.config),
            "config_secret_keys": list(request.configSecretKeys),
            "root_directory": request.info.root_directory,
            "directory": request.info.program_directory,
            "entry_point": request.info.entry_point,
        }


def _probe(environment: Environment) -> Any:
    """What the environment holds, as probe.py describes it."""
    return json.loads(_said(environment, "-I", str(_PROBE)))


def _said(environment: Environment, *arguments: str) -> str:
    """What the project's own interpreter prints. Raises OSError if it fails."""
    return said([str(environment.python), *arguments], directory=Path.cwd(), variables=environment.variables())


def _plugins(info: language_pb2.ProgramInfo) -> list[tuple[str, str, str]]:
    """Name, version and download server of each provider that an installed SDK package needs."""
    return [
        (plugin["name"], plugin.get("version", ""), plugin.get("server", ""))
        for plugin in _probe(locate(info))["plugins"]
        if plugin.get("resource")
    ]
