"""Helm without an engine: arguments, charts, values, and how it is stopped."""

from __future__ import annotations

import base64
import http.server
import json
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.plugins.framework import UNKNOWN, Asset, Cancellation, ProviderError, Secret
from sandbox.plugins.kubernetes.helm import Helm, arguments, release
from sandbox.plugins.kubernetes.helm.charts import ChartError, Charts
from sandbox.plugins.kubernetes.helm.executable import HelmError
from sandbox.plugins.kubernetes.helm.release import StoredRelease
from sandbox.plugins.kubernetes.helm.state import input_failures, refreshed
from sandbox.plugins.kubernetes.helm.values import merged
from sandbox.toolchain import tool_path
from tests.plugins.kubernetes.charts import write_chart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HIDDEN = "a-password-that-nobody-may-see"
_FLAGS = (
    "atomic",
    "cleanupOnFail",
    "createNamespace",
    "dependencyUpdate",
    "disableOpenapiValidation",
    "disableWebhooks",
    "forceUpdate",
    "renderSubchartNotes",
    "replace",
    "resetValues",
    "reuseValues",
    "skipCrds",
    "takeOwnership",
    "waitForJobs",
)


def _release(**inputs: Any) -> dict[str, Any]:
    return {"name": "app", "namespace": "space", "chart": "tiny", **inputs}


def test_an_install_waits_unless_told_not_to() -> None:
    assert arguments.install(_release(timeout=7), "/c") == [
        *("install", "app", "/c", "--output", "json", "--wait", "--timeout", "7s")
    ]
    skipped = arguments.install(_release(skipAwait=True, waitForJobs=True), "/c")
    assert "--wait" not in skipped
    assert "--wait-for-jobs" not in skipped
    assert "--wait-for-jobs" in arguments.install(_release(waitForJobs=True), "/c")


def test_every_option_has_its_flag() -> None:
    every = _release(**dict.fromkeys(_FLAGS, True), description="why", maxHistory=3)
    installed, upgraded = arguments.install(every, "/c"), arguments.upgrade(every, "/c")
    shared = {"--atomic", "--dependency-update", "--disable-openapi-validation", "--render-subchart-notes",
              "--skip-crds", "--take-ownership", "--description", "--no-hooks"}  # fmt: skip
    assert shared | {"--create-namespace", "--replace"} <= set(installed)
    assert shared | {"--cleanup-on-fail", "--force", "--reset-values", "--reuse-values"} <= set(upgraded)
    assert upgraded[upgraded.index("--history-max") + 1] == "3"
    assert arguments.upgrade(_release(), "/c")[3:5] == ["--history-max", "0"], "unlimited, as the official provider"


def test_what_helm_prints_at_the_end_is_what_is_recorded() -> None:
    printed = {
        "name": "app",
        "namespace": "space",
        "version": 2,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "web", "version": "1.2.3", "appVersion": "9"}, "templates": []},
        "config": {"replicas": 3},
        "manifest": "apiVersion: v1\nkind: Service\nmetadata: {name: app}\n---\n# nothing\n",
        "hooks": [{"manifest": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: before}\n"}],
    }
    stored = release.told(f"Saving 1 charts\nDeleting outdated charts\n{json.dumps(printed)}\n")
    assert (stored.name, stored.namespace, stored.revision, stored.status) == ("app", "space", 2, "deployed")
    assert (stored.chart, stored.version, stored.app_version) == ("web", "1.2.3", "9")
    assert stored.values == {"replicas": 3}
    assert [obj["kind"] for obj in (*stored.objects, *stored.hooks)] == ["Service", "Job"]


def test_an_uninstall_waits_for_what_was_waited_for() -> None:
    assert "--wait" in arguments.uninstall(_release())
    assert "--wait" not in arguments.uninstall(_release(skipAwait=True))
    assert "--wait" in arguments.uninstall(_release(skipAwait=True, atomic=True))


@pytest.mark.engine
def test_helm_knows_every_flag() -> None:
    every = _release(**dict.fromkeys(_FLAGS, True), description="d", postrender="p")
    for command in (arguments.install(every, "/c"), arguments.upgrade(every, "/c"), arguments.uninstall(every)):
        help_text = subprocess.run(
            [str(tool_path("helm")), command[0], "--help"], capture_output=True, text=True, check=True
        ).stdout
        for flag in command:
            assert not flag.startswith("--") or f"{flag} " in help_text, flag


def test_values_lie_over_the_files_and_keep_their_secrets() -> None:
    files = [Asset(text="a: {x: 1, y: 1}\nb: file"), Asset(text="b: later")]
    found = merged({"values": {"a": {"x": 2, "z": Secret("s")}}, "valueYamlFiles": files})
    assert found == {"a": {"x": 2, "y": 1, "z": Secret("s")}, "b": "later"}
    assert isinstance(merged({"valueYamlFiles": Secret(files)}), Secret)
    assert merged({"values": {"a": UNKNOWN}}) == {"a": UNKNOWN}
    assert merged({"values": UNKNOWN}) is UNKNOWN


def test_a_values_file_that_is_no_mapping_is_refused_without_quoting_it(tmp_path: Path) -> None:
    for asset in (Asset(text=f"- {_HIDDEN}"), Asset(text=f"a: [{_HIDDEN}"), Asset(path=str(tmp_path / "none"))):
        with pytest.raises(ProviderError, match="valueYamlFiles") as raised:
            merged({"valueYamlFiles": [asset]})
        assert _HIDDEN not in str(raised.value)


