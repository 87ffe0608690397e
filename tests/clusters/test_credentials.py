"""A cluster's credentials, asked for while they are replaced; an object stands for its API server."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sandbox.clusters import api
from sandbox.clusters.cluster import Cluster, ClusterArgs
from sandbox.linode.backend import BackendError

if TYPE_CHECKING:
    from pathlib import Path

WAIT_SECONDS = 10.0


class Server:
    """Has one token at a time, and may take its time to say which."""

    def __init__(self) -> None:
        self.token = "old"
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.refuses = False

    def read(self, _connection: object) -> str:
        """The token at the moment of the question, told when the answer may go out."""
        token = self.token
        self.asked.set()
        assert self.may_answer.wait(WAIT_SECONDS)
        return token

    def replace(self, _connection: object) -> None:
        """End the old token."""
        self.token = "new"
        if self.refuses:
            raise BackendError("the new token is refused")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(api, "administrator_token", server.read)
    monkeypatch.setattr(api, "replace_administrator_token", server.replace)
    return server


@pytest.fixture
def cluster(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster that is up."""
    certificate = tmp_path / "ca.pem"
    certificate.write_text("a certificate")
    cluster = Cluster(1, cast("ClusterArgs", None))
    control_plane = SimpleNamespace(authority=SimpleNamespace(certificate=certificate))
    up: dict[str, Any] = {"_api": server, "_spec": object(), "_control_plane": lambda _spec: control_plane}
    for name, value in up.items():
        monkeypatch.setattr(cluster, name, value)
    return cluster


def token(cluster: Cluster) -> str:
    """The one that the cluster gives."""
    access = cluster.access()
    assert access is not None
    return access.token


def test_a_token_that_is_read_while_it_is_replaced_is_not_kept(cluster: Cluster, server: Server) -> None:
    server.may_answer.clear()
    reader = threading.Thread(target=cluster.access)
    reader.start()
    assert server.asked.wait(WAIT_SECONDS)
    rotation = threading.Thread(target=cluster.rotate_credentials)
    rotation.start()
    # Where nothing holds the rotation back, it is over before the answer to the reader.
    rotation.join(timeout=0.2)
    server.may_answer.set()
    for thread in (reader, rotation):
        thread.join(timeout=WAIT_SECONDS)
        assert not thread.is_alive()
    assert token(cluster) == "new", "the old one has ended"


def test_a_rotation_that_fails_half_way_leaves_no_token_in_memory(cluster: Cluster, server: Server) -> None:
    assert token(cluster) == "old"
    server.refuses = True
    with pytest.raises(BackendError):
        cluster.rotate_credentials()
    assert token(cluster) == "new"
