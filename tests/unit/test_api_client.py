"""Claims about clients made from kubeconfigs."""

import base64
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import Configuration

from fleet.lke.api_client import UnusableKubeconfigError, make_api_client
from fleet.lke.kubeconfig import ApiServer, with_client_certificate
from tests.unit.keys import pair


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where temporary files are made during the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def document() -> Any:
    """A kubeconfig with a client certificate, as Karmada's is."""
    certificate, key = pair()
    server = ApiServer(url="https://192.0.2.1:6443", ca_pem=certificate)
    return yaml.safe_load(
        with_client_certificate(name="karmada", server=server, certificate_pem=certificate, private_key_pem=key)
    )


def test_certificates_and_keys_do_not_stay_on_the_disk(temporary: Path, document: Any) -> None:
    client = make_api_client(document)
    assert list(temporary.iterdir()) == []
    options = client.rest_client.pool_manager.connection_pool_kw
    assert options["ssl_context"].cert_store_stats()["x509"] == 1
    assert not {"ca_certs", "cert_file", "key_file"} & options.keys()


def test_a_broken_key_is_refused_without_being_quoted_or_left(temporary: Path, document: Any) -> None:
    document["users"][0]["user"]["client-key-data"] = base64.b64encode(b"hush-hush").decode()
    with pytest.raises(UnusableKubeconfigError) as raised:
        make_api_client(document)
    assert str(raised.value) == "SSLError"
    assert raised.value.__cause__ is None
    assert list(temporary.iterdir()) == []


def test_files_are_found_beside_the_kubeconfig(tmp_path: Path, document: Any) -> None:
    body = document["clusters"][0]["cluster"]
    (tmp_path / "ca.pem").write_bytes(base64.b64decode(body.pop("certificate-authority-data")))
    body["certificate-authority"] = "ca.pem"
    make_api_client(document, folder=tmp_path)
    with pytest.raises(UnusableKubeconfigError):
        make_api_client(document, folder=tmp_path / "elsewhere")


def test_the_caller_says_how_often_the_client_tries_again(document: Any) -> None:
    client = make_api_client(document, configuration=Configuration(retries=False))
    assert client.rest_client.pool_manager.connection_pool_kw["retries"].total is False


@pytest.mark.parametrize("nothing", [None, "text", [], {}, {"clusters": ["one"]}])
def test_what_is_no_kubeconfig_is_refused(nothing: Any) -> None:
    with pytest.raises(UnusableKubeconfigError):
        make_api_client(nothing)
