"""Who gets which address, and when an address is given to somebody else."""

from __future__ import annotations

from typing import Any, Final

from sandbox.linode import LinodeApi
from tests.linode.conftest import LinodeUser, client_of, eventually
from tests.linode.test_state import FragileBackend, args

EVERY_ADDRESS: Final = 245
"""How many of a range the account hands out."""


def _nodes(count: int) -> dict[str, Any]:
    """The body of a cluster with so many nodes."""
    sizes = [100] * (count // 100) + [count % 100]
    pools = [{"type": "g6-standard-1", "count": size} for size in sizes if size]
    return {"label": f"of{count}", "region": "eu-west", "k8s_version": "1.35", "node_pools": pools}


def _addresses(user: LinodeUser) -> set[str]:
    return {item["ipv4"][0] for item in user.data("/linode/instances?page_size=500")}


def test_an_address_is_given_again_only_after_the_backend_let_go_of_it() -> None:
    backend = FragileBackend()
    with LinodeApi(args(backend=backend)) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        cluster = user.post("/lke/clusters", _nodes(1))
        [taken] = _addresses(user)
        backend.may_delete = False
        user.delete(f"/lke/clusters/{cluster['id']}")
        user.post("/lke/clusters", _nodes(EVERY_ADDRESS - 1))
        assert taken not in _addresses(user), "the first cluster's machine may still be up"
        user.post("/lke/clusters", _nodes(1), expect=400)
        backend.may_delete = True
        eventually(
            lambda: client.post("/v4/lke/clusters", json=_nodes(1)).status_code == 200,
            "the address is given to another node",
        )
        assert taken in _addresses(user)


def test_an_address_that_was_given_up_is_the_last_to_be_given_again() -> None:
    with LinodeApi(args()) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        had = [user.post("/nodebalancers", {"region": "eu-west"}) for _ in range(3)]
        for one in (had[1], had[0]):
            user.delete(f"/nodebalancers/{one['id']}")
        rest = [user.post("/nodebalancers", {"region": "eu-west"})["ipv4"] for _ in range(EVERY_ADDRESS - 1)]
        assert rest[-2:] == [had[1]["ipv4"], had[0]["ipv4"]], "the one that was free for longest comes first"


def test_a_balancer_that_a_deleted_cluster_left_keeps_its_address_until_it_is_deleted() -> None:
    backend = FragileBackend()
    with LinodeApi(args(backend=backend)) as api, client_of(api, api.token) as client:
        user = LinodeUser(client=client)
        cluster = user.cluster()
        left = user.post("/nodebalancers", {"region": "eu-west", "tags": [f"lke{cluster['id']}"]})
        user.delete(f"/lke/clusters/{cluster['id']}")
        eventually(lambda: backend.deleted == [cluster["id"]], "the cluster is gone")
        for _ in range(EVERY_ADDRESS - 1):
            assert user.post("/nodebalancers", {"region": "eu-west"})["ipv4"] != left["ipv4"], "two share an address"
        user.post("/nodebalancers", {"region": "eu-west"}, expect=400)
        user.delete(f"/nodebalancers/{left['id']}")
        assert user.post("/nodebalancers", {"region": "eu-west"})["ipv4"] == left["ipv4"], "the address is free again"


def test_more_nodes_than_addresses_are_refused_and_leave_nothing(user: LinodeUser) -> None:
    pools = [{"type": "g6-standard-1", "count": 100}] * 3
    body = {"label": "huge", "region": "eu-west", "k8s_version": "1.35", "node_pools": pools}
    refused = user.post("/lke/clusters", body, expect=400)
    assert "Account Limit reached" in refused["errors"][0]["reason"]
    assert user.data("/lke/clusters") == []
    assert user.data("/linode/instances") == []
    assert user.cluster("small")["label"] == "small"
