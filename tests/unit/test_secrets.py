"""Claims about secrets in the stack config: where they stand, how they are named, and that nothing shows them."""

import asyncio
import json
import traceback
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from fleet.config import secrets
from fleet.config.reader import ConfigError, load, parse
from fleet.config.settings import FleetConfig
from tests.unit.configs import fleet_of
from tests.unit.graph import Graph, Stage, build, contains_unmarked, is_secret, own_event_loop

HIDDEN = "a-value-that-nobody-may-see"
TOKEN = {"secret": "token"}
RELEASE = "kubernetes:helm.sh/v3:Release"


def loaded(*encrypted: str, **sections: Any) -> FleetConfig:
    """The config as the engine hands it over: sections as JSON, and the keys that hold something encrypted."""
    settings = {f"fleet:{key}": json.dumps(value) for key, value in fleet_of(2, **sections).items()}
    pulumi.runtime.set_all_config(settings, [f"fleet:{key}" for key in encrypted])
    try:
        return load()
    finally:
        pulumi.runtime.set_all_config({}, [])


def refused(*encrypted: str, **sections: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        loaded(*encrypted, **sections)
    shown = "".join(traceback.format_exception(caught.value))
    assert HIDDEN not in shown
    return caught.value.errors


def istiod(value: Any) -> dict[str, Any]:
    return {"istiodValues": {"global": {"remote": value}}}


def with_token(**sections: Any) -> dict[str, Any]:
    """Config of one member with one secret, for the program itself."""
    return fleet_of(1, secrets={"token": SecretStr(HIDDEN)}, **sections)


def test_a_secret_is_read_from_its_section_and_shown_by_nothing() -> None:
    config = loaded("secrets", secrets={"token": HIDDEN}, mesh=istiod(TOKEN))
    assert config.secrets["token"].get_secret_value() == HIDDEN
    for shown in (repr(config), str(config), config.model_dump_json(), repr(config.model_dump())):
        assert HIDDEN not in shown
    filled = secrets.filled(config, config.secrets)
    assert filled.mesh.istiod_values["global"]["remote"].get_secret_value() == HIDDEN
    for shown in (repr(filled), str(filled), filled.model_dump_json(), repr(filled.model_dump())):
        assert HIDDEN not in shown


def test_what_the_engine_says_in_its_environment_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    config = fleet_of(1, secrets={"token": HIDDEN}, mesh=istiod(TOKEN))
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({f"fleet:{key}": json.dumps(config[key]) for key in config}))
    with pytest.raises(ConfigError, match=r"secrets\.token: is not encrypted"):
        load()
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(["fleet:secrets"]))
    assert load().secrets["token"].get_secret_value() == HIDDEN


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (HIDDEN, "secrets: is no table of secrets by name; `pulumi config set --secret --path 'fleet:secrets.NAME'`"),
        ([HIDDEN], "secrets: is no table of secrets by name"),
        ({"token": {"deeper": HIDDEN}}, "secrets.token: is no text; set it by `pulumi config set --secret"),
        ({"token": [HIDDEN]}, "secrets.token: is no text"),
        ({"token": 4711}, "secrets.token: is no text"),
        ({"token": ""}, "secrets.token: is empty"),
        ({"My Token": HIDDEN}, "secrets.My Token: must be a DNS label"),
    ],
)
def test_a_section_that_is_no_table_of_texts_is_refused_without_a_word_of_it(content: Any, error: str) -> None:
    (found,) = refused("secrets", secrets=content)
    assert found.startswith(error)
    assert "4711" not in found


def test_a_secret_in_plain_text_is_refused_with_the_command_that_encrypts_it() -> None:
    (found,) = refused(secrets={"token": HIDDEN}, mesh=istiod(TOKEN))
    assert found == (
        "secrets.token: is not encrypted, so take it for known to all who could read this file, and change it; "
        "set it by `pulumi config set --secret --path 'fleet:secrets.token'`"
    )


