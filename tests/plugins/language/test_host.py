"""What the language host does for a project without running its program."""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, language_pb2, language_pb2_grpc

from sandbox.plugins import PLUGINS
from sandbox.plugins.language.host import PythonHost

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stub() -> Iterator[language_pb2_grpc.LanguageRuntimeStub]:
    """A client of the host, over a real connection."""
    server = grpc.server(ThreadPoolExecutor(4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(PythonHost(version="3.0.0", engine=""), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)
    server.stop(None).wait()


def _info(directory: Path, **options: str) -> language_pb2.ProgramInfo:
    found = struct_pb2.Struct()
    found.update(options)
    return language_pb2.ProgramInfo(
        root_directory=str(directory), program_directory=str(directory), entry_point=".", options=found
    )


def test_required_packages_are_those_of_the_installed_sdks(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    info = _info(tmp_path, virtualenv=sys.prefix)
    packages = stub.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=info)).packages
    plugins = stub.GetRequiredPlugins(language_pb2.GetRequiredPluginsRequest(info=info)).plugins
    expected = {(one.name, one.kind, one.version) for one in PLUGINS if one.kind == "resource"}
    assert {(one.name, one.kind, one.version) for one in packages} == expected
    assert {(one.name, one.kind, one.version) for one in plugins} == expected


def test_installing_makes_the_environment_and_says_what_it_does(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    request = language_pb2.InstallDependenciesRequest(info=_info(tmp_path, virtualenv="environment"))
    lines = b"".join(one.stdout for one in stub.InstallDependencies(request)).decode().splitlines()
    assert lines[0] == f"Creating virtual environment {tmp_path}/environment"
    assert lines[-1] == "Finished installing dependencies"
    assert (tmp_path / "environment" / "bin" / "python").exists()


def test_a_failed_installation_shows_the_reason(stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("--no-such-option\n")
    request = language_pb2.InstallDependenciesRequest(info=_info(tmp_path, virtualenv=sys.prefix))
    answers = stub.InstallDependencies(request)
    said: list[bytes] = []
    with pytest.raises(grpc.RpcError) as caught:
        said.extend(one.stderr for one in answers)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "pip install" in (caught.value.details() or "")
    assert b"no-such-option" in b"".join(said)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"typechecker": "mypy"}, "runtime.options.typechecker is not supported"),
        ({"toolchain": "poetry"}, "runtime.options.toolchain is 'poetry'"),
        ({"virtualenv": "absent"}, "make the environment with: pulumi install"),
        ({"toolchain": "uv"}, "/.venv/bin/python; make the environment"),
    ],
)
def test_an_environment_that_cannot_be_used_is_explained(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.About(language_pb2.AboutRequest(info=_info(tmp_path, **options)))
    assert message in (caught.value.details() or "")


PACK = """
import json, os, sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    tags = None

    def GetAnalyzerInfo(self, request, context):
        told = {name: value for name, value in os.environ.items() if name.startswith(("PULUMI_", "FROM_"))}
        told |= {"engine": sys.argv[1], "folder": os.getcwd(), "venv": sys.prefix == os.environ["VIRTUAL_ENV"]}
        told |= {"tags": self.tags}
        return analyzer_pb2.AnalyzerInfo(name="pack", description=json.dumps(told))

    def ConfigureStack(self, request, context):
        self.tags = dict(request.tags)
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Analyze(self, request, context):
        context.abort(grpc.StatusCode.INTERNAL, "the policy is broken")

server = grpc.server(ThreadPoolExecutor(4))
analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Pack(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
print("serving", flush=True)
server.wait_for_termination()
"""
"""What pulumi-policy does, which needs another protobuf than ours: print a port, and serve."""


class RunningPack:
    """A pack that the host runs, as the engine has it: a client of it, and what it writes."""

    def __init__(self, stub: language_pb2_grpc.LanguageRuntimeStub, folder: Path, *environment: str) -> None:
        self.call = stub.RunPlugin(
            language_pb2.RunPluginRequest(
                kind="analyzer",
                args=["127.0.0.1:1"],
                env=[f"PATH={os.defpath}", *environment],
                info=_info(folder, virtualenv=sys.prefix),
            )
        )
        self._channel = grpc.insecure_channel(f"127.0.0.1:{int(next(iter(self.call)).stdout)}")
        self.analyzer = analyzer_pb2_grpc.AnalyzerStub(self._channel)

    def close(self) -> None:
        self._channel.close()
        self.call.cancel()

    def written(self, text: bytes) -> bytes:
        """What it writes up to some text."""
        said = b""
        while text not in said:
            answer = next(iter(self.call))
            said += answer.stdout + answer.stderr
        return said


def test_a_policy_pack_is_told_the_stack_in_its_environment_and_no_secret(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text(PACK)
    with closing(RunningPack(stub, tmp_path, "FROM_ENGINE=yes")) as pack:
        pack.analyzer.Handshake(analyzer_pb2.AnalyzerHandshakeRequest())
        pack.analyzer.ConfigureStack(
            analyzer_pb2.AnalyzerStackConfigureRequest(
                organization="organization",
                project="fleet",
                stack="prod",
                dry_run=True,
                tags={"team": "platform"},
                config={"fleet:tags": "{}", "linode:token": "s3cret"},
                config_secret_keys=["linode:token"],
            )
        )
        told = json.loads(pack.analyzer.GetAnalyzerInfo(empty_pb2.Empty()).description)
    assert told == {
        "FROM_ENGINE": "yes",
        "PULUMI_ORGANIZATION": "organization",
        "PULUMI_PROJECT": "fleet",
        "PULUMI_STACK": "prod",
        "PULUMI_DRY_RUN": "true",
        "PULUMI_CONFIG": json.dumps({"fleet:tags": "{}"}),
        "engine": "127.0.0.1:1",
        "folder": str(tmp_path),
        "venv": True,
        "tags": {"team": "platform"},
    }


def test_a_policy_pack_can_be_asked_for_its_policies_without_a_stack(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text(PACK)
    with closing(RunningPack(stub, tmp_path)) as pack:
        info = pack.analyzer.GetAnalyzerInfo(empty_pb2.Empty())
        with pytest.raises(grpc.RpcError) as caught:
            pack.analyzer.Analyze(analyzer_pb2.AnalyzeRequest())
    assert info.name == "pack"
    assert "PULUMI_STACK" not in json.loads(info.description)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.INTERNAL, "the policy is broken")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise SystemExit('this pack is broken')", b"this pack is broken"),
        ("print('welcome')", b"must print nothing before it serves, and printed: welcome"),
    ],
)
def test_a_policy_pack_that_does_not_serve_is_no_wait_without_end(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path, source: str, said: bytes
) -> None:
    (tmp_path / "__main__.py").write_text(source)
    with closing(RunningPack(stub, tmp_path)) as pack:
        with pytest.raises(grpc.RpcError) as caught:
            pack.analyzer.GetAnalyzerInfo(empty_pb2.Empty())
        rest = list(pack.call)
    assert "ended before it could be asked; its output says why" in (caught.value.details() or "")
    assert said in b"".join(answer.stderr for answer in rest)


def test_a_policy_pack_ends_when_the_engine_lets_go_of_it(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text(PACK.replace('"serving"', "os.getpid()"))
    with closing(RunningPack(stub, tmp_path)) as pack:
        pack.analyzer.GetAnalyzerInfo(empty_pb2.Empty())
        process = int(pack.written(b"\n"))
    for _ in range(600):
        if not Path(f"/proc/{process}").exists() or "Z" in Path(f"/proc/{process}/stat").read_text().split()[2]:
            return
        threading.Event().wait(0.05)
    raise AssertionError("the pack still runs")


def test_a_policy_pack_that_nobody_configures_is_never_started(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text("open('started', 'w')")
    with closing(RunningPack(stub, tmp_path)) as pack:
        pack.analyzer.Handshake(analyzer_pb2.AnalyzerHandshakeRequest())
    assert not (tmp_path / "started").exists()


def test_other_kinds_of_plugins_are_refused(stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path) -> None:
    request = language_pb2.RunPluginRequest(kind="resource", info=_info(tmp_path, virtualenv=sys.prefix))
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.RunPlugin(request))
    assert "no plugin of kind 'resource'" in (caught.value.details() or "")
