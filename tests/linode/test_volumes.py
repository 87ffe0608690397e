"""Volumes, as a storage driver uses them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.linode.conftest import LinodeUser, problems


def test_a_volume_is_attached_detached_and_deleted(user: LinodeUser) -> None:
    user.cluster()
    node = user.data("/linode/instances")[0]
    volume = user.post("/volumes", {"label": "pvc1", "region": "eu-west", "size": 10})
    path = f"/volumes/{volume['id']}"
    assert (volume["linode_id"], volume["io_ready"]) == (None, False)
    assert volume["filesystem_path"] == "/dev/disk/by-id/scsi-0Linode_Volume_pvc1"

    attached = user.post(f"{path}/attach", {"linode_id": node["id"]})
    assert (attached["linode_id"], attached["linode_label"], attached["io_ready"]) == (node["id"], node["label"], True)
    user.delete(path, expect=400)
    user.post(f"{path}/detach")
    assert user.get(path)["linode_id"] is None
    user.delete(path)
    user.get(path, expect=404)


def test_a_volume_is_on_one_linode_of_its_region_at_a_time(user: LinodeUser) -> None:
    user.cluster("eu", count=2)
    user.cluster("ap", region="ap-south")
    first, second, far = user.data("/linode/instances")
    volume = user.post("/volumes", {"label": "pvc1", "linode_id": first["id"]})
    assert volume["region"] == "eu-west"
    path = f"/volumes/{volume['id']}/attach"
    assert problems(user.post(path, {"linode_id": second["id"]}, expect=400)).keys() == {"linode_id"}
    user.post(f"/volumes/{volume['id']}/detach")
    assert problems(user.post(path, {"linode_id": far["id"]}, expect=400)).keys() == {"linode_id"}
    assert problems(user.post(path, {"linode_id": 1}, expect=400)).keys() == {"linode_id"}
    user.post(path, {"linode_id": second["id"]})


def test_a_removed_node_leaves_its_volume_behind_and_so_does_the_cluster(user: LinodeUser) -> None:
    cluster = user.cluster(count=2)
    node = user.data("/linode/instances")[1]
    volume = user.post("/volumes", {"label": "pvc1", "linode_id": node["id"]})
    pool = user.data(f"/lke/clusters/{cluster['id']}/pools")[0]
    user.put(f"/lke/clusters/{cluster['id']}/pools/{pool['id']}", {"count": 1})
    assert user.get(f"/volumes/{volume['id']}")["linode_id"] is None
    user.delete(f"/lke/clusters/{cluster['id']}")
    assert [item["id"] for item in user.data("/volumes")] == [volume["id"]]
    user.delete(f"/volumes/{volume['id']}")
    assert user.data("/volumes") == []


def test_volumes_grow_and_never_shrink(user: LinodeUser) -> None:
    volume = user.post("/volumes", {"label": "pvc1", "region": "eu-west", "size": 20})
    assert user.post(f"/volumes/{volume['id']}/resize", {"size": 30})["size"] == 30
    assert problems(user.post(f"/volumes/{volume['id']}/resize", {"size": 20}, expect=400)).keys() == {"size"}


def test_a_clone_is_a_volume_of_its_own(user: LinodeUser) -> None:
    volume = user.post("/volumes", {"label": "pvc1", "region": "eu-west", "size": 20})
    clone = user.post(f"/volumes/{volume['id']}/clone", {"label": "pvc2"})
    assert (clone["label"], clone["size"]) == ("pvc2", 20)
    assert clone["id"] != volume["id"]
    assert user.put(f"/volumes/{clone['id']}", {"label": "pvc3", "tags": ["mesh"]})["tags"] == ["mesh"]
    assert user.get(f"/volumes/{volume['id']}")["label"] == "pvc1"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"label": "pvc1"}, {"region", "linode_id"}),
        ({"label": "pvc1", "region": "mars"}, {"region"}),
        ({"label": "pvc1", "linode_id": 1}, {"linode_id"}),
        ({"label": "pvc1", "linode_id": 2**70}, {"linode_id"}),
        ({"region": "eu-west"}, {"label"}),
        ({"label": "no spaces", "region": "eu-west"}, {"label"}),
        ({"label": "double--dash", "region": "eu-west"}, {"label"}),
        ({"label": "l" * 33, "region": "eu-west"}, {"label"}),
        ({"label": "pvc1", "region": "eu-west", "size": 9}, {"size"}),
        ({"label": "pvc1", "region": "eu-west", "size": 16385}, {"size"}),
    ],
)
def test_a_mistake_is_refused_with_its_field(careless_user: LinodeUser, body: dict[str, Any], fields: set[str]) -> None:
    assert problems(careless_user.post("/volumes", body, expect=400)).keys() == fields
    assert careless_user.data("/volumes") == []


def test_labels_are_unique(user: LinodeUser) -> None:
    user.post("/volumes", {"label": "pvc1", "region": "eu-west"})
    other = user.post("/volumes", {"label": "pvc2", "region": "eu-west"})
    assert problems(user.post("/volumes", {"label": "pvc1", "region": "eu-west"}, expect=400)).keys() == {"label"}
    assert problems(user.put(f"/volumes/{other['id']}", {"label": "pvc1"}, expect=400)).keys() == {"label"}
