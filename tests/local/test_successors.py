"""What counts as a helpful refusal: one that names a key that today's config has."""

from __future__ import annotations

import pytest

from fleet.config.reader import ConfigError, parse
from fleet.config.retired import RETIRED
from tests.e2e.successors import is_key, refused, without_successor
from tests.unit.configs import fleet_of

UNKNOWN = "unknown key (set to 1); Pulumi.yaml describes those that there are"


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("workloads.shop.ingress.hosts", True),
        ("mesh.ingress.hosts", False),
        ("clusters.us.pools.main.autoscaler.min", True),
        ("traffic.forbidden.0.from", True),
        ("mesh.istiodValues.global.hub", True),
        ("acknowledged", True),
        ("mesh.gone", False),
        ("mesh.id.gone", False),
        ("clusters.us.gone", False),
        ("Pulumi.yaml", False),
        ("gone", False),
    ],
)
def test_a_key_is_known_by_its_path(path: str, known: bool) -> None:
    assert is_key(path) is known


def test_the_program_s_own_report_is_read_as_the_engine_shows_it() -> None:
    config = fleet_of(1, mesh={"gone": 1}, traffic={"mode": "sideways"})
    with pytest.raises(ConfigError) as raised:
        parse(config)
    first, *entries = str(raised.value).splitlines()
    shown = [f" +  pulumi:pulumi:Stack fleet create error: {first}", "Diagnostics:", f"    error: {first}"]
    said = "\n".join([*shown, *(f"    {entry}" for entry in entries), "", "Resources:", "    1 errored"])
    assert [key for key, _ in refused(said)] == ["mesh.gone", "traffic.mode"]


@pytest.mark.parametrize("said", ["", "error: Program failed with an unhandled exception:\n  - a: b"])
def test_another_failure_is_no_report(said: str) -> None:
    assert refused(said) == []


@pytest.mark.parametrize(
    "why",
    [
        "is gone; set workloads.shop.ingress.hosts instead",
        "is gone; its values go to fleet:acknowledged",
        "is gone; its values go to `acknowledged`",
    ],
)
def test_a_key_that_went_is_refused_with_a_key_that_there_is(why: str) -> None:
    assert without_successor([("mesh.gone", why)]) == []


@pytest.mark.parametrize("why", [UNKNOWN, "is gone; set mesh.goneToo instead", "is gone; think of layers"])
def test_a_refusal_that_names_no_key_of_today_helps_nobody(why: str) -> None:
    assert without_successor([("mesh.gone", why)]) == [f"mesh.gone: {why}"]


def test_a_value_that_is_refused_of_a_key_that_stays_needs_no_successor() -> None:
    assert without_successor([("traffic.mode", "'sideways' is refused: input should be 'locality' or 'global'")]) == []


@pytest.mark.parametrize(("key", "words"), RETIRED.items())
def test_every_key_that_went_is_refused_with_one_that_there_is(key: str, words: str) -> None:
    assert not is_key(key)
    assert without_successor([(key, words)]) == []
