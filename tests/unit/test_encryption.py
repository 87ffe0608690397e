"""Claims about encryption at rest: what the API server is told, when it is told something else, and what follows."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes.client import ApiException

from fleet.karmada import encryption
from fleet.lke import readiness
from tests.unit.configs import fleet_of
from tests.unit.graph import Graph, Stage, build, contains_unmarked, is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

PRIVATE_KEY = "tls:index/privateKey:PrivateKey"
BYTES = "random:index/randomBytes:RandomBytes"
RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"
TURN: dict[str, Any] = {"keys": ["first", "next"], "writing": "next"}


def fleet(stage: Stage = Stage.UPDATE, before: Mapping[str, Any] | None = None, **settings: Any) -> Graph:
    config = fleet_of(1, layers=["karmada"], karmada={"encryption": settings})
    return build(config, stage, deployed={"encryption": before} if before else None)


@pytest.fixture(scope="module")
def first() -> Graph:
    return fleet()


@pytest.fixture(scope="module")
def turned() -> Graph:
    return fleet(before={"keys": ["first", "next"], "writing": "first"}, **TURN)


def told(graph: Graph) -> Any:
    """The EncryptionConfiguration, and that it is kept as a secret."""
    node = graph.one(SECRET, "karmada-encryption-config")
    assert is_secret(node.inputs["stringData"]) or is_secret(node.inputs["stringData"][encryption.SECRET_KEY])
    return yaml.safe_load(node.plain()["stringData"][encryption.SECRET_KEY])


def api_server(graph: Graph) -> Any:
    return graph.one(RELEASE, "karmada-release").plain()["values"]["apiServer"]


def values(graph: Graph) -> list[str]:
    """The keys themselves, in base64."""
    return [key["secret"] for key in told(graph)["resources"][0]["providers"][0]["secretbox"]["keys"]]


def keys(graph: Graph) -> list[str]:
    [rule] = told(graph)["resources"]
    secretbox, identity = rule["providers"]
    assert identity == {"identity": {}}, "what was stored in the clear stays readable"
    return [key["name"].rpartition("-")[0] for key in secretbox["secretbox"]["keys"]]


def test_secrets_and_works_are_encrypted_without_a_word_in_the_config(first: Graph) -> None:
    [rule] = told(first)["resources"]
    assert rule["resources"] == ["secrets", "works.work.karmada.io"]
    assert keys(first) == ["first"]
    given = api_server(first)["encryptionAtRest"]
    secret = first.one(SECRET, "karmada-encryption-config")
    assert given == {
        "enabled": True,
        "existingSecret": {"name": secret.plain()["metadata"]["name"], "key": encryption.SECRET_KEY},
    }
    assert secret.provider_name == "manager-provider"
    assert "karmada-encryption-config" in first.reaches(first.one(RELEASE, "karmada-release")), (
        "the API server does not start without its keys"
    )


def test_a_key_has_32_bytes_and_does_not_change_with_another_one(first: Graph, turned: Graph) -> None:
    made = {node.name for node in turned.of_type(PRIVATE_KEY) if node.name.startswith(encryption.KEY_PREFIX)}
    assert made == {"karmada-encryption-key-first", "karmada-encryption-key-next"}
    assert [len(base64.b64decode(value, validate=True)) for value in values(turned)] == [32, 32]
    [old] = told(first)["resources"][0]["providers"][0]["secretbox"]["keys"]
    assert old in told(turned)["resources"][0]["providers"][0]["secretbox"]["keys"]


def test_the_key_that_writes_comes_first_and_the_others_still_read(turned: Graph) -> None:
    assert keys(turned) == ["next", "first"]


def test_only_the_api_server_restarts_with_the_keys(first: Graph, turned: Graph) -> None:
    before, after = (graph.one(RELEASE, "karmada-release").plain()["values"] for graph in (first, turned))
    assert before["apiServer"].pop("podAnnotations") != after["apiServer"].pop("podAnnotations")
    assert before == after


def test_what_is_there_is_encrypted_anew_with_another_key_and_not_at_every_update(first: Graph, turned: Graph) -> None:
    assert len(first.rewritten) == len(turned.rewritten) == 1, "what was stored in the clear, and by another key"
    again = fleet(before={"keys": ["first"], "writing": "first"})
    added = fleet(before={"keys": ["first"], "writing": "first"}, keys=["first", "next"])
    assert again.rewritten == added.rewritten == []
    assert turned.outputs["stack"]["encryption"] == {"writing": "next"}
    record = turned.one("pulumi:index:Stash", "karmada-encrypted")
    assert "karmada-release" in turned.reaches(record), "an update that fails leaves the earlier word"


def test_a_preview_of_another_key_encrypts_nothing_yet() -> None:
    preview = fleet(Stage.PREVIEW_OF_DEPLOYED, {"keys": ["first", "next"], "writing": "first"}, **TURN)
    assert preview.outputs["stack"]["encryption"] == {"writing": "next"}, "and asks no cluster, or it would have failed"


def test_a_name_in_etcd_tells_two_keys_of_one_name_apart() -> None:
    assert encryption.key_name("first", "one") != encryption.key_name("first", "two")
    text = encryption.configuration([("next", "bmV4dA=="), ("first", "Zmlyc3Q=")])
    assert encryption.key_names(text) == [
        encryption.key_name("next", "bmV4dA=="),
        encryption.key_name("first", "Zmlyc3Q="),
    ]


def test_what_is_no_configuration_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="no EncryptionConfiguration") as refused:
        encryption.key_names("resources: [{secret: hidden}]")
    assert "hidden" not in str(refused.value)
    assert refused.value.__cause__ is None


class Answer:
    """An answer of Karmada's API server."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def read(self) -> None:
        """Nothing is left to read."""


