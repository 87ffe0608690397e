"""What the language host does for a project without running its program."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

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


def test_a_policy_pack_runs_in_its_own_environment(stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(
        "import os, sys\n"
        "print(sys.argv[1], os.environ['FROM_ENGINE'], sys.prefix == os.environ['VIRTUAL_ENV'])\n"
        "print('to stderr', file=sys.stderr)\n"
        "sys.exit(4)\n"
    )
    request = language_pb2.RunPluginRequest(
        kind="analyzer",
        args=["127.0.0.1:1"],
        env=["FROM_ENGINE=yes", "PATH=/usr/bin:/bin"],
        info=_info(tmp_path, virtualenv=sys.prefix),
    )
    answers = list(stub.RunPlugin(request))
    assert b"".join(one.stdout for one in answers) == b"127.0.0.1:1 yes True\n"
    assert b"".join(one.stderr for one in answers) == b"to stderr\n"
    assert answers[-1].exitcode == 4


def test_a_policy_pack_ends_when_the_engine_lets_go_of_it(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n")
    request = language_pb2.RunPluginRequest(kind="analyzer", args=["x"], info=_info(tmp_path, virtualenv=sys.prefix))
    call = stub.RunPlugin(request)
    process = int(next(iter(call)).stdout)
    call.cancel()
    for _ in range(600):
        if not Path(f"/proc/{process}").exists() or "Z" in Path(f"/proc/{process}/stat").read_text().split()[2]:
            return
        threading.Event().wait(0.05)
    raise AssertionError("the pack still runs")


def test_other_kinds_of_plugins_are_refused(stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path) -> None:
    request = language_pb2.RunPluginRequest(kind="resource", info=_info(tmp_path, virtualenv=sys.prefix))
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.RunPlugin(request))
    assert "no plugin of kind 'resource'" in (caught.value.details() or "")