def test_inputs_that_the_sdk_does_not_know_are_refused() -> None:
    paths = {failure.path for failure in input_failures({"chart": 1, "valeus": {}, "values": [], "recreatePods": True})}
    assert paths == {"chart", "valeus", "values", "recreatePods"}
    assert list(input_failures(_release(values={"any": {"thing": 1}}, timeout=UNKNOWN, compat="true"))) == []


def test_a_release_that_drifted_has_the_live_values_among_its_inputs() -> None:
    stored = StoredRelease(
        name="app", namespace="space", revision=3, status="deployed", chart="tiny", version="2.0.0", app_version="",
        values={"a": 1, "b": "by hand", "c": "added"}, objects=(), hooks=(),
    )  # fmt: skip
    inputs = {"version": "1.0.0", "values": {"a": 1, "b": Secret("x")}}
    outputs = {"version": "1.0.0", "values": {"a": 1, "b": "x"}}
    found = refreshed(inputs, outputs, stored)
    assert found == {"version": "2.0.0", "values": {"a": 1, "b": Secret("by hand"), "c": "added"}}


def test_a_changed_chart_has_another_checksum(tmp_path: Path) -> None:
    chart = Charts(_no_helm()).find({"chart": str(write_chart(tmp_path))}, Cancellation())
    assert (chart.version, chart.local) == ("1.2.3", True)
    before = chart.checksum()
    assert chart.checksum() == before
    (chart.path / "templates" / "new.yaml").write_text("")
    added = chart.checksum()
    (chart.path / "templates" / "new.yaml").rename(chart.path / "templates" / "other.yaml")
    assert len({before, added, chart.checksum()}) == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name: tiny\nversion: 1.0.0\ntype: library", "library charts are not installable"),
        ("version: 1.0.0", "its Chart.yaml names none"),
        ("a: [", "is no chart"),
    ],
)
def test_a_folder_that_is_no_chart_says_so(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "Chart.yaml").write_text(content)
    with pytest.raises(ChartError, match=reason):
        Charts(_no_helm()).find({"chart": str(tmp_path)}, Cancellation())


def test_missing_dependencies_are_named(tmp_path: Path) -> None:
    chart = write_chart(tmp_path)
    with (chart / "Chart.yaml").open("a") as file:
        file.write("dependencies: [{name: common}, {name: there}]\n")
    (chart / "charts" / "there").mkdir(parents=True)
    found = Charts(_no_helm()).find({"chart": str(chart)}, Cancellation())
    assert found.missing_dependencies() == ["common"]


def test_a_cancelled_helm_is_told_and_waited_for(tmp_path: Path) -> None:
    slow = tmp_path / "helm"
    slow.write_text(
        "#!/bin/sh\ntrap 'echo \"Error: release app has been cancelled\" >&2; exit 1' TERM\n"
        f"touch {tmp_path}/started\nwhile :; do sleep 0.05; done\n"
    )
    slow.chmod(0o755)
    cancellation = Cancellation()

    def cancel() -> None:
        while not (tmp_path / "started").exists():
            Cancellation().sleep(0.02)
        cancellation.request()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(HelmError, match="release app has been cancelled"):
        Helm(locate=lambda: slow).run(["install", "app"], cancellation=cancellation)
    thread.join()


@pytest.mark.engine
def test_a_chart_comes_from_a_repository_with_credentials(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    helm = Helm(locate=lambda: tool_path("helm"))
    helm.run(["package", str(write_chart(tmp_path)), "--destination", str(repository)], cancellation=Cancellation())
    with _served(repository) as (address, requests):
        helm.run(["repo", "index", str(repository), "--url", address], cancellation=Cancellation())
        options = {"repo": address, "username": "me", "password": _HIDDEN}
        inputs = {"chart": "tiny", "version": "1.x", "repositoryOpts": options}
        charts = Charts(helm)
        chart = charts.find(inputs, Cancellation())
        assert (chart.version, chart.local) == ("1.2.3", False)
        fetched = len(requests)
        assert charts.find(dict(inputs), Cancellation()).path == chart.path
        assert len(requests) == fetched, "a chart is fetched once"
        with pytest.raises(HelmError, match="401"):
            charts.find({**inputs, "repositoryOpts": {**options, "password": "wrong"}}, Cancellation())
        shutil.rmtree(repository)
        with pytest.raises(HelmError, match="not a valid chart repository"):
            charts.find({**inputs, "repositoryOpts": {"repo": address + "/none"}}, Cancellation())


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """A chart repository on loopback, which wants a password."""
    login = "Basic " + base64.b64encode(f"me:{_HIDDEN}".encode()).decode()
    requests: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            if self.headers.get("Authorization") == login:
                super().do_GET()
            else:
                self.send_error(401)

        def log_message(self, *_: object) -> None:
            """Tests speak through their assertions."""

    handler = partial(Handler, directory=os.fspath(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", requests
        finally:
            server.shutdown()
            thread.join()


def _no_helm() -> Helm:
    def locate() -> Path:
        raise AssertionError("a local chart needs no helm")

    return Helm(locate=locate)
