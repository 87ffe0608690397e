"""The account: who asks, with what rights, how often, and what happened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from sandbox.linode import UNLIMITED, AccessToken, LinodeApi, LinodeApiArgs, RateLimits
from sandbox.linode.auth import Scopes
from sandbox.linode.limits import Bucket, RateLimiter
from tests.linode.conftest import Clock, LinodeUser, client_of, problems

if TYPE_CHECKING:
    from collections.abc import Iterator

READER = AccessToken(secret="r" * 64, scopes="lke:read_only", label="reader")


@pytest.fixture(scope="module")
def shared() -> Iterator[LinodeApi]:
    """An account with an administrator's token and one that may only read clusters."""
    with LinodeApi(LinodeApiArgs(tokens=(AccessToken(secret="a" * 64), READER))) as running:
        yield running


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer wrong", "Basic YTpi", "a" * 64, "Bearer \x80"])
def test_a_missing_and_a_wrong_token_are_refused_alike(shared: LinodeApi, authorization: str | None) -> None:
    headers = {} if authorization is None else {b"Authorization": authorization.encode("latin-1")}
    answer = httpx.get(f"{shared.url}/v4/profile", headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"errors": [{"reason": "Invalid Token"}]}
    assert answer.headers["X-OAuth-Scopes"] == "unknown"


def test_a_wrong_token_is_refused_even_where_none_is_needed(shared: LinodeApi) -> None:
    assert httpx.get(f"{shared.url}/v4/regions").status_code == 200
    assert httpx.get(f"{shared.url}/v4/regions", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_token_may_do_what_its_scopes_say_and_no_more(shared: LinodeApi) -> None:
    with client_of(shared, READER.secret) as reader:
        assert reader.get("/v4/lke/clusters").status_code == 200
        assert reader.get("/v4/profile").status_code == 200, "the profile needs a token, but no scope"
        for method, path in [
            ("POST", "/v4/lke/clusters"),
            ("GET", "/v4/lke/clusters/1/kubeconfig"),
            ("GET", "/v4/linode/instances"),
            ("GET", "/v4/account"),
            ("GET", "/v4/profile/tokens"),
            ("GET", "/v4/nodebalancers"),
            ("DELETE", "/v4/volumes/1"),
        ]:
            answer = reader.request(method, path)
            assert answer.status_code == 401, f"{method} {path}"
            assert problems(answer.json()) == {None: "Your OAuth token is not authorized to use this endpoint."}
            assert answer.headers["X-OAuth-Scopes"] == "lke:read_only"
            assert answer.headers["X-Accepted-OAuth-Scopes"] != "*"


@pytest.mark.parametrize("text", ["", "lke", "lke:all", "lke:read_only *", "moon:read_only", "LKE:read_only"])
def test_scopes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        Scopes.parse(text)


def test_every_answer_tells_its_request_specification_and_limits(shared: LinodeApi) -> None:
    with client_of(shared, "a" * 64) as client:
        answers = [client.get(path) for path in ("/v4/regions", "/v4/nowhere", "/v4/lke/clusters/1", "/nowhere")]
    for answer in answers:
        for header in (
            "X-Spec-Version",
            "X-RateLimit-Limit",
            "X-RateLimit-Remaining",
            "X-RateLimit-Reset",
            "Retry-After",
        ):
            assert header in answer.headers, f"{answer.url} has no {header}"
    assert len({answer.headers["X-Request-ID"] for answer in answers}) == len(answers)


def test_an_unknown_method_is_refused_with_those_that_there_are(shared: LinodeApi) -> None:
    answer = httpx.post(f"{shared.url}/v4/regions", json={})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert "errors" in answer.json()
    assert httpx.request("BREW", f"{shared.url}/v4/lke/clusters").status_code == 405


def test_head_and_options_work_as_for_a_browser(shared: LinodeApi) -> None:
    head = httpx.head(f"{shared.url}/v4/regions")
    assert (head.status_code, head.content) == (200, b"")
    options = httpx.options(f"{shared.url}/v4/lke/clusters")
    assert options.status_code == 200
    assert "X-Filter" in options.headers["Access-Control-Allow-Headers"]


def test_a_body_larger_than_any_request_is_refused(shared: LinodeApi) -> None:
    with client_of(shared, "a" * 64) as client:
        answer = client.post("/v4/lke/clusters", content=b"[" + b" " * (1 << 20))
    assert (answer.status_code, problems(answer.json())) == (413, {None: "Request body is too large"})


def test_too_many_requests_are_refused_with_the_time_to_wait() -> None:
    limits = RateLimits(per_window={Bucket.LISTS: 2, Bucket.OTHERS: 100, Bucket.VOLUMES: 100}, window=3600)
    with LinodeApi(LinodeApiArgs(limits=limits, tokens=(AccessToken(secret="a" * 64), READER))) as api:
        with client_of(api, "a" * 64) as client:
            answers = [client.get("/v4/lke/clusters") for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
            assert problems(answers[-1].json()) == {None: "Too many requests"}
            assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
            assert client.get("/v4/profile").status_code == 200, "other endpoints have limits of their own"
        with client_of(api, READER.secret) as reader:
            assert reader.get("/v4/lke/clusters").status_code == 200, "each token has limits of its own"


def test_a_token_can_have_limits_of_its_own_kind() -> None:
    none_at_all = RateLimits(per_window=dict.fromkeys(Bucket, 0))
    free = AccessToken(secret="b" * 64, limits=UNLIMITED)
    with LinodeApi(LinodeApiArgs(limits=none_at_all, tokens=(AccessToken(secret="a" * 64), free))) as api:
        with client_of(api, "a" * 64) as client:
            assert client.get("/v4/lke/clusters").status_code == 429
        with client_of(api, free.secret) as client:
            assert client.get("/v4/lke/clusters").status_code == 200


def test_a_new_window_starts_from_nothing() -> None:
    clock = Clock(now=30)
    limiter = RateLimiter(RateLimits(per_window={Bucket.OTHERS: 1}, window=60), clock=clock)
    assert limiter.count("me", Bucket.OTHERS).allowed
    refused = limiter.count("me", Bucket.OTHERS)
    assert (refused.allowed, refused.headers["Retry-After"], refused.headers["X-RateLimit-Reset"]) == (
        False,
        "30",
        "60",
    )
    clock.now = 60
    assert limiter.count("me", Bucket.OTHERS).allowed


def test_a_token_is_shown_whole_only_once_and_works_until_deleted(api: LinodeApi, user: LinodeUser) -> None:
    made = user.post("/profile/tokens", {"label": "ci", "scopes": "lke:read_write linodes:read_only"})
    with client_of(api, made["token"]) as client:
        assert client.get("/v4/lke/clusters").status_code == 200
        listed = {token["label"]: token for token in user.data("/profile/tokens")}["ci"]
        assert listed["token"] == made["token"][:16]
        assert user.put(f"/profile/tokens/{made['id']}", {"label": "robot"})["label"] == "robot"
        assert user.get(f"/profile/tokens/{made['id']}")["token"] == made["token"][:16]
        user.delete(f"/profile/tokens/{made['id']}")
        assert client.get("/v4/lke/clusters").status_code == 401
    user.get(f"/profile/tokens/{made['id']}", expect=404)


def test_a_token_past_its_expiry_is_refused(api: LinodeApi, user: LinodeUser) -> None:
    made = user.post("/profile/tokens", {"label": "old", "scopes": "*", "expiry": "2001-01-01T00:00:00"})
    with client_of(api, made["token"]) as client:
        assert client.get("/v4/profile").status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": "moon:read_only"}, "scopes"),
        ({"scopes": ""}, "scopes"),
        ({"expiry": "tomorrow"}, "expiry"),
        ({"label": ""}, "label"),
        ({"label": "l" * 101}, "label"),
    ],
)
def test_a_token_with_mistakes_is_refused(user: LinodeUser, body: dict[str, str], field: str) -> None:
    assert problems(user.post("/profile/tokens", body, expect=400)).keys() == {field}


