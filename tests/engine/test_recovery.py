"""What a killed engine leaves in the state, and by which ids it is found again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.engine.recovery import Pending, identity_of, pending_creations, taken_over

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def exported(*operations: dict[str, Any]) -> dict[str, Any]:
    root = {"urn": "urn:pulumi:dev::fleet::pulumi:pulumi:Stack::fleet-dev", "type": "pulumi:pulumi:Stack"}
    return {"deployment": {"resources": [root], "pending_operations": list(operations)}}


def operation(kind: str, resource_type: str, **inputs: Any) -> dict[str, Any]:
    return {"type": kind, "resource": {"urn": f"urn::{resource_type}::x", "type": resource_type, "inputs": inputs}}


def known(label: str) -> str | None:
    return {"eu-x4f2": "100001"}.get(label)


def identity(resource_type: str, **inputs: Any) -> str | None:
    return identity_of(Pending(urn="x", type=resource_type, inputs=inputs), known)


def test_only_creations_are_looked_for() -> None:
    state = exported(operation("creating", "a:b:C", name="n"), operation("updating", "a:b:D"))
    assert [(found.type, found.inputs) for found in pending_creations(state)] == [("a:b:C", {"name": "n"})]


def test_a_state_without_unfinished_business_has_none() -> None:
    assert list(pending_creations({"deployment": {"resources": []}})) == []


def test_names_that_are_secret_are_read_too() -> None:
    state = exported(operation("creating", "a:b:C", label=SECRET | {"plaintext": json.dumps("eu-x4f2")}))
    assert [found.inputs for found in pending_creations(state)] == [{"label": "eu-x4f2"}]


def test_a_cluster_is_found_by_its_label_if_it_is_there() -> None:
    assert identity("linode:index/lkeCluster:LkeCluster", label="eu-x4f2") == "100001"
    assert identity("linode:index/lkeCluster:LkeCluster", label="us-x4f2") is None


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [({"namespace": "default", "name": "hello"}, "default/hello"), ({"name": "karmada-es-eu"}, "karmada-es-eu")],
)
def test_an_object_is_found_by_its_namespace_and_name(metadata: dict[str, str], expected: str) -> None:
    assert identity("kubernetes:core/v1:Service", metadata=metadata) == expected


def test_a_release_is_found_by_its_namespace_and_name() -> None:
    found = identity("kubernetes:helm.sh/v3:Release", namespace="karmada-system", name="karmada")
    assert found == "karmada-system/karmada"


def test_what_exists_in_the_state_alone_is_made_anew() -> None:
    assert identity("tls:index/privateKey:PrivateKey", algorithm="RSA") is None
    assert identity("pulumi:providers:kubernetes", kubeconfig="...") is None


def test_what_was_found_becomes_a_resource_with_its_id_and_the_rest_is_forgotten() -> None:
    state = exported(
        operation("creating", "a:b:Found", name="f"), operation("creating", "a:b:Lost"), operation("updating", "a:b:D")
    )
    taken = taken_over(state, {"urn::a:b:Found::x": "7"})["deployment"]
    assert "pending_operations" not in taken
    assert taken["resources"][1:] == [
        {"urn": "urn::a:b:Found::x", "type": "a:b:Found", "inputs": {"name": "f"}, "id": "7"}
    ]
