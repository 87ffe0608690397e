"""Claims about `make check-pins`, against a registry and a repository on this machine."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from datetime import date
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from typer.testing import CliRunner

from fleet.versions import CHARTS, IMAGES, ChartPin, ImagePin
from operations.errors import OperationError
from operations.pins import commands
from operations.pins.check import check
from operations.pins.findings import Finding, State, switched_off, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGEST: Final = f"sha256:{'a' * 64}"
MANIFESTS: Final = {"team/app": {"1.0", DIGEST}, "charts/istiod": {"1.31.0", "1.31.0_build.1"}}
INDEX: Final = {
    "apiVersion": "v1",
    "entries": {
        "istiod": [{"version": "1.31.0", "urls": ["istiod-1.31.0.tgz"]}],
        "gone": [{"version": "1.0.0", "urls": ["gone-1.0.0.tgz"]}],
    },
}


class Place(BaseHTTPRequestHandler):
    """A registry that wants a token from everybody, and gives one to anybody; and a chart repository."""

    server: Server

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, *, body: bool) -> None:
        asked = urlsplit(self.path)
        self.server.asked[f"{self.command} {asked.path}"] += 1
        status, headers, content = self._found(asked.path, parse_qs(asked.query))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _found(self, path: str, query: dict[str, list[str]]) -> tuple[HTTPStatus, dict[str, str], bytes]:
        if path == "/token":
            return HTTPStatus.OK, {}, json.dumps({"token": f"for {query['scope'][0]}"}).encode()
        if path == "/charts/index.yaml":
            return HTTPStatus.OK, {}, yaml.safe_dump(INDEX).encode()
        if path == "/broken/index.yaml":
            return HTTPStatus.OK, {}, b"<html>: {"
        if path == "/charts/istiod-1.31.0.tgz":
            return HTTPStatus.OK, {}, b""
        if path.startswith("/v2/"):
            return self._manifest(*path.removeprefix("/v2/").split("/manifests/"))
        return HTTPStatus.NOT_FOUND, {}, b""

    def _manifest(self, repository: str, reference: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
        scope = f"repository:{repository}:pull"
        if repository == "busy/app":
            return HTTPStatus.TOO_MANY_REQUESTS, {}, b""
        if self.headers.get("Authorization") != f"Bearer for {scope}":
            host = self.headers["Host"]
            return (
                HTTPStatus.UNAUTHORIZED,
                {"WWW-Authenticate": f'Bearer realm="http://{host}/token",service="place",scope="{scope}"'},
                b"",
            )
        if "application/vnd.oci.image.index.v1+json" not in self.headers["Accept"]:
            return HTTPStatus.NOT_FOUND, {}, b""
        there = reference in MANIFESTS.get(repository, ())
        return (HTTPStatus.OK if there else HTTPStatus.NOT_FOUND), {}, b""


class Server(ThreadingHTTPServer):
    """The place, and how often it was asked for what."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Place)
        self.asked: Counter[str] = Counter()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


@pytest.fixture(scope="module")
def place() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def image(registry: str, repository: str = "team/app", tag: str = "1.0", digest: str = "") -> ImagePin:
    return ImagePin(
        registry=registry,
        repository=repository,
        tag=tag,
        digest=digest,
        source="https://makers.example/releases",
        released=date(2026, 11, 1),
    )


def chart(repository: str, name: str = "istiod", version: str = "1.31.0") -> ChartPin:
    return ChartPin(
        repository=repository,
        name=name,
        version=version,
        source="https://makers.example/releases",
        released=date(2026, 11, 1),
    )


def found(pin: ImagePin | ChartPin) -> Finding:
    [finding] = check([pin])
    return finding


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_an_image_is_found_by_its_tag_with_a_token_for_nobody_in_particular(place: Server) -> None:
    assert found(image(place.host)).state is State.THERE


def test_an_image_with_a_digest_is_found_by_it_whatever_its_tag_is_now(place: Server) -> None:
    assert found(image(place.host, tag="moved", digest=DIGEST)).state is State.THERE
    other = f"sha256:{'b' * 64}"
    assert other in found(image(place.host, digest=other)).sentence()
    assert found(image(place.host, digest=other)).state is State.MISSING, "it has the tag, and not what was pinned"


def test_a_tag_that_is_gone_is_told_with_where_to_look_for_another(place: Server) -> None:
    finding = found(image(place.host, tag="0.9"))
    assert finding.state is State.MISSING
    assert finding.sentence() == (
        f"{place.host}/team/app:0.9 is not to be had: {place.host} has no team/app 0.9 for the public (404). "
        "It came out on 2026-11-01 (https://makers.example/releases): look there for where it went, and for a newer one"
    )


