"""Pools that the state has and Linode has not, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from sandbox.plugins.framework import Created, Found, InitializationError, Properties

if TYPE_CHECKING:
    from sandbox.plugins.linode.api import Api
    from tests.plugins.calls import Calls

_POOL: Final[Properties] = {"type": "g6-standard-2", "count": 1, "label": "workers"}


def _inputs(**changes: Any) -> Properties:
    return {"k8sVersion": "1.34", "label": "eu", "pools": [dict(_POOL)], "region": "eu-west"} | changes


def _outputs(created: Created) -> Properties:
    return dict(created.outputs)


def _without_the_second(calls: Calls, api: Api, *pools: Properties) -> Found:
    """A cluster whose second pool somebody has deleted, as a refresh records it."""
    inputs = _inputs(pools=list(pools))
    created = calls.create(**inputs)
    ids = [pool["id"] for pool in created.outputs["pools"]]
    api.delete(f"/lke/clusters/{created.id}/pools/{ids[1]}")
    found = calls.read(created.id, inputs, _outputs(created))
    assert found is not None
    assert [pool["id"] for pool in found.outputs["pools"]] == [ids[0], 0, *ids[2:]]
    return found


def test_a_refused_update_is_recorded_as_if_it_were_done_until_a_refresh(calls: Calls, api: Api) -> None:
    inputs = _inputs()
    created = calls.create(**inputs)
    big = _POOL | {"label": "big"}
    wanted = _inputs(pools=[dict(_POOL), big | {"type": "g6-nothing"}])
    with pytest.raises(InitializationError, match="may be changed in part") as caught:
        calls.update(created.id, inputs, _outputs(created), **wanted)
    recorded = caught.value.outputs
    assert [pool["label"] for pool in recorded["pools"]] == ["workers", "big"]
    calls.update(created.id, wanted, recorded, **wanted)
    assert len(api.list(f"/lke/clusters/{created.id}/pools")) == 1, "nothing seems to be missing"
    found = calls.read(created.id, wanted, recorded)
    assert found is not None
    assert [pool.get("label") for pool in found.outputs["pools"]] == ["workers", None], "the place stays, and is empty"
    again = calls.read(created.id, dict(found.inputs), dict(found.outputs))
    assert again is not None
    assert again.outputs["pools"] == found.outputs["pools"], "also after the next refresh"
    made = calls.update(created.id, dict(found.inputs), dict(found.outputs), **_inputs(pools=[dict(_POOL), big]))
    assert [pool["label"] for pool in made["pools"]] == ["workers", "big"]


def test_a_pool_after_one_that_is_gone_is_made_anew_unless_it_is_given_its_own_disk_encryption(
    calls: Calls, api: Api
) -> None:
    main, gone, batch = dict(_POOL), _POOL | {"label": "gone"}, _POOL | {"label": "batch"}
    found = _without_the_second(calls, api, main, gone, batch)
    number = found.outputs["pools"][2]["id"]
    for pool, stays in ((batch | {"diskEncryption": "disabled"}, True), (batch, False)):
        outputs = calls.update(found.id, dict(found.inputs), dict(found.outputs), **_inputs(pools=[main, pool]))
        assert (number in [live["id"] for live in outputs["pools"]]) == stays


def test_a_pool_after_one_that_is_gone_is_sent_its_count_although_nothing_of_it_changes(calls: Calls, api: Api) -> None:
    main, gone = dict(_POOL), _POOL | {"label": "gone"}
    batch = _POOL | {"label": "batch", "diskEncryption": "disabled", "autoscaler": {"min": 1, "max": 5}}
    found = _without_the_second(calls, api, main, gone, batch)
    api.put(f"/lke/clusters/{found.id}/pools/{found.outputs['pools'][2]['id']}", {"count": 4})
    outputs = calls.update(found.id, dict(found.inputs), dict(found.outputs), **_inputs(pools=[main, batch]))
    assert [(pool.get("label"), pool["count"]) for pool in outputs["pools"]] == [("workers", 1), ("batch", 1)]


def test_a_pool_that_is_in_no_config_goes_with_the_next_update_once_the_state_has_it(calls: Calls, api: Api) -> None:
    inputs = _inputs()
    created = calls.create(**inputs)
    api.post(f"/lke/clusters/{created.id}/pools", {"type": "g6-standard-2", "count": 1, "label": "left"})
    assert calls.diff(inputs, inputs, _outputs(created)).properties == {}
    outputs = calls.update(created.id, inputs, _outputs(created), **(inputs | {"label": "renamed"}))
    assert [pool["label"] for pool in outputs["pools"]] == ["workers", "left"]
    assert set(calls.diff(inputs, inputs, outputs).properties) == {"pools[1]"}
    outputs = calls.update(created.id, inputs, outputs, **inputs)
    assert [pool["label"] for pool in outputs["pools"]] == ["workers"]
