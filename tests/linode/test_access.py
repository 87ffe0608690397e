"""What gives access to a cluster: kubeconfig, endpoints, the control plane's access control list."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509

from tests.linode.conftest import Clock, LinodeUser, eventually, problems

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture
def path(user: LinodeUser) -> str:
    """A cluster whose control plane does not answer yet."""
    return f"/lke/clusters/{user.cluster()['id']}"


def _wait_for_control_plane(user: LinodeUser, path: str, clock: Clock) -> None:
    def answers() -> bool:
        clock.now += 10
        return user.client.get(f"/v4{path}/kubeconfig").status_code == 200

    eventually(answers, "the control plane answers")


def _kubeconfig(user: LinodeUser, path: str) -> Mapping[str, Any]:
    document: dict[str, Any] = yaml.safe_load(base64.b64decode(user.get(f"{path}/kubeconfig")["kubeconfig"]))
    return document


@pytest.mark.parametrize(
    ("below", "what"),
    [
        ("kubeconfig", "Cluster kubeconfig is"),
        ("api-endpoints", "Cluster API Endpoints are"),
        ("dashboard", "Cluster Dashboard URL is"),
    ],
)
def test_nothing_gives_access_before_the_control_plane_answers(
    user: LinodeUser, path: str, below: str, what: str
) -> None:
    refused = user.get(f"{path}/{below}", expect=503)
    assert problems(refused) == {None: f"{what} not yet available. Please try again later."}


def test_the_kubeconfig_has_lkes_shape(user: LinodeUser, path: str, clock: Clock) -> None:
    _wait_for_control_plane(user, path, clock)
    document = _kubeconfig(user, path)
    name = f"lke{path.rpartition('/')[2]}"
    assert document["current-context"] == f"{name}-ctx"
    assert document["contexts"][0]["name"] == f"{name}-ctx"
    assert document["contexts"][0]["context"]["user"] == document["users"][0]["name"] == f"{name}-admin"
    assert document["users"][0]["user"].keys() == {"token"}
    cluster = document["clusters"][0]["cluster"]
    assert cluster["server"].startswith("https://192.0.2.")
    x509.load_pem_x509_certificate(base64.b64decode(cluster["certificate-authority-data"]))
    assert user.data(f"{path}/api-endpoints") == [{"endpoint": cluster["server"]}]
    assert user.get(f"{path}/dashboard")["url"].startswith(cluster["server"])


@pytest.mark.parametrize(
    ("method", "below", "body"),
    [
        ("DELETE", "kubeconfig", None),
        ("DELETE", "servicetoken", None),
        ("POST", "regenerate", {"kubeconfig": True, "servicetoken": True}),
    ],
)
def test_a_deleted_kubeconfig_comes_back_with_another_token(
    user: LinodeUser, path: str, clock: Clock, method: str, below: str, body: Any
) -> None:
    refused = user.client.request(method, f"/v4{path}/{below}", json=body)
    assert refused.status_code == 503, "a cluster that is not there yet has nothing to replace"
    _wait_for_control_plane(user, path, clock)
    before = _kubeconfig(user, path)
    assert user.client.request(method, f"/v4{path}/{below}", json=body).json() == {}
    after = _kubeconfig(user, path)
    assert after["users"] != before["users"]
    assert after["clusters"] == before["clusters"]


def test_regenerating_nothing_changes_nothing(user: LinodeUser, path: str, clock: Clock) -> None:
    _wait_for_control_plane(user, path, clock)
    before = _kubeconfig(user, path)
    user.post(f"{path}/regenerate", {})
    assert _kubeconfig(user, path) == before


def test_an_acl_is_kept_as_networks_with_a_revision(user: LinodeUser) -> None:
    acl = {"enabled": True, "addresses": {"ipv4": ["10.0.0.1", "192.0.2.0/24"], "ipv6": ["2001:db8::1"]}}
    path = f"/lke/clusters/{user.cluster(control_plane={'acl': acl})['id']}/control_plane_acl"
    shown = user.get(path)["acl"]
    assert shown["enabled"] is True
    assert shown["addresses"] == {"ipv4": ["10.0.0.1/32", "192.0.2.0/24"], "ipv6": ["2001:db8::1/128"]}
    assert len(shown["revision-id"]) == 32

    changed = user.put(path, {"acl": {"addresses": {"ipv4": []}, "revision-id": "mine"}})["acl"]
    assert changed["enabled"] is True, "what a request leaves out stays as it is"
    assert changed["addresses"] == {"ipv4": [], "ipv6": ["2001:db8::1/128"]}
    assert changed["revision-id"] == "mine"

    user.delete(path)
    assert user.get(path)["acl"] == {
        "enabled": False,
        "revision-id": "",
        "addresses": {"ipv4": [], "ipv6": []},
    }


def test_an_acl_can_be_set_with_the_cluster(user: LinodeUser, path: str) -> None:
    user.put(path, {"control_plane": {"acl": {"enabled": True, "addresses": {"ipv4": ["10.0.0.1/32"]}}}})
    assert user.get(f"{path}/control_plane_acl")["acl"]["addresses"]["ipv4"] == ["10.0.0.1/32"]


@pytest.mark.parametrize("body", [{}, {"acl": []}, {"acl": {"addresses": {"ipv4": "10.0.0.1"}}}, []])
def test_a_malformed_acl_is_refused(user: LinodeUser, path: str, body: Any) -> None:
    user.put(f"{path}/control_plane_acl", body, expect=400)
    assert user.get(f"{path}/control_plane_acl")["acl"]["enabled"] is False