def test_a_registry_that_is_busy_has_not_lost_anything(place: Server) -> None:
    finding = found(image(place.host, repository="busy/app"))
    assert (finding.state, finding.why) == (State.UNASKED, "it answers 429")


def test_what_cannot_be_reached_is_told_and_has_not_lost_anything() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    for pin in (image(nobody), chart(f"http://{nobody}/charts"), chart(f"oci://{nobody}/charts")):
        finding = found(pin)
        assert (finding.state, finding.why) == (State.SILENT, "no answer (ConnectError)")


def test_a_chart_is_found_in_its_repository_whose_index_is_fetched_once(place: Server) -> None:
    charts = f"http://{place.host}/charts"
    place.asked.clear()
    assert [
        finding.state for finding in check([chart(charts), chart(f"{charts}/"), chart(charts, version="1.30.0")])
    ] == [
        State.THERE,
        State.THERE,
        State.MISSING,
    ]
    assert place.asked["GET /charts/index.yaml"] == 2, "once for each way to write the address"


def test_a_chart_whose_archive_is_gone_is_not_to_be_had(place: Server) -> None:
    finding = found(chart(f"http://{place.host}/charts", name="gone", version="1.0.0"))
    assert (finding.state, finding.why) == (
        State.MISSING,
        f"the index names http://{place.host}/charts/gone-1.0.0.tgz, where nothing is",
    )


def test_a_page_in_the_place_of_an_index_says_nothing_of_charts(place: Server) -> None:
    assert found(chart(f"http://{place.host}/broken")).state is State.UNASKED


@pytest.mark.parametrize(
    ("version", "state"),
    [("1.31.0", State.THERE), ("1.31.0+build.1", State.THERE), ("1.30.0", State.MISSING)],
)
def test_a_chart_in_a_registry_is_a_manifest_of_its_version(place: Server, version: str, state: State) -> None:
    assert found(chart(f"oci://{place.host}/charts/", version=version)).state is state


def run(monkeypatch: pytest.MonkeyPatch, *pins: ImagePin) -> Any:
    monkeypatch.setattr(commands, "IMAGES", pins)
    monkeypatch.setattr(commands, "CHARTS", ())
    return CliRunner().invoke(commands.app, ["check"])


def test_the_command_fails_when_something_is_not_to_be_had(monkeypatch: pytest.MonkeyPatch, place: Server) -> None:
    ended = run(monkeypatch, image(place.host), image(place.host, repository="busy/app"))
    assert ended.exit_code == 0
    assert ended.stdout.splitlines()[-1] == (
        "1 of 2 pinned images and charts are there, 1 could not be asked for from here."
    )
    ended = run(monkeypatch, image(place.host), image(place.host, tag="0.9"))
    assert ended.exit_code == 1
    assert isinstance(ended.exception, OperationError)
    assert "1 of 2 pinned images and charts are there, 1 are not to be had" in str(ended.exception)


def test_the_command_fails_when_a_host_is_silent_while_others_answer(
    monkeypatch: pytest.MonkeyPatch, place: Server
) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    ended = run(monkeypatch, image(nobody), image(place.host, repository="busy/app"))
    assert ended.exit_code == 1
    assert isinstance(ended.exception, OperationError)
    assert f"2 could not be asked for from here, and {nobody} did not answer while others did" in str(ended.exception)


def test_where_no_host_answers_the_command_says_so_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = run(monkeypatch, *(image(f"127.0.0.1:{free_port()}") for _ in range(2)))
    assert ended.exit_code == 0
    assert ended.stdout.splitlines()[-1] == (
        "0 of 2 pinned images and charts are there, 2 could not be asked for from here."
    )


def test_a_host_that_answered_once_was_not_switched_off() -> None:
    pins: tuple[ImagePin | ChartPin, ...] = (
        image("r.example"),
        image("r.example", tag="2"),
        chart("oci://c.example/charts"),
    )
    states = (State.THERE, State.SILENT, State.SILENT)
    findings = [Finding(pin=pin, state=state) for pin, state in zip(pins, states, strict=True)]
    assert switched_off(findings) == ["c.example"]


def test_every_pin_says_who_publishes_it_and_since_when() -> None:
    pins: list[ImagePin | ChartPin] = [*IMAGES, *CHARTS]
    for pin in pins:
        assert pin.source.startswith("https://"), pin
        assert date(2020, 1, 1) < pin.released, pin
    assert len({str(pin) for pin in pins}) == len(pins)


def test_a_verdict_counts() -> None:
    states = (State.THERE, State.THERE, State.MISSING, State.UNASKED)
    findings = [Finding(pin=image("r.example"), state=state) for state in states]
    assert verdict(findings) == (
        "2 of 4 pinned images and charts are there, 1 are not to be had, 1 could not be asked for from here"
    )
