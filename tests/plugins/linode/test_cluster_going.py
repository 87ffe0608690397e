"""Clusters that go: behind the provider's back in the middle of an update, and by its own hand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import pytest

from sandbox.plugins.framework import InitializationError, Properties, ProviderError, reveal
from sandbox.plugins.linode.api import Api
from sandbox.plugins.linode.cluster import LkeCluster
from sandbox.plugins.linode.connection import Connection
from sandbox.plugins.linode.settings import resolve
from tests.plugins.calls import Calls
from tests.plugins.linode.conftest import cluster_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.linode import LinodeApi
    from sandbox.plugins.linode.api import Json
    from tests.plugins.linode.conftest import Clock

POOL: Final[Properties] = {"type": "g6-standard-2", "count": 1, "label": "workers"}
INPUTS: Final[Properties] = {"k8sVersion": "1.34", "label": "eu", "pools": [POOL], "region": "eu-west"}


def test_an_update_whose_cluster_vanishes_is_told_by_its_own_reason_and_records_what_was_planned(
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
    with pytest.raises(InitializationError, match=rf"may be changed in part, .*{path}/pools") as caught:
        cluster_calls(slow_account).update(
            late.value.resource_id, INPUTS, recorded, **(INPUTS | {"pools": [POOL | {"count": 2}]})
        )
    behind.join()
    assert reveal(caught.value.outputs)["pools"][0]["count"] == 2


def test_deleting_returns_only_when_events_tell_that_the_nodes_are_gone_too(
    calls: Calls, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = calls.create(**INPUTS)
    [node] = api.list("/linode/instances")
    listed, looks = Api.list, list[bool]()

    def list_for_a_while(self: Api, asked: str, filters: Mapping[str, Any] | None = None) -> list[Json]:
        """The event comes two looks after the cluster is gone, as Linode's do by minutes."""
        found = listed(self, asked, filters)
        if asked == "/account/events":
            found = [] if len(looks) < 2 else found
            looks.append(bool(found))
        return found

    monkeypatch.setattr(Api, "list", list_for_a_while)
    calls.delete(created.id)
    assert looks == [False, False, True], f"it waits for as long as {node['id']} may be there, and costs money"
    assert api.list("/lke/clusters") == []


@pytest.mark.parametrize("what", ["an upgrade", "a deletion"])
def test_a_token_without_events_gets_no_further_than_the_wait_for_nodes(
    account: LinodeApi, api: Api, what: str
) -> None:
    scopes = "lke:read_write linodes:read_write"
    token = api.post("/profile/tokens", {"label": "few", "scopes": scopes})["token"]
    connection = Connection()
    connection.configure(resolve({"token": token, "url": account.url, "eventPollMs": "20", "lkeNodeReadyPollMs": "20"}))
    calls = Calls(LkeCluster(connection), timeout=30)
    created = calls.create(**INPUTS)
    upgraded = INPUTS | {"k8sVersion": "1.35"}
    ends: dict[str, Callable[[], object]] = {
        "an upgrade": lambda: calls.update(created.id, INPUTS, dict(created.outputs), **upgraded),
        "a deletion": lambda: calls.delete(created.id),
    }
    with pytest.raises(ProviderError, match=r"/account/events.*\[401\]"):
        ends[what]()
