"""Which plugins the engine gets."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from sandbox.engine import plugins
from sandbox.engine.plugins import Mode, choose, download_site_answers
from sandbox.plugins import PLUGINS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LANGUAGE, *PROVIDERS = PLUGINS


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` with nothing beside it, on a machine with no plugin."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    (folder / "pulumi").touch(mode=0o755)
    return folder / "pulumi"


def install_providers(pulumi: Path) -> None:
    for provider in PROVIDERS:
        file = provider.path(pulumi.parents[1] / "home")
        file.parent.mkdir(parents=True)
        file.touch(mode=0o755)


def install_language_host(pulumi: Path) -> None:
    (pulumi.parent / LANGUAGE.executable).touch(mode=0o755)


def never() -> bool:
    raise AssertionError("there was no reason to ask the network")


def test_offline_gives_every_plugin_without_asking_the_network(pulumi: Path) -> None:
    choice = choose(Mode.OFFLINE, pulumi=pulumi, reachable=never)
    assert choice.given == PLUGINS
    assert choice.environment == {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}
    assert str(choice) == "the official Kubernetes provider, stand-ins for the other plugins (asked for)"


def test_a_language_host_beside_the_cli_is_used_whatever_is_asked_for(pulumi: Path) -> None:
    install_language_host(pulumi)
    choice = choose(Mode.OFFLINE, pulumi=pulumi, reachable=never)
    assert choice.given == tuple(PROVIDERS)
    said = "the official Kubernetes provider, stand-ins for the other providers (asked for), official language host"
    assert str(choice) == said


def test_official_leaves_everything_to_the_cli(pulumi: Path) -> None:
    install_language_host(pulumi)
    choice = choose(Mode.OFFICIAL, pulumi=pulumi, reachable=never)
    assert choice.given == ()
    assert choice.environment == {}
    assert str(choice) == "official plugins (asked for)"


def test_the_language_host_alone_is_a_stand_in_where_only_it_is_missing(pulumi: Path) -> None:
    choice = choose(Mode.OFFICIAL, pulumi=pulumi, reachable=never)
    assert choice.given == (LANGUAGE,)
    assert choice.environment == {}, "the providers still have to be downloaded"
    assert "stand-in language host" in str(choice)


def test_auto_takes_official_plugins_that_are_installed_without_asking_the_network(pulumi: Path) -> None:
    install_language_host(pulumi)
    install_providers(pulumi)
    assert choose(Mode.AUTO, pulumi=pulumi, reachable=never).given == ()


def test_auto_takes_official_plugins_where_they_can_be_downloaded(pulumi: Path) -> None:
    install_language_host(pulumi)
    assert choose(Mode.AUTO, pulumi=pulumi, reachable=lambda: True).given == ()


def test_auto_gives_all_providers_where_one_official_plugin_is_out_of_reach(pulumi: Path) -> None:
    install_language_host(pulumi)
    install_providers(pulumi)
    PROVIDERS[0].path(pulumi.parents[1] / "home").unlink()
    choice = choose(Mode.AUTO, pulumi=pulumi, reachable=lambda: False)
    assert choice.given == tuple(PROVIDERS), "all come from one place"
    assert "neither installed nor to be downloaded" in str(choice)


@contextlib.contextmanager
def site(status: int) -> Iterator[str]:
    """A download site on the loopback that answers each question with one status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "answers"), [(200, True), (403, False), (503, False)])
def test_a_site_that_refuses_the_plugin_does_not_count_as_reachable(
    monkeypatch: pytest.MonkeyPatch, status: int, answers: bool
) -> None:
    with site(status) as address:
        monkeypatch.setattr(plugins, "_DOWNLOADS", address)
        assert download_site_answers() is answers


def test_a_closed_port_does_not_count_as_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setattr(plugins, "_DOWNLOADS", f"http://127.0.0.1:{port}")
    assert not download_site_answers()


def test_a_site_that_never_answers_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_PROBE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(plugins, "_DOWNLOADS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert not download_site_answers()
