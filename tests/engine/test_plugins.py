"""Which plugins the engine gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.engine.plugins import Mode, choose
from sandbox.plugins import PLUGINS

if TYPE_CHECKING:
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


def test_official_fetches_what_is_missing(pulumi: Path) -> None:
    install_language_host(pulumi)
    choice = choose(Mode.OFFICIAL, pulumi=pulumi, reachable=never)
    assert choice.given == ()
    assert choice.missing == tuple(PROVIDERS)
    assert choice.environment == {}
    assert str(choice) == "official plugins (asked for)"


@pytest.mark.parametrize("mode", [Mode.OFFICIAL, Mode.AUTO])
def test_what_is_installed_is_used_and_not_fetched(pulumi: Path, mode: Mode) -> None:
    install_providers(pulumi)
    choice = choose(mode, pulumi=pulumi, reachable=never)
    assert choice.given == (LANGUAGE,), "it comes with the CLI, and no download has it"
    assert choice.missing == ()
    assert str(choice) == "official providers (installed), stand-in language host (this pulumi has none beside it)"


def test_a_provider_on_the_path_is_installed(pulumi: Path) -> None:
    install_language_host(pulumi)
    for provider in PROVIDERS:
        (pulumi.parent / provider.executable).touch(mode=0o755)
    assert choose(Mode.OFFICIAL, pulumi=pulumi, reachable=never).missing == ()


def test_an_installation_that_was_cut_off_is_none(pulumi: Path) -> None:
    install_providers(pulumi)
    folder = PROVIDERS[1].path(pulumi.parents[1] / "home").parent
    folder.with_name(f"{folder.name}.partial").touch()
    assert choose(Mode.OFFICIAL, pulumi=pulumi, reachable=never).missing == (PROVIDERS[1],)


def test_another_version_is_another_plugin(pulumi: Path) -> None:
    """The engine takes the very version that the program's SDK package asks for (SelectCompatiblePlugin)."""
    install_providers(pulumi)
    folder = PROVIDERS[1].path(pulumi.parents[1] / "home").parent
    folder.rename(folder.with_name("resource-linode-v6.0.0"))
    assert choose(Mode.OFFICIAL, pulumi=pulumi, reachable=never).missing == (PROVIDERS[1],)


def test_auto_takes_official_plugins_that_are_installed_without_asking_the_network(pulumi: Path) -> None:
    install_language_host(pulumi)
    install_providers(pulumi)
    assert choose(Mode.AUTO, pulumi=pulumi, reachable=never).given == ()


def test_auto_fetches_official_plugins_where_they_can_be_downloaded(pulumi: Path) -> None:
    install_language_host(pulumi)
    choice = choose(Mode.AUTO, pulumi=pulumi, reachable=lambda: True)
    assert choice.given == ()
    assert choice.missing == tuple(PROVIDERS)


def test_the_kubernetes_provider_that_is_built_goes_with_installed_ones(pulumi: Path) -> None:
    """It is the official one, of the version that is asked for."""
    install_language_host(pulumi)
    install_providers(pulumi)
    PROVIDERS[0].path(pulumi.parents[1] / "home").unlink()
    choice = choose(Mode.AUTO, pulumi=pulumi, reachable=lambda: False)
    assert choice.given == (PROVIDERS[0],)
    assert str(choice) == "official providers (installed or built), official language host"


def test_auto_gives_all_providers_where_one_official_plugin_is_out_of_reach(pulumi: Path) -> None:
    install_language_host(pulumi)
    install_providers(pulumi)
    PROVIDERS[1].path(pulumi.parents[1] / "home").unlink()
    choice = choose(Mode.AUTO, pulumi=pulumi, reachable=lambda: False)
    assert choice.given == tuple(PROVIDERS), "all come from one place"
    assert "neither installed nor to be downloaded" in str(choice)
