"""Official plugins from a download site on the loopback, and with the real CLI."""

from __future__ import annotations

import contextlib
import http.server
import io
import shlex
import socket
import tarfile
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sandbox.engine import Mode, Request, downloads, run
from sandbox.engine.downloads import DownloadError, download_site_answers
from sandbox.plugins import PLUGINS, install
from tests.engine.test_run import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.engine import Workspace

LANGUAGE, *PROVIDERS = PLUGINS
RANDOM = next(plugin for plugin in PLUGINS if plugin.name == "random")
OVERRIDES = "PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES"


@contextlib.contextmanager
def site(status: int, archives: dict[str, bytes] | None = None) -> Iterator[str]:
    """A download site on the loopback that answers each question with one status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def do_GET(self) -> None:
            content = (archives or {}).get(self.path.rpartition("/")[2].partition("-v")[0], b"")
            self.send_response(status if content else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def closed_site() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(("status", "answers"), [(200, True), (403, False), (503, False)])
def test_a_site_that_refuses_the_plugin_does_not_count_as_reachable(
    monkeypatch: pytest.MonkeyPatch, status: int, answers: bool
) -> None:
    with site(status) as address:
        monkeypatch.setattr(downloads, "_DOWNLOADS", address)
        assert download_site_answers() is answers


def test_a_closed_port_does_not_count_as_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_site() as address:
        monkeypatch.setattr(downloads, "_DOWNLOADS", address)
        assert not download_site_answers()


def test_a_site_that_never_answers_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_PROBE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(downloads, "_DOWNLOADS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert not download_site_answers()


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A user's machine: where their CLI keeps plugins, and a note of each provider that was started from there."""

    home: Path
    notes: Path

    def install(self, *, without: str = "") -> None:
        """Install the providers that the CLI would fetch, which note that they are started."""
        install(self.home, [provider for provider in PROVIDERS if provider.name != without])
        for provider in PROVIDERS:
            if provider.name != without:
                self._noting(provider.path(self.home), provider.name)

    def archive(self, name: str) -> bytes:
        """What the download site has of a provider."""
        place = self.home.parent / "made"
        plugin = next(plugin for plugin in PROVIDERS if plugin.name == name)
        install(place, [plugin])
        self._noting(plugin.path(place), f"{name} from the site")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(plugin.path(place), plugin.executable)
        return packed.getvalue()

    def _noting(self, executable: Path, name: str) -> None:
        script = executable.read_text(encoding="utf-8") if not executable.is_symlink() else None
        if script is None:
            return
        line = f"echo {shlex.quote(name)} >> {shlex.quote(str(self.notes))}"
        executable.write_text(script.replace("\n", f"\n{line}\n", 1), encoding="utf-8")

    @property
    def started(self) -> set[str]:
        return set(self.notes.read_text(encoding="utf-8").split("\n")) - {""} if self.notes.exists() else set()


@pytest.fixture
def machine(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The machine of the user whose project it is."""
    del workspace  # It takes PULUMI_HOME away.
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "users"))
    return Machine(home=tmp_path / "users", notes=tmp_path / "started")


def official(*arguments: str, site: str) -> Request:
    """A command that runs where no download could succeed, though this process reaches the site."""
    return Request(
        stack="dev",
        arguments=arguments,
        mode=Mode.OFFICIAL,
        account=ACCOUNT,
        enter=["env", f"{OVERRIDES}=.*={site}"],
    )


@pytest.mark.engine
def test_installed_providers_are_used_where_nothing_can_be_reached(
    workspace: Workspace, machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.install()
    said: list[str] = []
    with closed_site() as nowhere:
        code = run(official("preview", site=nowhere), workspace, say=said.append)
    assert code == 0, capfd.readouterr()
    assert machine.started == {"random"}
    assert said[0].startswith("stack dev: official providers (installed), stand-in language host"), said
    assert not (machine.home / "plugins" / LANGUAGE.path(machine.home).parent.name).exists(), "theirs stays as it is"


@pytest.mark.engine
def test_what_is_missing_is_fetched_before_the_network_is_left(
    workspace: Workspace, machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.install(without="random")
    said: list[str] = []
    with site(200, {RANDOM.executable: machine.archive("random")}) as address, closed_site() as nowhere:
        monkeypatch.setenv(OVERRIDES, f".*={address}")
        code = run(official("preview", site=nowhere), workspace, say=said.append)
    assert code == 0, capfd.readouterr()
    assert machine.started == {"random from the site"}
    assert RANDOM.is_in(machine.home), "the user's other programs find it, and so does the next sandbox"
    assert said[0] == f"fetching the official plugin random {RANDOM.version}"


@pytest.mark.engine
def test_a_plugin_that_cannot_be_fetched_is_one_sentence_with_the_remedy(
    workspace: Workspace, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.install(without="random")
    with closed_site() as nowhere:
        monkeypatch.setenv(OVERRIDES, f".*={nowhere}")
        with pytest.raises(DownloadError) as caught:
            run(official("preview", site=nowhere), workspace, say=lambda _: None)
    assert machine.started == set(), "nothing was run"
    assert str(caught.value).startswith(f"The official plugin random {RANDOM.version} cannot be fetched: ")
    assert "connection refused" in caught.value.why
    assert "\n" not in str(caught.value)
    assert f"`pulumi plugin install resource random {RANDOM.version} --exact --file ARCHIVE`" in caught.value.remedy
    assert "PLUGINS=offline" in caught.value.remedy