def test_a_secret_in_any_other_section_is_refused_with_the_way_to_the_right_one() -> None:
    errors = refused(
        *("mesh", "clusters", "password"),
        mesh=istiod(HIDDEN),
        password=HIDDEN,
        versions={"istio": "1.20.0"},
        traffic={"forbidden": [{"from": "mars", "to": "m0"}]},
    )
    assert [error.split(": ")[0] for error in errors[:3]] == ["clusters", "mesh", "password"]
    for error in errors[:3]:
        assert "holds a `secure:` value" in error
        assert "keep it in fleet:secrets (`pulumi config set --secret --path 'fleet:secrets.NAME'`)" in error
        assert "name it where its value goes: {secret: NAME}" in error
    assert len(errors) == 3, "without its clusters nothing can be said of a config"


def test_what_is_wrong_elsewhere_is_in_the_same_report() -> None:
    errors = refused("mesh", mesh=istiod(HIDDEN), versions={"istio": "1.20.0"})
    assert [error.split(": ")[0] for error in errors] == ["mesh", "versions.istio"]


def test_every_reference_that_is_wrong_is_named_at_once_with_its_place() -> None:
    errors = refused(
        "secrets",
        secrets={"token": HIDDEN, "spare": HIDDEN},
        karmada={"values": {"lists": [1, [TOKEN, {"secret": "tokn"}]]}},
        mesh={
            "istiodValues": {"secret": "token"},
        },
        eastWest={"values": {"a": TOKEN | {"key": HIDDEN}}},
        ingress={"values": {"b": {"secret": 4711}, "c": {"secret": None}}},
    )
    assert errors == (
        "karmada.values.lists.1.1: 'tokn' is not in fleet:secrets, which has 'token', 'spare'; "
        "add it by `pulumi config set --secret --path 'fleet:secrets.tokn'`",
        "mesh.istiodValues: {secret: token} stands for one value, and these are many; put it below a key",
        "eastWest.values.a: {secret: token} stands for a whole value; take 'key' out beside it",
        "ingress.values.b: {secret: 4711} names no secret; put the name in quotes",
        "ingress.values.c: {secret: None} names no secret; put the name in quotes",
        "secrets.spare: nothing names it; write {secret: spare} where its value goes, or take it out",
    )


def test_a_reference_without_any_secret_says_how_to_add_one() -> None:
    (error,) = refused(mesh=istiod(TOKEN))
    assert error == (
        "mesh.istiodValues.global.remote: 'token' is not in fleet:secrets, which is empty; "
        "add it by `pulumi config set --secret --path 'fleet:secrets.token'`"
    )


def test_an_error_in_a_secret_brings_no_other_that_only_follows_from_it() -> None:
    assert len(refused("secrets", secrets={"token": ""}, mesh=istiod(TOKEN))) == 1
    assert len(refused("secrets", "mesh", secrets={"token": HIDDEN}, mesh=istiod(TOKEN))) == 1
    both = refused("secrets", secrets={"token": ""}, mesh=istiod({"secret": "other"}))
    assert [error.split(": ")[0] for error in both] == ["secrets.token", "mesh.istiodValues.global.remote"]


def test_a_secret_that_a_key_names_which_went_is_not_called_superfluous() -> None:
    errors = refused("secrets", secrets={"token": HIDDEN}, mesh={"gatewayValues": {"env": {"A": TOKEN}}})
    assert [error.split(": ")[0] for error in errors] == ["mesh.gatewayValues"], "it would be taken out, and is needed"


def test_what_kubernetes_calls_secret_itself_names_none() -> None:
    volumes = [{"name": "v", "secret": {"secretName": "s"}}, {"projected": {"sources": [{"secret": {"name": "s"}}]}}]
    config = loaded(mesh={"istiodValues": {"volumes": volumes}})
    assert secrets.filled(config, config.secrets).mesh.istiod_values == {"volumes": volumes}


def test_a_section_that_has_secrets_in_it_comes_through_parsing_again() -> None:
    config = parse(with_token(mesh=istiod(TOKEN)))
    assert parse(config.model_dump(by_alias=True)) == config