class Api:
    """What Karmada's API server would answer, page by page, and what was asked of it."""

    def __init__(self, gone: str = "", none: str = "") -> None:
        self.touched: list[str] = []
        self._gone, self._none = gone, none

    def param_serialize(self, method: str, path: str, **options: Any) -> tuple[str, str, dict[str, Any]]:
        return method, path, options

    def response_deserialize(self, answer: Answer, **_: Any) -> Answer:
        return answer

    def call_api(self, method: str, path: str, options: dict[str, Any], *, _request_timeout: float) -> Answer:
        assert _request_timeout == readiness.REQUEST_TIMEOUT_SECONDS, "an answer may never come"
        if method == "PATCH":
            assert options["body"] == {}, "nothing of the object changes"
            if self._gone and path.endswith(self._gone):
                raise ApiException(status=404)
            self.touched.append(path)
            return Answer({})
        assert options["header_params"]["Accept"].startswith("application/json;as=PartialObjectMetadataList")
        if self._none and path.endswith(self._none):
            return Answer({"metadata": {}, "items": None})
        second = dict(options["query_params"]).get("continue")
        name = f"{path.rpartition('/')[2]}-{'two' if second else 'one'}"
        metadata = {} if second else {"continue": "second"}
        return Answer({"metadata": metadata, "items": [{"metadata": {"namespace": "n", "name": name}}]})


def test_every_page_of_secrets_and_works_is_touched() -> None:
    api = Api()
    assert encryption.rewrite_all(api) == 4  # type: ignore[arg-type]  # the two calls that it makes
    assert api.touched == [
        "/api/v1/namespaces/n/secrets/secrets-one",
        "/api/v1/namespaces/n/secrets/secrets-two",
        "/apis/work.karmada.io/v1alpha1/namespaces/n/works/works-one",
        "/apis/work.karmada.io/v1alpha1/namespaces/n/works/works-two",
    ]


def test_what_goes_meanwhile_needs_no_encryption() -> None:
    api = Api(gone="secrets-one")
    encryption.rewrite_all(api)  # type: ignore[arg-type]  # likewise
    assert len(api.touched) == 3


def test_a_karmada_without_works_is_well() -> None:
    api = Api(none="works")
    assert encryption.rewrite_all(api) == 2  # type: ignore[arg-type]  # likewise


def test_the_keys_are_nowhere_in_the_clear(turned: Graph) -> None:
    for value in values(turned):
        for node in turned.nodes.values():
            assert not contains_unmarked(node.inputs, value), node.urn


def test_a_key_that_an_earlier_fleet_made_is_kept_and_told_and_the_next_is_no_resources_id() -> None:
    """What pulumi-random calls RandomBytes is the id of what it makes, and a state encrypts no id."""
    config = fleet_of(1, layers=["karmada"], karmada={"encryption": TURN})
    before = {"encryption": {"keys": ["first", "next"], "writing": "first"}, "keysInIds": ["first"]}
    graph = build(config, deployed=before)
    assert [node.name for node in graph.of_type(BYTES)] == ["karmada-encryption-key-first"]
    assert base64.b64encode(b"bytes of karmada-encryption-key-first").decode() in values(graph)
    [warning] = [message for message in graph.warned if "karmada.encryption.keys" in message]
    assert "'first'" in warning
    assert "docs/day-two.md#another-key-of-encryption-at-rest" in warning
