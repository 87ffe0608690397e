"""Building, and everything that can go wrong with it: said in a sentence, and repaired by the next run."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from typing import TYPE_CHECKING

import pytest

from sandbox.toolchain import resolver
from sandbox.toolchain.errors import BuildError, DiskFullError, ModuleUnavailableError
from sandbox.toolchain.process import Finished, ignore_line, pinned_go
from sandbox.toolchain.resolver import Source, Toolchain
from sandbox.toolchain.tools import TOOLS
from tests.toolchain.fakes import OK, failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.toolchain.process import Command
    from tests.toolchain.conftest import Bench


def test_a_tool_is_built_once_and_then_found(bench: Bench) -> None:
    first = bench.toolchain.path("helm")
    assert first.read_bytes() == b"an executable"
    assert bench.again().path("helm") == first
    assert len(bench.runner.builds) == 1


def test_progress_says_which_tool_and_how_many_of_how_many(bench: Bench) -> None:
    bench.toolchain.path("kubelet")
    bench.toolchain.paths(["kubectl", "pulumi", "kubelet", "kube-proxy", "kube-apiserver"])
    engine, kubernetes = TOOLS["pulumi"].version, TOOLS["kubelet"].version
    assert bench.reporter.steps == [
        f"[1/1] kubelet {kubernetes}",
        f"[1/2] pulumi {engine}",
        f"[2/2] kube-apiserver {kubernetes}, kubectl {kubernetes} and 1 more",
    ], "what is there already is not counted"
    assert bench.reporter.stages[-2:] == ["fetching modules", "compiling"]


def test_the_tools_of_a_module_are_built_by_one_go_and_each_is_kept(bench: Bench) -> None:
    paths = bench.toolchain.paths(["kubectl", "kube-proxy", "pulumi"])
    assert [build.arguments[-2:] for build in bench.runner.builds if "pulumi" not in build.arguments[-1]] == [
        ["k8s.io/kubernetes/cmd/kubectl", "k8s.io/kubernetes/cmd/kube-proxy"]
    ]
    assert len(bench.runner.builds) == 2
    assert {path.name for path in paths.values()} == {"kubectl", "kube-proxy", "pulumi"}
    assert all(path.read_bytes() == b"an executable" for path in paths.values())


def test_an_executable_is_found_under_the_name_that_go_gives_it(bench: Bench) -> None:
    names = {name: TOOLS[name].built_as for name in ("etcd", "etcdctl", "karmada-agent", "podinfo")}
    assert names == {"etcd": "server", "etcdctl": "etcdctl", "karmada-agent": "agent", "podinfo": "podinfo"}
    for module in {tool.module for tool in TOOLS.values()}:
        files = [tool.built_as for tool in TOOLS.values() if tool.module == module]
        assert len(set(files)) == len(files), f"{module.name}: one would be written over another"


def test_modules_are_fetched_while_what_comes_before_them_is_compiled(bench: Bench) -> None:
    """The engine's build waits for the listing of what is built after it, as long as that could take."""
    listed = threading.Event()

    def run(command: Command, on_error_line: Callable[[str], None] = ignore_line) -> Finished:
        if command.arguments[1] == "list" and command.arguments[-1].startswith("k8s.io"):
            listed.set()
        if command.arguments[1] == "build" and "pulumi" in command.arguments[-1]:
            assert listed.wait(30), "nothing is fetched before the engine is built"
        return bench.runner(command, on_error_line)

    toolchain = Toolchain(cache=bench.cache, runner=run, reporter=bench.reporter)
    toolchain.paths(["pulumi", "kubectl"])
    assert listed.is_set()


def test_a_module_that_cannot_be_fetched_takes_nothing_from_those_before_it(bench: Bench) -> None:
    def run(command: Command, on_error_line: Callable[[str], None] = ignore_line) -> Finished:
        if command.arguments[1] == "list" and command.arguments[-1].startswith("k8s.io"):
            return failed("403 Forbidden")
        return bench.runner(command, on_error_line)

    with pytest.raises(ModuleUnavailableError, match=r"kubectl v1\."):
        Toolchain(cache=bench.cache, runner=run, reporter=bench.reporter).paths(["pulumi", "kubectl"])
    assert bench.again().standing(TOOLS["pulumi"]).source is Source.CACHE


def test_the_build_is_static_reproducible_and_never_changes_the_lock(bench: Bench) -> None:
    bench.toolchain.path("kubectl")
    (build,) = bench.runner.builds
    assert {"-trimpath", "-buildvcs=false", "-mod=readonly"} <= set(build.arguments)
    assert "-s -w -X" in build.arguments[build.arguments.index("-ldflags") + 1]
    assert build.arguments[build.arguments.index("-gcflags") + 1] == "all=-dwarf=false", "none reads DWARF"
    assert build.environment["CGO_ENABLED"] == "0"
    assert build.environment["GOTOOLCHAIN"] == f"go{pinned_go()}", "another Go must not build"


def test_settings_of_the_users_reach_go_only_where_no_result_depends_on_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", "https://proxy.example.test")
    for name in ("GOFLAGS", "GOEXPERIMENT", "GOOS", "GOAMD64", "CGO_CFLAGS"):
        monkeypatch.setenv(name, "-race")
    bench.toolchain.path("etcd")
    environment = bench.runner.builds[0].environment
    assert environment["GOPROXY"] == "https://proxy.example.test"
    assert environment["GOFLAGS"] == "-mod=readonly", "an empty one would let `go env -w GOFLAGS` through"
    assert not {"GOEXPERIMENT", "GOOS", "GOAMD64", "CGO_CFLAGS"} & environment.keys()


