"""The catalogue over HTTP, as clients look it up before they order anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from sandbox.linode import AccessToken, LinodeApi, LinodeApiArgs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def anyone() -> Iterator[httpx.Client]:
    """A client with no token."""
    with LinodeApi() as api, httpx.Client(base_url=api.url) as client:
        yield client


@pytest.mark.parametrize("version", ["v4", "v4beta"])
def test_the_catalogue_needs_no_token(anyone: httpx.Client, version: str) -> None:
    for path in (
        "regions",
        "linode/types",
        "lke/types",
        "nodebalancers/types",
        "volumes/types",
    ):
        answer = anyone.get(f"/{version}/{path}")
        assert answer.status_code == 200, path
        assert answer.json()["results"] > 0, f"{path} is empty"


@pytest.mark.parametrize("path", ["lke/versions", "lke/versions/1.35", "lke/tiers/standard/versions"])
def test_kubernetes_versions_take_a_token_that_reads_kubernetes(path: str) -> None:
    tokens = tuple(AccessToken(secret=scope[0] * 64, scopes=f"{scope}:read_only") for scope in ("lke", "events"))
    with LinodeApi(LinodeApiArgs(tokens=tokens)) as api, httpx.Client(base_url=api.url) as client:
        answers = [
            client.get(f"/v4/{path}", headers=headers).status_code
            for headers in ({}, *({"Authorization": f"Bearer {token.secret}"} for token in tokens))
        ]
    assert answers == [401, 200, 401]


@pytest.mark.parametrize("region", ["eu-west", "ap-south", "us-west", "us-east", "eu-central"])
def test_the_articles_regions_have_kubernetes_and_nodebalancers(anyone: httpx.Client, region: str) -> None:
    entry = anyone.get(f"/v4/regions/{region}").json()
    assert {"Kubernetes", "NodeBalancers", "Block Storage", "Linodes"} <= set(entry["capabilities"])


def test_prices_are_those_that_linode_publishes(anyone: httpx.Client) -> None:
    plan = anyone.get("/v4/linode/types/g6-standard-2").json()
    assert plan["price"] == {"hourly": 0.036, "monthly": 24.0}
    assert {price["id"]: price["monthly"] for price in plan["region_prices"]} == {
        "id-cgk": 28.8,
        "br-gru": 33.6,
    }
    ha = {entry["id"]: entry["price"]["monthly"] for entry in anyone.get("/v4/lke/types").json()["data"]}
    assert ha == {"lke-sa": 0.0, "lke-ha": 60.0}


@pytest.fixture(scope="module")
def somebody() -> Iterator[httpx.Client]:
    """A client with a token."""
    with LinodeApi() as api:
        headers = {"Authorization": f"Bearer {api.token}"}
        with httpx.Client(base_url=api.url, headers=headers) as client:
            yield client


def test_the_kubernetes_versions_are_those_that_the_toolchain_builds(somebody: httpx.Client) -> None:
    assert [version["id"] for version in somebody.get("/v4/lke/versions").json()["data"]] == ["1.35"]


def test_unknown_entries_are_not_found(somebody: httpx.Client) -> None:
    for path in ("regions/mars", "linode/types/g6-standard-3", "lke/versions/1.23", "lke/tiers/gold/versions"):
        answer = somebody.get(f"/v4/{path}")
        assert (answer.status_code, answer.json()) == (404, {"errors": [{"reason": "Not found"}]}), path
