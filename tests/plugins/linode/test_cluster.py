"""LkeCluster against the emulated API: what is asked for is what is there, and what is there is recorded."""

from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sandbox.plugins.framework import (
    UNKNOWN,
    Created,
    InitializationError,
    Properties,
    ProviderError,
    Secret,
    has_unknown,
    reveal,
)
from tests.plugins.linode.conftest import cluster_calls

if TYPE_CHECKING:
    from sandbox.linode import LinodeApi
    from sandbox.plugins.linode.api import Api
    from tests.plugins.calls import Calls
    from tests.plugins.linode.conftest import Clock

_POOL: Properties = {"type": "g6-standard-2", "count": 1, "label": "workers"}


def _inputs(**changes: Any) -> Properties:
    defaults: Properties = {
        "k8sVersion": "1.34",
        "label": "eu",
        "pools": [dict(_POOL)],
        "region": "eu-west",
        "tags": ["fleet"],
    }
    return {name: value for name, value in (defaults | changes).items() if value is not None}


def _outputs(created: Created) -> Properties:
    return dict(created.outputs)


def test_a_new_cluster_is_recorded_with_its_nodes_and_a_secret_kubeconfig(calls: Calls, api: Api) -> None:
    created = calls.create(
        **_inputs(
            controlPlane={
                "highAvailability": True,
                "acl": {"enabled": True, "addresses": [{"ipv4s": ["203.0.113.7/32"]}]},
            },
            pools=[
                _POOL | {"count": 2, "labels": {"tier": "web"}, "tags": ["blue"]},
                {
                    "type": "g6-standard-4",
                    "autoscaler": {"min": 1, "max": 3},
                    "taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}],
                },
            ],
        )
    )
    live = api.get(f"/lke/clusters/{created.id}")
    assert (live["label"], live["region"], live["k8s_version"], live["tags"]) == ("eu", "eu-west", "1.34", ["fleet"])
    outputs = _outputs(created)
    assert isinstance(outputs["kubeconfig"], Secret)
    kubeconfig = yaml.safe_load(base64.b64decode(reveal(outputs["kubeconfig"])))
    assert kubeconfig["clusters"][0]["cluster"]["server"] in outputs["apiEndpoints"]
    assert outputs["controlPlane"]["highAvailability"] is True
    assert outputs["controlPlane"]["acl"] == {
        "addresses": [{"ipv4s": ["203.0.113.7/32"], "ipv6s": []}],
        "enabled": True,
    }
    web, scaled = outputs["pools"]
    assert (web["count"], web["labels"], web["tags"], web["label"]) == (2, {"tier": "web"}, ["blue"], "workers")
    assert {node["status"] for node in web["nodes"]} == {"ready"}
    assert all(api.get(f"/linode/instances/{node['instanceId']}") for node in web["nodes"])
    assert (scaled["count"], scaled["autoscaler"]) == (1, {"min": 1, "max": 3})
    assert scaled["taints"] == [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]


def test_a_preview_knows_no_node_and_no_kubeconfig(calls: Calls) -> None:
    planned = calls.preview(**_inputs(label=UNKNOWN))
    assert planned["kubeconfig"] == Secret(UNKNOWN)
    assert planned["pools"][0]["nodes"] is UNKNOWN
    assert planned["pools"][0]["type"] == "g6-standard-2"
    assert planned["region"] == "eu-west"


def test_the_same_program_changes_nothing_after_a_refresh(calls: Calls) -> None:
    inputs = _inputs(tags=["fleet", "Blue"])
    created = calls.create(**inputs)
    found = calls.read(created.id, inputs, _outputs(created))
    assert found is not None
    assert found.inputs == inputs
    assert found.outputs == created.outputs
    assert calls.diff(dict(found.inputs), _inputs(tags=["blue", "fleet"])).properties == {}


def test_an_import_gives_the_inputs_that_a_program_needs(calls: Calls) -> None:
    created = calls.create(**_inputs())
    found = calls.read(created.id)
    assert found is not None
    given = _inputs()
    diff = calls.diff(dict(found.inputs), given)
    assert diff.properties == {}, found.inputs


def test_drift_shows_as_a_change_of_the_inputs(calls: Calls, api: Api) -> None:
    inputs = _inputs()
    created = calls.create(**inputs)
    pool = created.outputs["pools"][0]["id"]
    api.put(f"/lke/clusters/{created.id}/pools/{pool}", {"count": 3})
    found = calls.read(created.id, inputs, _outputs(created))
    assert found is not None
    assert found.inputs["pools"][0]["count"] == 3
    assert set(calls.diff(dict(found.inputs), inputs).properties) == {"pools[0].count"}