def test_another_pinned_go_builds_anew_and_another_on_path_does_not(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bench.toolchain.path("etcd")
    bench.runner.go_version = "1.99.1"
    assert bench.again().path("etcd") == first
    monkeypatch.setattr(resolver, "pinned_go", lambda: "1.99.1")
    assert bench.again().path("etcd") != first


def test_what_a_main_of_ours_embeds_is_seen_beside_it_and_never_copied_there(bench: Bench) -> None:
    bench.toolchain.path("pulumi-resource-kubernetes")
    (overlay,) = bench.runner.overlays
    (build,) = bench.runner.builds
    theirs = "/modules/one/cmd/pulumi-resource-kubernetes"
    assert json.loads(overlay)["Replace"] == {
        f"{build.folder}/{name}": f"{theirs}/{name}" for name in ("schema.json", "terraform-mapping.json")
    }
    bench.toolchain.path("helm")
    assert len(bench.runner.overlays) == 1, "no other tool embeds anything"


def test_a_module_with_files_to_embed_that_cannot_be_fetched_is_named(bench: Bench) -> None:
    bench.runner.download = Finished(exit_code=1, stdout='{"Error": "403 Forbidden"}', stderr="")
    with pytest.raises(ModuleUnavailableError, match=r"(?s)pulumi-kubernetes/provider/v4 cannot .*403 Forbidden"):
        bench.toolchain.path("pulumi-resource-kubernetes")
    assert bench.runner.builds == []


@pytest.mark.parametrize(
    "error",
    [
        "go: example.test/a@v1.0.0: Get https://proxy/…: dial tcp: lookup proxy: no such host",
        "go: example.test/a@v1.0.0: reading https://proxy/…: 403 Forbidden",
    ],
)
def test_a_module_that_cannot_be_fetched_is_told_from_one_that_does_not_compile(bench: Bench, error: str) -> None:
    bench.runner.listing = failed(f"go: downloading example.test/b v1.0.0\n{error}\n")
    with pytest.raises(ModuleUnavailableError) as refused:
        bench.toolchain.path("helm")
    said = str(refused.value)
    assert "modules of helm v3" in said
    assert error in said
    assert "GOPROXY" in said
    assert "downloading" not in said, "progress is no reason"
    assert bench.runner.builds == []


def test_a_module_that_differs_from_the_lock_is_never_built_from(bench: Bench) -> None:
    bench.runner.listing = failed("verifying example.test/a@v1.0.0: checksum mismatch\n")
    with pytest.raises(ModuleUnavailableError, match=r"(?s)differs from the lock .*Do not build"):
        bench.toolchain.path("helm")
    assert bench.runner.builds == []


def test_a_compiler_error_is_shown_with_the_go_that_reported_it(bench: Bench) -> None:
    bench.runner.building = failed("# example.test/a\na.go:1:1: undefined: b\n")
    with pytest.raises(BuildError, match=rf"(?s)with Go {re.escape(pinned_go())}: .*undefined: b"):
        bench.toolchain.path("helm")


def test_a_failure_without_a_word_still_says_how_go_ended(bench: Bench) -> None:
    bench.runner.building = failed("fmt\nmain\n")
    with pytest.raises(BuildError, match=r"Go says\nnothing, and ended with 1\n"):
        bench.toolchain.path("helm")


def test_a_full_disk_is_named_when_go_meets_it(bench: Bench) -> None:
    bench.runner.building = failed("link: write /tmp/go-link: no space left on device\n")
    with pytest.raises(DiskFullError, match=r"No room to build helm .*MiB left.*--prune"):
        bench.toolchain.path("helm")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_or_quota_is_named_when_the_cache_meets_it(bench: Bench, number: int) -> None:
    bench.runner.building = OSError(number, os.strerror(number))
    with pytest.raises(DiskFullError):
        bench.toolchain.path("helm")


def test_another_failure_of_the_system_is_passed_on_in_its_own_words(bench: Bench) -> None:
    bench.runner.building = OSError(errno.EROFS, "Read-only file system")
    with pytest.raises(BuildError, match="Read-only file system"):
        bench.toolchain.path("helm")


@pytest.mark.parametrize(
    "trouble",
    [failed("link: signal: killed\n"), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")],
    ids=["killed", "Ctrl-C", "disk full"],
)
def test_after_trouble_nothing_half_is_left_and_the_next_run_repairs(
    bench: Bench, trouble: Finished | BaseException
) -> None:
    bench.runner.building = trouble
    with pytest.raises((BuildError, KeyboardInterrupt, DiskFullError)):
        bench.toolchain.path("helm")
    assert bench.leftovers() == []
    assert list(bench.cache.folder.glob("tools/*/*/*")) == []
    bench.runner.building = OK
    assert bench.again().path("helm").read_bytes() == b"an executable"


def test_a_damaged_executable_is_noticed_said_and_built_anew(bench: Bench) -> None:
    bench.toolchain.path("helm").write_bytes(b"half")
    assert bench.again().path("helm").read_bytes() == b"an executable"
    assert any("damaged" in note for note in bench.reporter.notes)
    assert len(bench.runner.builds) == 2
