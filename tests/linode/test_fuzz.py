"""Whatever a client sends, the API answers: malformed JSON, wrong types, huge pages, bad filters, random bytes.

A 5xx is a fault of the emulator, but for the documented 503 of a cluster that is still being made, which a fuzzed
request cannot meet: its clusters are finished before it is sent.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.linode import UNLIMITED, AccessToken, LinodeApi, LinodeApiArgs
from sandbox.linode.routes import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TOKEN = "f" * 64
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
EXAMPLES = 110
"""Each sends every one of its bodies to every one of its targets."""
TARGETS, BODIES, EXTRAS = 10, 5, 3

# What requests of this API are made of, so that many of them get past the first check.
NAMES = [
    *("label", "region", "k8s_version", "tags", "tier", "node_pools", "type", "count", "autoscaler", "enabled", "min"),
    *(
        "max",
        "labels",
        "taints",
        "key",
        "value",
        "effect",
        "disks",
        "size",
        "control_plane",
        "high_availability",
        "acl",
    ),
    *("addresses", "ipv4", "ipv6", "revision-id", "kubeconfig", "servicetoken", "configs", "port", "protocol"),
    *("nodes", "address", "weight", "mode", "linode_id", "encryption", "scopes", "expiry", "firewall_id", "check"),
    *("rules", "inbound", "outbound", "inbound_policy", "outbound_policy", "action", "ports", "devices", "linodes"),
    *("nodebalancers", "id", "status", "description"),
    *("bucket_access", "bucket_name", "permissions", "regions", "cluster", "acl", "cors_enabled", "endpoint_type"),
]
VALUES = [
    *("eu", "eu-west", "ap-south", "1.35", "standard", "enterprise", "g6-standard-1", "g7-premium-2", "NoSchedule"),
    *("us-east", "us-ord", "E3", "seed", "private", "read_only", "read_write"),
    *(
        "198.51.100.10:80",
        "10.0.0.0/8",
        "2001:db8::/32",
        "ext4",
        "tcp",
        "http",
        "accept",
        "*",
        "lke:read_only",
        "lke100000",
    ),
    *("ACCEPT", "DROP", "TCP", "IPENCAP", "22-24, 80", "::/0", "linode", "nodebalancer", "enabled", "disabled"),
    *(0, 1, 2, 80, 100, 101, -1, 2**31, 2**63, 2**64, 10**30, 50_000_000, True, None, 1.5),
]
scalars = st.one_of(st.sampled_from(VALUES), st.integers(), st.floats(), st.text(max_size=20), st.booleans())
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), inner)
    ),
    max_leaves=12,
)
bodies = st.one_of(
    st.dictionaries(st.sampled_from(NAMES), documents, max_size=8).map(lambda body: json.dumps(body).encode()),
    documents.map(lambda body: json.dumps(body).encode()),
    st.binary(max_size=200),
    st.sampled_from(
        [b"", b"{", b"null", b"[" * 5000, b'{"a":' * 5000, b'{"count":' + b"9" * 5000 + b"}", b'"\\ud800"']
    ),
)
operators = st.sampled_from(["+and", "+or", "+gt", "+gte", "+lt", "+lte", "+neq", "+contains", "+order", "+order_by"])
fields = st.sampled_from(["id", "label", "tags", "region", "memory", "entity.id", "created", "ipv4", "nope", ""])
filters = st.one_of(
    st.dictionaries(st.one_of(operators, fields), documents, max_size=4).map(json.dumps),
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]), max_size=60),
)
numbers = st.one_of(st.integers().map(str), st.text(max_size=6), st.sampled_from(["1", "25", "500", "9" * 5000, "1e9"]))
queries = st.dictionaries(st.one_of(st.sampled_from(["page", "page_size"]), st.text(max_size=5)), numbers, max_size=3)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    x_filter: str | None
    body: bytes
    version: str


def _targets(ids: dict[str, str]) -> st.SearchStrategy[tuple[str, str]]:
    """Methods and paths, most of them the API's own, with ids that lead somewhere, nowhere, or are none."""
    nowhere = st.sampled_from(["0", "1", "-1", "x", "9" * 40, "%00", "..", "eu-west", "1.35", "standard"])
    printable = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#?")
    return st.one_of(
        st.sampled_from([(operation.method, operation.path.format_map(ids)) for operation in OPERATIONS]),
        st.builds(
            lambda operation, wrong: (operation.method, operation.path.format_map(dict.fromkeys(ids, wrong))),
            st.sampled_from(OPERATIONS),
            nowhere,
        ),
        st.tuples(st.sampled_from(METHODS), st.text(alphabet=printable, max_size=30).map(lambda text: f"/{text}")),
        st.tuples(
            st.sampled_from(METHODS), st.sampled_from(OPERATIONS).map(lambda operation: operation.path.format_map(ids))
        ),
    )