def test_a_cluster_that_somebody_deleted_is_gone(calls: Calls, api: Api) -> None:
    created = calls.create(**_inputs())
    api.remove(f"/lke/clusters/{created.id}")
    _until_gone(api, created.id)
    assert calls.read(created.id, _inputs(), _outputs(created)) is None
    calls.delete(created.id)


def test_pools_are_resized_added_and_removed_in_place(calls: Calls, api: Api) -> None:
    inputs = _inputs()
    created = calls.create(**inputs)
    first = created.outputs["pools"][0]["id"]
    grown = _inputs(pools=[_POOL | {"count": 2}, {"type": "g6-standard-4", "count": 1, "label": "big"}])
    outputs = calls.update(created.id, inputs, _outputs(created), **grown)
    assert [(pool["label"], pool["count"], len(pool["nodes"])) for pool in outputs["pools"]] == [
        ("workers", 2, 2),
        ("big", 1, 1),
    ]
    assert outputs["pools"][0]["id"] == first
    shrunk = calls.update(created.id, grown, outputs, **inputs)
    assert [pool["id"] for pool in shrunk["pools"]] == [first]
    assert [pool["id"] for pool in api.list(f"/lke/clusters/{created.id}/pools")] == [first]


def test_another_type_of_machine_is_another_pool(calls: Calls, api: Api) -> None:
    inputs = _inputs()
    created = calls.create(**inputs)
    changed = _inputs(pools=[_POOL | {"type": "g6-standard-4"}])
    assert calls.diff(inputs, changed).replaces == [], "the cluster stays"
    outputs = calls.update(created.id, inputs, _outputs(created), **changed)
    assert outputs["pools"][0]["type"] == "g6-standard-4"
    assert outputs["pools"][0]["id"] != created.outputs["pools"][0]["id"]
    assert len(api.list(f"/lke/clusters/{created.id}/pools")) == 1


def test_an_autoscalers_nodes_stay_where_nothing_of_their_pool_changes(calls: Calls, api: Api) -> None:
    inputs = _inputs(pools=[_POOL | {"autoscaler": {"min": 1, "max": 5}}])
    created = calls.create(**inputs)
    api.put(_pool_path(created), {"count": 4})
    outputs = calls.update(created.id, inputs, _outputs(created), **(inputs | {"label": "renamed"}))
    assert (outputs["label"], outputs["pools"][0]["count"]) == ("renamed", 4)


def test_an_autoscalers_nodes_go_with_any_change_of_their_pool_as_with_the_original(calls: Calls, api: Api) -> None:
    inputs = _inputs(pools=[_POOL | {"autoscaler": {"min": 1, "max": 5}}])
    created = calls.create(**inputs)
    api.put(_pool_path(created), {"count": 4})
    labelled = _inputs(pools=[inputs["pools"][0] | {"labels": {"tier": "web"}}])
    outputs = calls.update(created.id, inputs, _outputs(created), **labelled)
    assert (outputs["pools"][0]["labels"], outputs["pools"][0]["count"]) == ({"tier": "web"}, 1), "the recorded count"


def test_a_pool_is_known_by_its_place_in_the_state_and_by_no_name(calls: Calls, api: Api) -> None:
    main, batch = dict(_POOL), _POOL | {"label": "batch", "labels": {"tier": "batch"}}
    inputs = _inputs(pools=[main, batch])
    created = calls.create(**inputs)
    outputs = calls.update(created.id, inputs, _outputs(created), **_inputs(pools=[batch]))
    [left] = api.list(f"/lke/clusters/{created.id}/pools")
    assert (left["id"], left["label"]) == (created.outputs["pools"][0]["id"], "batch")
    assert [pool["id"] for pool in outputs["pools"]] == [left["id"]]


def test_an_upgrade_replaces_every_node(calls: Calls) -> None:
    inputs = _inputs(pools=[_POOL | {"count": 2}])
    created = calls.create(**inputs)
    outputs = calls.update(created.id, inputs, _outputs(created), **(inputs | {"k8sVersion": "1.35"}))
    assert outputs["k8sVersion"] == "1.35"
    before, after = ({node["id"] for node in one["pools"][0]["nodes"]} for one in (created.outputs, outputs))
    assert (len(after), before & after) == (2, set())


