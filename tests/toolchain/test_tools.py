"""The table against the locks, read by Go itself."""

from __future__ import annotations

import json
import os
import re
from importlib.metadata import version
from typing import Any

import pytest
from packaging.version import Version

from sandbox.clusters.api import manifests
from sandbox.toolchain.errors import UnknownToolError
from sandbox.toolchain.kinds import MODULES_FOLDER, Module
from sandbox.toolchain.process import Command, go_environment, pinned_go, run
from sandbox.toolchain.resolver import default_toolchain
from sandbox.toolchain.tools import TOOLS, find_tools

MODULES = {tool.module.name: tool.module for tool in TOOLS.values()}


def read_by_go(module: Module) -> dict[str, Any]:
    """A go.mod as Go's own parser sees it."""
    go = str(default_toolchain().go.executable)
    environment = go_environment(os.environ) | {"GOFLAGS": ""}
    command = Command(arguments=[go, "mod", "edit", "-json"], environment=environment, folder=module.lock.folder)
    parsed: dict[str, Any] = json.loads(run(command).stdout)
    return parsed


@pytest.mark.engine
@pytest.mark.parametrize("module", MODULES.values(), ids=lambda module: module.name)
def test_the_lock_reads_as_go_reads_it(module: Module) -> None:
    truth = read_by_go(module)
    assert module.lock.requirements == {entry["Path"]: entry["Version"] for entry in truth["Require"]}
    assert module.lock.go == Version(truth["Go"])


@pytest.mark.engine
@pytest.mark.parametrize("module", MODULES.values(), ids=lambda module: module.name)
def test_the_table_has_the_very_packages_of_the_tool_lines(module: Module) -> None:
    in_table = {tool.package for tool in TOOLS.values() if tool.module == module}
    in_lock = {entry["Path"] for entry in read_by_go(module)["Tool"]}
    assert in_table == in_lock, f"sandbox/toolchain/tools.py and {module.name}/go.mod differ"


def test_every_module_folder_is_used() -> None:
    folders = {file.parent.name for file in MODULES_FOLDER.glob("*/go.mod")}
    assert folders == set(MODULES)


def test_no_stamp_reads_a_version_that_a_replacement_overrules() -> None:
    for module in MODULES.values():
        for stamp in module.stamps:
            replaced = f"\t{stamp.module} => "
            assert replaced not in module.lock.text, f"{module.name}: {stamp.module} is replaced"


def test_kubernetes_commands_are_stamped_with_the_version_in_the_lock() -> None:
    kubernetes = TOOLS["kube-apiserver"].module
    locked = kubernetes.lock.requirements["k8s.io/kubernetes"]
    numbers = Version(locked)
    flags = kubernetes.build_flags(kubernetes.lock)
    linker = flags[flags.index("-ldflags") + 1]
    assert f"-X k8s.io/component-base/version.gitVersion={locked}" in linker
    assert f"-X k8s.io/component-base/version.gitMajor={numbers.major} " in linker
    assert f"-X k8s.io/component-base/version.gitMinor={numbers.minor} " in linker


def test_the_kubernetes_provider_is_stamped_with_the_release_that_its_commit_is_tagged_with() -> None:
    provider = TOOLS["pulumi-resource-kubernetes"]
    # From `git ls-remote --tags https://github.com/pulumi/pulumi-kubernetes`: the version in the lock names no release.
    releases = {"f47bc2d6f199": "4.25.0"}
    flags = provider.module.build_flags(provider.module.lock)
    release = releases[provider.version.rpartition("-")[2]]
    assert f"-X {provider.source}/pkg/version.Version={release}" in flags[flags.index("-ldflags") + 1]
    assert version("pulumi-kubernetes") == release, "the program's SDK asks for the provider of its own release"


def test_containerd_is_built_without_what_needs_c_libraries() -> None:
    containerd = TOOLS["containerd"].module
    flags = containerd.build_flags(containerd.lock)
    assert flags[flags.index("-tags") + 1] == "no_btrfs,no_zfs,no_devmapper"


def test_coredns_has_the_plugins_that_the_corefile_names_and_no_others() -> None:
    (corefile,) = (one["data"]["Corefile"] for one in manifests("coredns.yaml") if one["kind"] == "ConfigMap")
    # A directive is a plugin's name at the depth of a server's block; what is deeper belongs to a plugin.
    named = set(re.findall(r"^ {4}([a-z]+)", corefile, re.MULTILINE))
    coredns = TOOLS["coredns"]
    source = (coredns.module.lock.folder / "coredns" / "main.go").read_text()
    assert set(re.findall(rf'"{coredns.source}/plugin/([a-z]+)"', source)) == named


def test_what_shares_a_kubernetes_release_shares_a_lock_and_so_what_is_compiled() -> None:
    shared = {"kube-apiserver", "karmada-agent", "etcd", "containerd", "coredns", "helm"}
    assert {TOOLS[name].module.name for name in shared} == {"kubernetes"}


def test_the_policy_controller_has_the_versions_of_kubernetes_tools_and_so_what_is_compiled() -> None:
    own, theirs = TOOLS["network-policy"].module.lock.requirements, TOOLS["kube-proxy"].module.lock.requirements
    assert {"k8s.io/api", "k8s.io/client-go"} <= own.keys() & theirs.keys()
    assert {path: own[path] for path in own.keys() & theirs.keys() if own[path] != theirs[path]} == {}


def test_istio_built_between_two_releases_names_its_line_and_its_revision() -> None:
    istio = TOOLS["pilot-discovery"].module
    revision = istio.lock.requirements["istio.io/istio"].rpartition("-")[2]
    flags = istio.build_flags(istio.lock)
    linker = flags[flags.index("-ldflags") + 1]
    assert f"-X istio.io/istio/pkg/version.buildVersion=1.31-alpha.{revision} " in linker
    assert f"-X istio.io/istio/pkg/version.buildGitRevision={revision} " in linker


def test_tools_come_in_the_order_of_the_table_whatever_the_order_of_asking() -> None:
    assert [tool.name for tool in find_tools(["kubectl", "pulumi"])] == ["pulumi", "kubectl"]


def test_an_unknown_tool_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownToolError, match=r"No tool is called kubectrl: .*kubectl"):
        find_tools(["kubectrl", "helm"])


def test_the_pinned_go_suffices_for_every_module() -> None:
    assert all(Version(pinned_go()) >= module.lock.go for module in MODULES.values())
