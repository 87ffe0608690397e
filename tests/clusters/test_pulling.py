"""Fetching a user's image, by crane from a registry that asks who is there."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest

from sandbox.clusters.images.archives import ImageError
from sandbox.clusters.images.library import Library
from sandbox.clusters.images.pulling import pull
from sandbox.toolchain import tool_path
from tests.clusters.own import FOREIGN, Sample, digest, layout, several

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

SAMPLE = Sample()
CREDENTIALS = base64.b64encode(b"somebody:s3cret").decode()


class Door(NamedTuple):
    """A registry's front, for those with credentials."""

    address: str
    asked_for: list[str]
    """Hosts to which it was asked to lead, as a proxy is."""


class Front(BaseHTTPRequestHandler):
    """Lets in who has the credentials."""

    behind: str
    asked_for: list[str]

    def do_GET(self) -> None:
        if self.headers["Authorization"] != f"Basic {CREDENTIALS}":
            return self._answer(401, {"WWW-Authenticate": 'Basic realm="registry"'}, b"")
        headers = {"Accept": self.headers["Accept"] or "*/*"}
        answer = httpx.request(self.command, f"http://{self.behind}{self.path}", headers=headers)
        return self._answer(answer.status_code, {**answer.headers}, answer.content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.asked_for.append(self.path)
        self._answer(502, {}, b"")

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for key, value in ({"content-length": str(len(body))} | headers).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """The address of a registry that everyone may use."""
    line = [str(tool_path("crane")), "registry", "serve", "--address", "127.0.0.1:0"]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        port = next(found[1] for said in process.stderr if (found := re.search(r"port (\d+)", said)))
        # What it says is read, or it would wait for a reader.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield f"127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def door(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """The same registry for those with credentials, which the user does not have yet."""
    asked_for: list[str] = []
    handler = type("Handler", (Front,), {"behind": registry, "asked_for": asked_for})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Door(f"127.0.0.1:{server.server_port}", asked_for)
        server.shutdown()


def push(registry: str, name: str, entry: dict[str, Any], blobs: dict[str, bytes], folder: Path) -> None:
    for path, content in layout([entry], blobs).items():
        file = folder / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    line = [str(tool_path("crane")), "push", str(folder / name), f"{registry}/{name}:1"]
    subprocess.run(line, check=True, capture_output=True)


def log_in(folder: Path, registry: str) -> None:
    """As `docker login` does."""
    config = folder / "docker/config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"auths": {registry: {"auth": CREDENTIALS}}}))


def test_an_image_is_fetched_with_the_user_s_own_credentials(registry: str, door: Door, tmp_path: Path) -> None:
    entry, blobs = several(Sample(architecture=FOREIGN), SAMPLE)
    push(registry, "app", entry, blobs, tmp_path)
    name = f"{door.address}/app:1"
    with pytest.raises(ImageError, match=f"{name} cannot be fetched: .*401") as refused:
        pull(name, tmp_path / "refused")
    assert "\n" not in str(refused.value)
    log_in(tmp_path, door.address)
    pull(name, tmp_path / "pulled")
    [image] = Library(tmp_path / "cache/own-images/local").add(tmp_path / "pulled", called=name).added
    assert image.name == name
    assert image.digest == digest(SAMPLE.manifest), "the image is the registry's, byte for byte"


def test_another_processor_s_image_is_not_kept(registry: str, tmp_path: Path) -> None:
    foreign = Sample(architecture=FOREIGN)
    push(registry, "foreign", foreign.entry, foreign.blobs, tmp_path)
    pull(f"{registry}/foreign:1", tmp_path / "pulled")
    library = Library(tmp_path / "cache/own-images/local")
    with pytest.raises(ImageError, match=f"it is for linux/{FOREIGN}"):
        library.add(tmp_path / "pulled", called=f"{registry}/foreign:1")
    assert library.images() == []


def test_the_user_s_proxy_is_asked(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{door.address}")
    with pytest.raises(ImageError, match=r"registry\.example\.com/app:1 cannot be fetched"):
        pull("registry.example.com/app:1", tmp_path / "pulled")
    assert "registry.example.com:443" in door.asked_for
