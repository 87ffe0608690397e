"""What the real toolchain builds on this machine."""

from __future__ import annotations

import os
import subprocess

import pytest

from sandbox.toolchain import tool_path
from sandbox.toolchain.resolver import default_toolchain
from sandbox.toolchain.tools import TOOLS

pytestmark = pytest.mark.engine

VERSION_ARGUMENTS = {
    "pulumi": ["version"],
    "helm": ["version"],
    "etcd": ["--version"],
    "etcdctl": ["version"],
    "etcdutl": ["version"],
    "kube-apiserver": ["--version"],
    "kubectl": ["version", "--client"],
}


def output(name: str, *arguments: str) -> str:
    return subprocess.run(
        [tool_path(name), *arguments],
        env=os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


@pytest.mark.parametrize("name", VERSION_ARGUMENTS)
def test_a_tool_runs_and_calls_itself_by_its_version(name: str) -> None:
    standing = default_toolchain().standing(TOOLS[name])
    assert standing.version.removeprefix("v") in output(name, *VERSION_ARGUMENTS[name])


def test_a_tool_is_static_and_runs_in_an_image_with_nothing_else() -> None:
    executable = tool_path("etcd").read_bytes()
    assert b"/ld-linux" not in executable, "a dynamic loader is asked for: CGO_ENABLED=0 did not reach the build"


def test_helm_plays_a_cluster_of_its_own_client_library(tmp_path: os.PathLike[str]) -> None:
    chart = f"{tmp_path}/chart"
    output("helm", "create", chart)
    with open(f"{chart}/templates/version.yaml", "w") as template:  # noqa: PTH123 - one line of a chart
        template.write("version: {{ .Capabilities.KubeVersion }}\n")
    rendered = output("helm", "template", chart, "--show-only", "templates/version.yaml")
    client = TOOLS["helm"].module.lock.requirements["k8s.io/client-go"]
    assert f"version: v1.{client.split('.')[1]}" in rendered