@pytest.mark.parametrize("stage", Stage)
def test_each_chart_gets_the_value_and_the_engine_is_told_that_it_is_secret(stage: Stage) -> None:
    sections = {
        "karmada": {"values": {"search": {"password": TOKEN}}},
        "mesh": {
            "istiodValues": {"env": {"SECRET": TOKEN, "PLAIN": "x"}, "list": [{"a": TOKEN}, "b"]},
        },
        "eastWest": {"values": {"podAnnotations": {"token": TOKEN}}},
        "ingress": {"values": {"podAnnotations": {"token": TOKEN}}},
    }
    graph = build(with_token(**sections), stage)
    for release, path in (
        ("karmada-release", ("search", "password")),
        ("m0-istio-istiod", ("env", "SECRET")),
        ("m0-istio-istiod", ("list", 0, "a")),
        ("m0-ingress-release", ("podAnnotations", "token")),
        ("m0-east-west-release", ("podAnnotations", "token")),
    ):
        assert value_at(graph, release, path, marked=True) == HIDDEN
    assert graph.one(RELEASE, "m0-istio-istiod").inputs["values"]["env"]["PLAIN"] == "x"
    shown = [node.name for node in graph.nodes.values() if contains_unmarked(node.inputs, HIDDEN)]
    assert not shown, f"{shown} would keep it in plain text"
    assert not contains_unmarked(graph.outputs, HIDDEN)


def value_at(graph: Graph, release: str, path: tuple[str | int, ...], *, marked: bool) -> Any:
    value: Any = graph.one(RELEASE, release).inputs["values"]
    for key in path:
        value = value[key]
    assert is_secret(value) is marked
    return value["value"] if marked else value


def test_what_looks_like_a_kubernetes_secret_is_secret_as_a_whole() -> None:
    values = {"extra": {"kind": "Secret", "metadata": {"annotations": {"a": TOKEN}}}, "other": {"kind": "Secret"}}
    graph = build(with_token(mesh={"istiodValues": values}))
    extra = value_at(graph, "m0-istio-istiod", ("extra",), marked=True)
    assert extra["metadata"]["annotations"]["a"] == HIDDEN
    assert value_at(graph, "m0-istio-istiod", ("other",), marked=False) == {"kind": "Secret"}


HIDDEN_TEXTS = {name: f"{HIDDEN}-{name}" for name in ("one", "two", "three")}
NAMES = st.sampled_from(["one", "two", "three"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | NAMES.map(lambda name: {"secret": name})
KEYS = st.text(max_size=4) | st.sampled_from(["kind", "value"])
VALUES = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3)),
    max_size=4,
)


def expected(value: Any, plain: Mapping[str, str]) -> Any:
    """The values with each reference replaced, written without a word of the code under test."""
    if isinstance(value, dict):
        return plain[value["secret"]] if "secret" in value else {k: expected(v, plain) for k, v in value.items()}
    return [expected(item, plain) for item in value] if isinstance(value, list) else value


def unsealed(value: Any, seen: set[str], loop: asyncio.AbstractEventLoop) -> Any:
    """The values with the content of secret outputs in their places, which is noted."""
    if isinstance(value, pulumi.Output):
        assert loop.run_until_complete(value.is_secret())
        content = loop.run_until_complete(value.future())
        seen |= {text for text in HIDDEN_TEXTS.values() if text in json.dumps(content)}
        return content
    if isinstance(value, dict):
        return {key: unsealed(item, seen, loop) for key, item in value.items()}
    return [unsealed(item, seen, loop) for item in value] if isinstance(value, list) else value


@settings(max_examples=200, deadline=None)
@given(values=VALUES)
def test_any_values_come_out_as_they_were_with_secret_outputs_in_place_of_names(values: dict[str, Any]) -> None:
    named = {name: text for name, text in HIDDEN_TEXTS.items() if json.dumps({"secret": name}) in json.dumps(values)}
    config = parse(
        fleet_of(1, secrets={name: SecretStr(text) for name, text in named.items()}, mesh={"istiodValues": values})
    )
    assert parse(config.model_dump(by_alias=True)) == config
    filled = secrets.filled(config, config.secrets).mesh.istiod_values
    assert HIDDEN not in repr(filled)
    seen: set[str] = set()
    with own_event_loop():
        loop = asyncio.get_event_loop()
        assert unsealed(secrets.sealed(filled), seen, loop) == expected(values, named)
    assert seen == set(named.values())
