"""Object Storage: endpoints, buckets and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.linode import UNLIMITED, AccessToken, LinodeApi, LinodeApiArgs
from tests.linode.conftest import LinodeUser, client_of, problems

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = {"label": "fleet-state", "region": "us-east"}


@pytest.fixture
def reader() -> Iterator[LinodeUser]:
    """Someone whose token may only read Object Storage."""
    token = AccessToken(secret="r" * 64, scopes="object_storage:read_only")
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED, tokens=(token,))) as api, client_of(api, token.secret) as client:
        yield LinodeUser(client=client)


def test_a_bucket_is_made_listed_and_removed(user: LinodeUser) -> None:
    made = user.post("/object-storage/buckets", BUCKET)
    assert made["hostname"] == "fleet-state.us-east-1.linodeobjects.com"
    assert (made["s3_endpoint"], made["endpoint_type"]) == ("us-east-1.linodeobjects.com", "E0")
    assert user.data("/object-storage/buckets") == user.data("/object-storage/buckets/us-east") == [made]
    assert user.data("/object-storage/buckets/us-ord") == []
    assert user.get("/object-storage/buckets/us-east/fleet-state") == made
    user.delete("/object-storage/buckets/us-east/fleet-state")
    user.get("/object-storage/buckets/us-east/fleet-state", expect=404)


def test_making_a_bucket_twice_answers_with_the_first(user: LinodeUser) -> None:
    first = user.post("/object-storage/buckets", BUCKET)
    assert user.post("/object-storage/buckets", BUCKET) == first
    assert len(user.data("/object-storage/buckets")) == 1


def test_a_label_is_taken_within_its_region_only(user: LinodeUser) -> None:
    user.post("/object-storage/buckets", BUCKET)
    user.post("/object-storage/buckets", {**BUCKET, "region": "us-ord"})
    assert len(user.data("/object-storage/buckets")) == 2


def test_the_endpoint_type_chooses_among_a_regions_endpoints(user: LinodeUser) -> None:
    made = user.post("/object-storage/buckets", {**BUCKET, "region": "us-ord", "endpoint_type": "E3"})
    assert made["s3_endpoint"] == "us-ord-10.linodeobjects.com"
    refused = user.post("/object-storage/buckets", {**BUCKET, "endpoint_type": "E3"}, expect=400)
    assert problems(refused) == {"endpoint_type": "endpoint_type is not valid"}


def test_the_older_name_of_a_region_is_understood(user: LinodeUser) -> None:
    made = user.post("/object-storage/buckets", {"label": "fleet-state", "cluster": "us-east-1"})
    assert made["region"] == "us-east"
    assert user.get("/object-storage/clusters/us-east-1")["region"] == "us-east"
    user.get("/object-storage/clusters/mars-1", expect=404)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"label": "fleet-state"}, {"region"}),
        ({"region": "us-east"}, {"label"}),
        ({"label": "fleet-state", "region": "mars"}, {"region"}),
        ({"label": "fleet-state", "region": "eu-west"}, {"region"}),  # a region without Object Storage
        ({"label": "ab", "region": "us-east"}, {"label"}),
        ({"label": "two--dashes", "region": "us-east"}, {"label"}),
        ({"label": "ends-", "region": "us-east"}, {"label"}),
        ({"label": "l" * 64, "region": "us-east"}, {"label"}),
        ({**BUCKET, "acl": "everyone"}, {"acl"}),
        ({**BUCKET, "cors_enabled": "yes"}, {"cors_enabled"}),
    ],
)
def test_a_mistake_is_refused_with_its_field(careless_user: LinodeUser, body: dict[str, Any], fields: set[str]) -> None:
    assert problems(careless_user.post("/object-storage/buckets", body, expect=400)).keys() == fields
    assert careless_user.data("/object-storage/buckets") == []


def test_a_keys_secret_is_told_once(user: LinodeUser) -> None:
    made = user.post("/object-storage/keys", {"label": "state"})
    assert len(made["secret_key"]) == 40
    assert not made["limited"]
    for answer in (user.get(f"/object-storage/keys/{made['id']}"), *user.data("/object-storage/keys")):
        assert answer == {**made, "secret_key": "[REDACTED]"}


def test_a_limited_key_names_its_buckets_and_their_regions(user: LinodeUser) -> None:
    user.post("/object-storage/buckets", BUCKET)
    access = {"region": "us-east", "bucket_name": "fleet-state", "permissions": "read_write"}
    made = user.post("/object-storage/keys", {"label": "state", "bucket_access": [access]})
    assert made["limited"]
    assert made["bucket_access"] == [{**access, "cluster": "us-east-1"}]
    assert [region["s3_endpoint"] for region in made["regions"]] == ["us-east-1.linodeobjects.com"]
    refused = user.put(f"/object-storage/keys/{made['id']}", {"regions": ["us-ord"]}, expect=400)
    assert problems(refused).keys() == {"regions"}, "a limited key keeps the regions of its buckets"
    changed = user.put(f"/object-storage/keys/{made['id']}", {"label": "ci", "regions": ["us-east", "us-ord"]})
    assert (changed["label"], len(changed["regions"])) == ("ci", 3)


def test_a_key_to_a_bucket_that_is_not_there_is_refused(user: LinodeUser) -> None:
    grants = [
        {"region": "us-east", "bucket_name": "nobodys", "permissions": "read_only"},
        {"region": "mars", "bucket_name": "nobodys", "permissions": "read_only"},
    ]
    refused = problems(user.post("/object-storage/keys", {"label": "k", "bucket_access": grants}, expect=400))
    assert refused.keys() == {"bucket_access[0].bucket_name", "bucket_access[1].region"}
    body = {"label": "k", "bucket_access": [{**grants[0], "permissions": "all"}], "regions": "us-east"}
    refused = problems(user.post("/object-storage/keys", body, expect=400))
    assert refused.keys() == {"bucket_access[0].permissions", "regions"}
    assert user.data("/object-storage/keys") == []


def test_a_revoked_key_is_gone_and_the_account_says_so(user: LinodeUser) -> None:
    made = user.post("/object-storage/keys", {"label": "state"})
    user.delete(f"/object-storage/keys/{made['id']}")
    missing = user.get(f"/object-storage/keys/{made['id']}", expect=404)
    assert problems(missing) == {None: "The specified access key was not found."}
    assert [event["action"] for event in user.data("/account/events")] == [
        "obj_access_key_delete",
        "obj_access_key_create",
    ]


def test_reading_does_not_suffice_for_writing(reader: LinodeUser) -> None:
    assert {entry["region"] for entry in reader.data("/object-storage/endpoints")} >= {"us-east", "us-ord"}
    reader.post("/object-storage/buckets", BUCKET, expect=401)
    reader.post("/object-storage/keys", {"label": "state"}, expect=401)