class Account:
    """An emulated account without sockets: requests go straight to the application."""

    def __init__(self) -> None:
        self.sent = 0
        self._runner = asyncio.Runner()
        api = LinodeApi(LinodeApiArgs(tokens=(AccessToken(secret=TOKEN),), limits=UNLIMITED))
        self._api = api
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(api.app),
            base_url="http://linode.test",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        self._lifespan = api.app.router.lifespan_context(api.app)
        self._runner.run(self._lifespan.__aenter__())
        self.ids = self._runner.run(self._populate())

    async def _populate(self) -> dict[str, str]:
        """One of everything; ids start at the same numbers in every account."""
        pool = {"type": "g6-standard-1", "count": 1}
        body = {"label": "seed", "region": "eu-west", "k8s_version": "1.35", "node_pools": [pool]}
        cluster = (await self._client.post("/v4/lke/clusters", json=body)).json()["id"]
        pools = (await self._client.get(f"/v4/lke/clusters/{cluster}/pools")).json()["data"]
        node = pools[0]["nodes"][0]
        backend = {"address": "198.51.100.10:80", "label": "node"}
        balanced = {"region": "eu-west", "configs": [{"port": 80, "nodes": [backend]}]}
        balancer = (await self._client.post("/v4/nodebalancers", json=balanced)).json()["id"]
        configs = (await self._client.get(f"/v4/nodebalancers/{balancer}/configs")).json()["data"]
        rules = {"inbound_policy": "DROP", "outbound_policy": "ACCEPT"}
        guarded = {"label": "seed", "rules": rules, "devices": {"linodes": [node["instance_id"]]}}
        firewall = (await self._client.post("/v4/networking/firewalls", json=guarded)).json()["id"]
        devices = (await self._client.get(f"/v4/networking/firewalls/{firewall}/devices")).json()["data"]
        volume = (await self._client.post("/v4/volumes", json={"label": "seed", "region": "eu-west"})).json()["id"]
        storage = {"label": "seed", "region": "us-east", "bucket_access": []}
        await self._client.post("/v4/object-storage/buckets", json=storage)
        key = (await self._client.post("/v4/object-storage/keys", json=storage)).json()["id"]
        event = (await self._client.get("/v4/account/events")).json()["data"][0]["id"]
        return {
            "cluster_id": str(cluster),
            "pool_id": str(pools[0]["id"]),
            "node_id": node["id"],
            "linode_id": str(node["instance_id"]),
            "nodebalancer_id": str(balancer),
            "config_id": str(configs[0]["id"]),
            "firewall_id": str(firewall),
            "device_id": str(devices[0]["id"]),
            "volume_id": str(volume),
            "event_id": str(event),
            "key_id": str(key),
            "bucket": "seed",
            "cluster_name": "us-east-1",
            "region": "us-east",
            "token_id": "1",
            "tier": "standard",
            "id": "eu-west",
        }

    def send(self, shots: Iterable[Shot]) -> None:
        """Send requests one after the other; none may be answered with a 5xx."""
        self._runner.run(self._send(shots))

    async def _send(self, shots: Iterable[Shot]) -> None:
        for shot in shots:
            answer = await self._client.send(_request(self._client, shot))
            self.sent += 1
            assert answer.status_code < 500, f"{shot} gave {answer.status_code}: {answer.text}"
            if answer.status_code >= 400 and shot.method != "HEAD":
                assert _is_refusal(answer.json()), f"{shot} gave {answer.text}"
            # Workers take their turns, so that no cluster of this batch is still being made.
            for _ in range(3):
                await asyncio.sleep(0)

    def close(self) -> None:
        """Stop everything."""
        self._runner.run(self._client.aclose())
        self._runner.run(self._lifespan.__aexit__(None, None, None))
        self._runner.close()
        self._api.stop()


def _request(client: httpx.AsyncClient, shot: Shot) -> httpx.Request:
    headers = [] if shot.x_filter is None else [(b"X-Filter", shot.x_filter.encode("latin-1"))]
    query = httpx.QueryParams(shot.query)
    target = f"{shot.path}?{query}" if shot.query else shot.path
    return client.build_request(shot.method, f"/{shot.version}{target}", content=shot.body, headers=headers)


def _is_refusal(body: Any) -> bool:
    """Whether a body is an error as the API reports it."""
    return bool(body["errors"]) and all(problem["reason"] for problem in body["errors"])


@pytest.fixture(scope="module")
def sent() -> Iterator[list[int]]:
    """How many requests the tests of this module sent."""
    counts: list[int] = []
    yield counts
    assert sum(counts) >= 5000, f"only {sum(counts)} requests were sent"


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_is_answered_with_a_5xx(sent: list[int], data: st.DataObject) -> None:
    account = Account()
    try:
        targets = data.draw(st.lists(_targets(account.ids), min_size=TARGETS, max_size=TARGETS))
        documents = data.draw(st.lists(bodies, min_size=BODIES, max_size=BODIES))
        asked = itertools.cycle(data.draw(st.lists(queries, min_size=EXTRAS, max_size=EXTRAS)))
        chosen = itertools.cycle(data.draw(st.lists(st.none() | filters, min_size=EXTRAS, max_size=EXTRAS)))
        versions = itertools.cycle(["v4", "v4beta"])
        account.send(
            Shot(
                method=method,
                path=path,
                query=next(asked),
                x_filter=next(chosen),
                body=body,
                version=next(versions),
            )
            for (method, path), body in itertools.product(targets, documents)
        )
    finally:
        sent.append(account.sent)
        account.close()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise=st.binary(min_size=1, max_size=500))
def test_random_bytes_on_the_wire_leave_the_server_alive(listening: httpx.Client, noise: bytes) -> None:
    where = listening.base_url
    with socket.create_connection((where.host, where.port or 80), timeout=5) as connection:
        connection.sendall(noise)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert not answer.startswith(b"HTTP/1.1 5"), answer
    assert listening.get("/v4/regions").status_code == 200


@pytest.fixture(scope="module")
def listening() -> Iterator[httpx.Client]:
    """A client of an account on a socket."""
    with (
        LinodeApi(LinodeApiArgs(limits=UNLIMITED)) as running,
        httpx.Client(base_url=running.url) as client,
    ):
        yield client
