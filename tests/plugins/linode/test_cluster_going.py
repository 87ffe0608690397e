"""Clusters that go: behind the provider's back in the middle of an update, and by its own hand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import pytest

from sandbox.plugins.framework import InitializationError, Properties
from sandbox.plugins.linode.api import Api
from tests.plugins.linode.conftest import cluster_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.linode import LinodeApi
    from sandbox.plugins.linode.api import Json
    from tests.plugins.calls import Calls
    from tests.plugins.linode.conftest import Clock

POOL: Final[Properties] = {"type": "g6-standard-2", "count": 1, "label": "workers"}
INPUTS: Final[Properties] = {"k8sVersion": "1.34", "label": "eu", "pools": [POOL], "region": "eu-west"}


def test_an_update_whose_cluster_vanishes_is_told_by_its_own_reason_and_keeps_what_was_recorded(
    slow_account: LinodeApi, api_of_slow_account: Api, clock: Clock
) -> None:
    api = api_of_slow_account
    with pytest.raises(InitializationError) as late:
        cluster_calls(slow_account, timeout=1).create(**INPUTS)
    clock.now += 120
    path = f"/lke/clusters/{late.value.resource_id}"
    recorded = cluster_calls(slow_account).update(late.value.resource_id, INPUTS, late.value.outputs, **INPUTS)

    def vanish() -> None:
        while sum(pool["count"] for pool in api.list(f"{path}/pools")) < 2:
            threading.Event().wait(0.02)
        api.remove(path)

    behind = threading.Thread(target=vanish)
    behind.start()
    with pytest.raises(InitializationError, match=rf"was changed in part, and then: .*{path}/pools") as caught:
        cluster_calls(slow_account).update(
            late.value.resource_id, INPUTS, recorded, **(INPUTS | {"pools": [POOL | {"count": 2}]})
        )
    behind.join()
    assert caught.value.outputs == recorded


def test_deleting_returns_only_when_the_nodes_are_gone_too(
    calls: Calls, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = calls.create(**INPUTS)
    [node] = api.list("/linode/instances")
    listed, looks = Api.list, list[bool]()

    def list_for_a_while(self: Api, asked: str, filters: Mapping[str, Any] | None = None) -> list[Json]:
        """The node's instance outlives its cluster by two looks, as Linode's do by minutes."""
        found = listed(self, asked, filters)
        if asked == "/account/events":
            assert node["id"] in [event["entity"]["id"] for event in found]
            found = [] if len(looks) < 2 else found
            looks.append(not found)
        return found

    monkeypatch.setattr(Api, "list", list_for_a_while)
    calls.delete(created.id)
    assert looks == [True, True, False], "it waits for as long as the node is there, and costs money"
    assert api.list("/lke/clusters") == []
    assert api.list("/linode/instances") == []
