"""Claims about kubeconfigs."""

import base64

import pytest
import yaml

from fleet.lke.kubeconfig import ApiServer, api_server, decode, decode_token, with_client_certificate, with_token

SERVER = ApiServer(url="https://192.0.2.1:6443", ca_pem="CA\n")


def test_linodes_kubeconfig_is_decoded() -> None:
    assert decode(base64.b64encode(b"kind: Config\n").decode()) == "kind: Config\n"


def test_the_api_server_of_a_written_kubeconfig_is_read_back() -> None:
    assert api_server(with_token(name="us", server=SERVER, token="t")) == SERVER


def test_a_client_certificate_and_its_key_are_embedded() -> None:
    text = with_client_certificate(name="karmada", server=SERVER, certificate_pem="CRT\n", private_key_pem="KEY\n")
    document = yaml.safe_load(text)
    user = document["users"][0]["user"]
    assert base64.b64decode(user["client-certificate-data"]) == b"CRT\n"
    assert base64.b64decode(user["client-key-data"]) == b"KEY\n"
    assert document["current-context"] == document["contexts"][0]["name"]


@pytest.mark.parametrize("text", ["{}", "clusters: []", "clusters: [{cluster: {server: x}}]", "- a", "token-in-plain"])
def test_a_kubeconfig_that_cannot_be_used_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="no cluster with a server") as caught:
        api_server(text)
    assert text not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("data", [None, {}, {"ca.crt": ""}])
def test_a_token_that_is_not_issued_yet_is_an_error(data: dict[str, str] | None) -> None:
    with pytest.raises(ValueError, match="not issued yet"):
        decode_token(data)
