"""One emulated account for each test, over HTTP on loopback, with clusters whose time the test decides."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.linode import UNLIMITED, LinodeApi, LinodeApiArgs
from sandbox.linode.simulated import Pace, SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSIONS = ("1.34", "1.35", "1.36")
_PATIENCE = 10.0


@dataclass
class Clock:
    """Seconds that pass only when a test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, kw_only=True)
class LinodeUser:
    """Someone with a token, who expects each request to work unless told otherwise."""

    client: httpx.Client
    version: str = "v4"

    def get(self, path: str, *, expect: int = 200, x_filter: str | None = None) -> Any:
        headers = {} if x_filter is None else {"X-Filter": x_filter}
        return self._send("GET", path, expect=expect, headers=headers)

    def post(self, path: str, body: Any = None, *, expect: int = 200) -> Any:
        return self._send("POST", path, expect=expect, json={} if body is None else body)

    def put(self, path: str, body: Any, *, expect: int = 200) -> Any:
        return self._send("PUT", path, expect=expect, json=body)

    def delete(self, path: str, *, expect: int = 200) -> Any:
        return self._send("DELETE", path, expect=expect)

    def data(self, path: str, *, x_filter: str | None = None) -> list[Any]:
        """The entries of a list."""
        entries: list[Any] = self.get(path, x_filter=x_filter)["data"]
        return entries

    def cluster(self, label: str = "eu", *, count: int = 1, **fields: Any) -> dict[str, Any]:
        """A new cluster with one pool."""
        pools = [{"type": "g6-standard-1", "count": count}]
        body = {"label": label, "region": "eu-west", "k8s_version": "1.35", "node_pools": pools, **fields}
        made: dict[str, Any] = self.post("/lke/clusters", body)
        return made

    def _send(self, method: str, path: str, *, expect: int, **options: Any) -> Any:
        answer = self.client.request(method, f"/{self.version}{path}", **options)
        assert answer.status_code == expect, f"{method} {path} gave {answer.status_code}: {answer.text}"
        return answer.json()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Iterator[LinodeApi]:
    """An account where control planes take 10 s, machines 20 s and nodes 30 s of the test's clock."""
    backend = SimulatedBackend(Pace(control_plane=10, boot=20, ready=30), clock=clock)
    with LinodeApi(LinodeApiArgs(backend=backend, limits=UNLIMITED, kubernetes_versions=VERSIONS)) as running:
        yield running


@pytest.fixture
def user(api: LinodeApi) -> Iterator[LinodeUser]:
    with client_of(api, api.token) as client:
        yield LinodeUser(client=client)


@pytest.fixture
def beta_user(user: LinodeUser) -> LinodeUser:
    """The same user, who asks for what is below /v4beta."""
    return replace(user, version="v4beta")


@pytest.fixture(scope="module")
def careless_user() -> Iterator[LinodeUser]:
    """Someone whose requests are all refused: one account serves a whole module of them."""
    args = LinodeApiArgs(limits=UNLIMITED, kubernetes_versions=VERSIONS)
    with LinodeApi(args) as running, client_of(running, running.token) as client:
        yield LinodeUser(client=client)


def client_of(api: LinodeApi, token: str) -> httpx.Client:
    """An HTTP client with a token."""
    # It speaks HTTP; one that could speak HTTPS reads all authorities first, which takes longer than most tests.
    return httpx.Client(base_url=api.url, headers={"Authorization": f"Bearer {token}"}, timeout=10, verify=False)


def eventually(claim: Callable[[], bool], what: str) -> None:
    """Wait, for a bounded time, until the account's workers have done something."""
    deadline = time.monotonic() + _PATIENCE
    while not claim():
        assert time.monotonic() < deadline, f"after {_PATIENCE:.0f} s it is still not true that {what}"
        time.sleep(0.01)


def problems(body: Any) -> dict[str | None, str]:
    """The reasons of an error body by field."""
    return {problem.get("field"): problem["reason"] for problem in body["errors"]}
