"""How the provider reaches the API, and what it says when it cannot."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from urllib3 import Retry

from sandbox.linode import LinodeApi, LinodeApiArgs, RateLimits
from sandbox.linode.limits import Bucket
from sandbox.linode.simulated import Pace, SimulatedBackend
from sandbox.plugins.framework import (
    CheckRequest,
    ConfigureRequest,
    Operation,
    Properties,
    ProviderError,
    Secret,
    UnsupportedError,
)
from sandbox.plugins.framework.cancellation import Cancellation
from sandbox.plugins.framework.engine_log import EngineLog
from sandbox.plugins.linode.api import connect
from sandbox.plugins.linode.provider import LinodeProvider
from sandbox.plugins.linode.readiness import kubeconfig_or_none
from sandbox.plugins.linode.settings import failures, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "URL", "API_VERSION", "CA", "UA_PREFIX", "EVENT_POLL_MS", "LKE_NODE_READY_POLL_MS"):
        monkeypatch.delenv(f"LINODE_{name}", raising=False)


@pytest.mark.parametrize(
    ("inputs", "base_url"),
    [
        ({}, "https://api.linode.com/v4"),
        ({"apiVersion": "v4beta"}, "https://api.linode.com/v4beta"),
        ({"url": "http://127.0.0.1:8080"}, "http://127.0.0.1:8080/v4"),
        ({"url": "http://127.0.0.1:8080/v4beta/"}, "http://127.0.0.1:8080/v4beta"),
        ({"url": "http://127.0.0.1:8080/v4", "apiVersion": "v4beta"}, "http://127.0.0.1:8080/v4beta"),
    ],
)
def test_the_url_takes_a_version_with_it_or_apart(inputs: Properties, base_url: str) -> None:
    assert resolve(inputs).base_url == base_url


def test_the_environment_stands_in_for_what_is_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINODE_TOKEN", "from-environment")
    monkeypatch.setenv("LINODE_URL", "http://environment.example")
    settings = resolve({"url": "http://configured.example", "lkeNodeReadyPollMs": "250"})
    assert (settings.token.value, settings.address) == ("from-environment", "http://configured.example")
    assert (settings.node_poll_seconds, settings.event_poll_seconds) == (0.25, 4.0)
    assert "from-environment" not in repr(settings)


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"colour": "red"}, "colour"),
        ({"eventPollMs": "0"}, "eventPollMs"),
        ({"lkeNodeReadyPollMs": "soon"}, "lkeNodeReadyPollMs"),
    ],
)
def test_a_bad_setting_is_named(inputs: Properties, path: str) -> None:
    assert [failure.path for failure in failures(inputs)] == [path]


def test_a_token_is_secret_even_if_it_came_in_plain() -> None:
    operation = Operation(urn="", cancellation=Cancellation(), log=EngineLog(None))
    checked = LinodeProvider("6.8.0").check_config(CheckRequest(operation=operation, inputs={"token": "plain"}))
    assert checked.inputs == {"token": Secret("plain")}


def test_a_missing_token_is_told_with_the_remedy() -> None:
    with pytest.raises(ProviderError, match="set LINODE_TOKEN"):
        connect(resolve({}))


def test_an_api_that_does_not_answer_is_named_without_the_token() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    api = connect(resolve({"url": address, "token": "hush-hush"}), retries=0)
    with pytest.raises(
        ProviderError, match=f"the Linode API does not answer at {address} .*refused.*LINODE_URL"
    ) as caught:
        api.get("/regions")
    assert "hush-hush" not in str(caught.value)


def test_a_rejected_token_is_the_apis_word() -> None:
    with LinodeApi() as account, pytest.raises(ProviderError, match=r"\[401\] Invalid Token"):
        connect(resolve({"url": account.url, "token": "wrong"})).list("/lke/clusters")


def test_it_says_hello_when_it_is_configured_as_the_official_one_does() -> None:
    asked: list[str] = []

    class Greeted(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data": [], "page": 100, "pages": 1, "results": 60}')

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Greeted) as server:
        Thread(target=server.handle_request, daemon=True).start()
        configure(LinodeProvider("0"), url=f"http://127.0.0.1:{server.server_port}", token="t")
    assert asked == ["/v4/linode/types?page=100"]


def test_a_hello_that_is_refused_ends_it_before_any_resource_is_asked_for() -> None:
    with LinodeApi() as account:
        configure(LinodeProvider("0"), url=account.url, token=account.token)
        with pytest.raises(ProviderError, match=r"Error connecting to the Linode API: .*\[401\] Invalid Token"):
            configure(LinodeProvider("0"), url=account.url, token="wrong")


def configure(provider: LinodeProvider, **inputs: str) -> None:
    """Configure a provider as the engine does."""
    provider.configure(ConfigureRequest(urn="", inputs=inputs, cancellation=Cancellation()))


@pytest.fixture
def busy_account() -> Iterator[LinodeApi]:
    """An account that takes two lists a second, and says when to come back."""
    limits = RateLimits(per_window=dict.fromkeys(Bucket, 2), window=1.0)
    with LinodeApi(LinodeApiArgs(limits=limits)) as account:
        yield account


def test_a_busy_api_is_asked_again_when_it_says_so(busy_account: LinodeApi) -> None:
    api = connect(resolve({"url": busy_account.url, "token": busy_account.token}))
    assert [api.list("/lke/clusters") for _ in range(5)] == [[]] * 5


def test_a_kubeconfig_that_is_not_there_yet_is_no_reason_to_wait_for_the_rate_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = SimulatedBackend(Pace(control_plane=3600))
    with LinodeApi(LinodeApiArgs(backend=slow)) as account:
        api = connect(resolve({"url": account.url, "token": account.token}))
        pools = [{"type": "g6-standard-1", "count": 1}]
        version = api.list("/lke/versions")[0]["id"]
        cluster = api.post(
            "/lke/clusters", {"label": "eu", "region": "eu-west", "k8s_version": version, "node_pools": pools}
        )
        monkeypatch.setattr(Retry, "sleep_for_retry", lambda *_: pytest.fail("it waits as long as Retry-After says"))
        assert kubeconfig_or_none(api, cluster["id"]) is None


def test_other_types_and_functions_are_refused_by_name() -> None:
    provider = LinodeProvider("6.8.0")
    with pytest.raises(UnsupportedError, match=r"resource type 'linode:index/volume:Volume'.*LkeCluster.*official"):
        provider.resource_type("linode:index/volume:Volume")
    with pytest.raises(UnsupportedError, match=r"function 'linode:index/getVlans:getVlans'.*getRegions"):
        provider.function("linode:index/getVlans:getVlans")