@pytest.mark.parametrize(
    ("change", "path"),
    [({"region": "us-west"}, "region"), ({"tier": "enterprise"}, "tier"), ({"aplEnabled": True}, "aplEnabled")],
)
def test_what_cannot_be_changed_replaces_the_cluster(calls: Calls, change: Properties, path: str) -> None:
    assert calls.diff(_inputs(), _inputs(**change)).replaces == [path]


def test_to_stop_giving_what_the_provider_fills_in_is_no_change(calls: Calls) -> None:
    old = _inputs(controlPlane={"highAvailability": True}, pools=[_POOL | {"firewallId": 7}])
    assert calls.diff(old, _inputs(tags=None)).properties == {}


def test_the_apis_reasons_reach_the_user_with_their_fields(calls: Calls) -> None:
    with pytest.raises(ProviderError, match=r"^Linode: POST /v4/lke/clusters: \[400\] .*region") as caught:
        calls.create(**_inputs(region="nowhere"))
    assert not isinstance(caught.value, InitializationError)


def test_a_cluster_whose_nodes_are_late_is_recorded_and_completed_by_the_next_update(
    slow_account: LinodeApi, clock: Clock
) -> None:
    inputs = _inputs()
    with pytest.raises(InitializationError, match="waiting for a first node to be ready after 1 s") as caught:
        cluster_calls(slow_account, timeout=1).create(**inputs)
    recorded = caught.value.outputs
    assert [pool["label"] for pool in recorded["pools"]] == ["workers"]
    clock.now += 120
    outputs = cluster_calls(slow_account).update(caught.value.resource_id, inputs, recorded, **inputs)
    assert outputs["pools"][0]["id"] == recorded["pools"][0]["id"]
    assert [node["status"] for node in outputs["pools"][0]["nodes"]] == ["ready"]


def test_an_interrupted_creation_is_recorded(slow_account: LinodeApi) -> None:
    calls = cluster_calls(slow_account)
    threading.Timer(0.5, calls.cancellation.request).start()
    with pytest.raises(InitializationError, match="was created, but: cancelled") as caught:
        calls.create(**_inputs())
    assert caught.value.resource_id.isdecimal()


def test_what_came_in_secret_stays_secret(calls: Calls) -> None:
    created = calls.create(**_inputs(label=Secret("hidden-label")))
    assert created.outputs["label"] == Secret("hidden-label")


def test_pools_of_other_resources_are_left_alone(calls: Calls, api: Api) -> None:
    inputs = _inputs(externalPoolTags=["theirs"])
    created = calls.create(**inputs)
    api.post(f"/lke/clusters/{created.id}/pools", {"type": "g6-standard-2", "count": 1, "tags": ["theirs"]})
    found = calls.read(created.id, inputs, _outputs(created))
    assert found is not None
    assert len(found.outputs["pools"]) == 1
    assert calls.diff(dict(found.inputs), inputs).properties == {}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"pools": []}, "pools"),
        ({"pools": [{"type": "g6-standard-2"}]}, "pools[0].count"),
        ({"pools": [_POOL | {"count": 0}]}, "pools[0].count"),
        ({"pools": [_POOL | {"taints": [{"key": "a", "value": "b", "effect": "Never"}]}]}, "pools[0].taints[0].effect"),
        ({"pools": [_POOL | {"updateStrategy": "on_recycle"}]}, "pools[0].updateStrategy"),
        ({"pools": [_POOL | {"nodes": []}]}, "pools[0].nodes"),
        ({"stackType": "ipv6"}, "stackType"),
        (
            {"controlPlane": {"acl": {"enabled": False, "addresses": [{"ipv4s": ["192.0.2.1"]}]}}},
            "controlPlane.acl.addresses",
        ),
        ({"region": None}, "region"),
    ],
)
def test_unacceptable_inputs_are_named_before_anything_is_asked(calls: Calls, change: Properties, path: str) -> None:
    assert [failure.path for failure in calls.check(**_inputs(**change))] == [path]


def test_unknown_inputs_are_accepted_in_a_preview(calls: Calls) -> None:
    inputs = _inputs(pools=UNKNOWN, tier=UNKNOWN, controlPlane=UNKNOWN)
    assert calls.check(**inputs) == []
    assert has_unknown(calls.preview(**inputs)["pools"])


def _pool_path(created: Created) -> str:
    return f"/lke/clusters/{created.id}/pools/{created.outputs['pools'][0]['id']}"


def _until_gone(api: Api, cluster_id: str) -> None:
    for _ in range(500):
        if api.find(f"/lke/clusters/{cluster_id}") is None:
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"cluster {cluster_id} is still there")
