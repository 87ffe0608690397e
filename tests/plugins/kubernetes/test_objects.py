"""Objects without a cluster: comparing, recording, owning, hiding."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugins.framework import UNKNOWN, ProviderError, Secret, reveal
from sandbox.plugins.kubernetes.checkpoint import adopted_inputs, recall, record, refreshed_inputs
from sandbox.plugins.kubernetes.differences import difference
from sandbox.plugins.kubernetes.fieldmanagers import handover, without_ignored
from sandbox.plugins.kubernetes.forcenew import IDENTITY, Mutability
from sandbox.plugins.kubernetes.objects import Object, from_properties, prune, to_properties
from sandbox.plugins.kubernetes.redaction import discreet, redact

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(st.sampled_from(["spec", "data", "stringData2", "metadata"]), _JSON)


def _object(kind: str, api_version: str = "v1", **fields: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "default"}, **fields}


def _diff(old: Object, new: Object, **options: Any) -> dict[str, bool]:
    found = difference(
        old,
        new,
        patch=options.get("patch"),
        mutability=options.get("mutability", Mutability()),
        default_namespace=options.get("default_namespace", "default"),
    )
    return {path: change.replaces for path, change in found.properties.items()}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (_object("ConfigMap", data={"a": "1"}), _object("ConfigMap", data={"a": "2"}), {"data.a": True}),
        (_object("Secret", data={"a": "MQ=="}), _object("Secret", stringData={"a": "1"}), {}),
        (_object("Secret", type="Opaque"), _object("Secret", type="other"), {"type": True}),
        (_object("Service", spec={"type": "ClusterIP"}), _object("Service", spec={"type": "NodePort"}),
         {"spec.type": False}),
        (_object("Service", spec={"clusterIP": "1.1.1.1"}), _object("Service", spec={"clusterIP": "None"}),
         {"spec.clusterIP": True}),
        (_object("Job", "batch/v1", spec={"template": {"spec": {"containers": [{"image": "a"}]}}}),
         _object("Job", "batch/v1", spec={"template": {"spec": {"containers": [{"image": "b"}]}}}),
         {"spec.template.spec.containers[0].image": True}),
        (_object("Deployment", "apps/v1", spec={"template": {"spec": {"containers": [{"image": "a"}]}}}),
         _object("Deployment", "apps/v1", spec={"template": {"spec": {"containers": [{"image": "b"}]}}}),
         {"spec.template.spec.containers[0].image": False}),
        (_object("Pod", spec={"containers": [{"image": "a"}]}), _object("Pod", spec={"containers": [{"image": "b"}]}),
         {"spec.containers[0].image": True}),
        (_object("PersistentVolumeClaim", spec={"resources": {"requests": {"storage": "1Gi"}}}),
         _object("PersistentVolumeClaim", spec={"resources": {"requests": {"storage": "2Gi"}}}),
         {"spec.resources.requests.storage": False}),
        (_object("Widget", "example.com/v1", spec={"a": 1}), _object("Widget", "example.com/v1", spec={"a": UNKNOWN}),
         {"spec.a": False}),
    ],
)  # fmt: skip
def test_a_change_replaces_where_the_api_server_would_refuse_it(
    old: Object, new: Object, expected: dict[str, bool]
) -> None:
    assert _diff(old, new) == expected


def test_data_changes_in_place_where_the_provider_allows_it() -> None:
    old, new = _object("ConfigMap", data={"a": "1"}), _object("ConfigMap", data={"a": "2"})
    assert _diff(old, new, mutability=Mutability(config_maps=True)) == {"data.a": False}
    locked = {**new, "immutable": True}
    assert _diff({**old, "immutable": True}, locked, mutability=Mutability(config_maps=True)) == {"data.a": True}


def test_a_fixed_name_is_deleted_before_it_is_replaced() -> None:
    def deletes_first(old: Object, new: Object) -> bool:
        diff = difference(old, new, patch=None, mutability=Mutability(), default_namespace="default")
        return diff.delete_before_replace

    old, new = _object("ConfigMap", data={"a": "1"}), _object("ConfigMap", data={"a": "2"})
    assert deletes_first(old, new)
    autonamed = copy.deepcopy(new)
    autonamed["metadata"]["annotations"] = {"pulumi.com/autonamed": "true"}
    assert not deletes_first(old, autonamed), "the new one gets another name"
    elsewhere = copy.deepcopy(new)
    elsewhere["metadata"]["namespace"] = "other"
    assert not deletes_first(old, elsewhere)


def test_a_missing_namespace_is_the_default_one() -> None:
    old, new = _object("ConfigMap"), _object("ConfigMap")
    del new["metadata"]["namespace"]
    assert _diff(old, new) == {}
    assert _diff(old, new, default_namespace=None) == {}, "a kind without namespaces has none to lose"


def test_only_the_identity_of_a_patch_replaces_it() -> None:
    old, new = _object("Secret", data={"a": "MQ=="}), _object("Secret", data={"a": "Mg=="})
    assert _diff(old, new, patch=IDENTITY) == {"data.a": False}
    new["metadata"]["name"] = "y"
    assert _diff(old, new, patch=IDENTITY) == {"data.a": False, "metadata.name": True}


def test_all_data_of_a_secret_is_recorded_as_secret() -> None:
    live = _object("Secret", data={"a": "MQ=="})
    live["metadata"] |= {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{MQ==}"}}
    outputs = record(live, _object("Secret", stringData={"a": "1"}), field_manager="m", initial_api_version="v1")
    assert isinstance(outputs["data"], Secret)
    assert isinstance(outputs["__inputs"]["stringData"], Secret)
    assert "MQ==" not in repr(outputs)


def test_what_is_secret_in_the_inputs_is_secret_in_the_outputs() -> None:
    inputs = _object("Widget", "example.com/v1", spec={"plain": 1, "list": [Secret("s"), "t"]})
    live = _object("Widget", "example.com/v1", spec={"plain": 1, "list": ["s", "t", "added"], "status": {}})
    outputs = record(live, inputs, field_manager="m", initial_api_version="example.com/v1")
    assert isinstance(outputs["spec"]["list"], Secret), "an element may have moved"
    assert outputs["spec"]["plain"] == 1


@given(live=_OBJECTS, inputs=_OBJECTS)
def test_a_record_is_read_back_as_it_was(live: Object, inputs: Object) -> None:
    live, inputs = ({**_object("Widget", "example.com/v1"), **one} for one in (live, inputs))
    for one in (live, inputs):
        one["metadata"] = {"name": "x"}
    outputs = record(live, inputs, field_manager="m", initial_api_version="example.com/v1")
    found = recall(outputs)
    assert (found.live, found.inputs, found.field_manager) == (live, inputs, "m")


@given(inputs=_OBJECTS, live=_OBJECTS)
def test_what_did_not_change_since_it_was_recorded_did_not_drift(inputs: Object, live: Object) -> None:
    assert refreshed_inputs(inputs, live, copy.deepcopy(live)) == inputs


@given(inputs=_OBJECTS)
def test_whatever_drifts_is_in_the_refreshed_inputs(inputs: Object) -> None:
    recorded = copy.deepcopy(inputs)
    live = {**copy.deepcopy(inputs), "spec": {"drifted": True}}
    expected = {**inputs, "spec": prune(live["spec"], inputs["spec"])} if "spec" in inputs else inputs
    assert refreshed_inputs(inputs, recorded, live) == expected


def test_the_servers_own_spelling_is_no_drift() -> None:
    inputs = {"spec": {"cpu": "0.5", "ports": [{"port": 80}], "empty": {}}}
    recorded = {"spec": {"cpu": "500m", "ports": [{"port": 80, "protocol": "TCP"}]}, "status": {"phase": "New"}}
    live = {"spec": {"cpu": "500m", "ports": [{"port": 81, "protocol": "TCP"}]}, "status": {"phase": "Old"}}
    assert refreshed_inputs(inputs, recorded, live) == {"spec": {"cpu": "0.5", "ports": [{"port": 81}], "empty": {}}}


def test_an_adopted_object_has_no_inputs_that_only_the_server_sets() -> None:
    live = _object("Deployment", "apps/v1", spec={"replicas": 1}, status={"replicas": 1})
    live["metadata"] |= {
        "uid": "u",
        "generation": 3,
        "managedFields": [],
        "annotations": {"deployment.kubernetes.io/revision": "2", "mine": "yes"},
    }
    adopted = reveal(adopted_inputs(live))
    assert adopted["metadata"] == {"name": "x", "namespace": "default", "annotations": {"mine": "yes"}}
    assert "status" not in adopted


def test_the_fields_of_former_managers_change_hands_and_others_stay() -> None:
    entries = [
        {"manager": "pulumi-kubernetes", "operation": "Update", "fieldsV1": {"f:spec": {"f:a": {}, "f:b": {}}}},
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:c": {}}}},
        {"manager": "m", "operation": "Apply", "fieldsV1": {"f:spec": {"f:d": {}}}},
        {"manager": "kubectl", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
        {"manager": "hpa", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    ]
    fields, version = handover({"metadata": {"managedFields": entries, "resourceVersion": "7"}}, "m")
    *others, mine = fields["value"]
    assert [one["manager"] for one in others] == ["kubectl", "hpa"]
    assert (mine["manager"], mine["operation"]) == ("m", "Apply")
    assert mine["fieldsV1"] == {"f:spec": {"f:a": {}, "f:b": {}, "f:c": {}, "f:d": {}}}
    assert version["value"] == "7"
    assert handover({"metadata": {"managedFields": entries[2:]}}, "m") == []


def test_an_ignored_field_is_left_to_its_owner_or_kept_as_it_is() -> None:
    inputs = {"spec": {"replicas": 1, "paused": False}}
    theirs = {"manager": "hpa", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    live = {"spec": {"replicas": 5, "paused": True}, "metadata": {"managedFields": [theirs]}}
    paths = [["spec", "replicas"], ["spec", "paused"]]
    assert without_ignored(inputs, live, "m", paths) == {"spec": {"paused": True}}


def test_the_dashed_fields_of_a_schema_survive_both_ways() -> None:
    schema = {"x_kubernetes_preserve_unknown_fields": True, "items": [{"x_kubernetes_int_or_string": True}]}
    plain = from_properties({"schema": Secret(schema)})
    assert plain["schema"]["x-kubernetes-preserve-unknown-fields"] is True
    assert to_properties(plain) == {"schema": schema}


def test_no_message_quotes_a_secret_in_any_of_its_forms() -> None:
    bag = {"data": Secret({"key": "aGlkZGVuLXRleHQ="}), "other": {"text": Secret("line one\nline two")}}
    text = redact("got aGlkZGVuLXRleHQ= as hidden-text in 'line two'", bag)
    assert text == "got [secret] as [secret] in '[secret]'"
    with pytest.raises(ProviderError, match=r"invalid value \[secret\]"), discreet(bag):
        raise ProviderError("invalid value hidden-text")