def test_events_tell_what_happened_newest_first(user: LinodeUser) -> None:
    cluster = user.cluster("eu")
    user.delete(f"/lke/clusters/{cluster['id']}")
    actions = [event["action"] for event in user.data("/account/events")]
    assert actions[0] == "lke_cluster_delete"
    assert actions[-1] == "lke_cluster_create"
    wanted = {"action": "lke_cluster_create", "entity.type": "lkecluster", "entity.id": cluster["id"]}
    (event,) = user.data("/account/events", x_filter=json.dumps(wanted))
    assert event["entity"]["label"] == "eu"
    assert event["seen"] is False
    user.post(f"/account/events/{event['id']}/seen")
    assert user.get(f"/account/events/{event['id']}")["seen"] is True
    assert user.data("/account/events")[0]["seen"] is False, "later events are still unseen"


def test_the_account_can_have_highly_available_clusters_with_acls(user: LinodeUser) -> None:
    capabilities = user.get("/account")["capabilities"]
    assert {"Kubernetes", "LKE HA Control Planes", "LKE Network Access Control List (IP ACL)"} <= set(capabilities)


def test_a_token_is_never_shown_by_repr() -> None:
    assert READER.secret not in repr(READER)
    assert READER.secret not in repr(LinodeApiArgs(tokens=(READER,)))
