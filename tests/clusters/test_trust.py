"""Claims about whom a sidecar's Envoy trusts: an expulsion stands on them (docs/decisions/0139)."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from fleet.certificates import CA_USES
from tests.plugins.tls import authorities

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.plugins.framework import Properties

SLEEP_EU: Final = "spiffe://cluster.local/ns/default/sa/sleep-eu"
LEAF_USES: Final = ["digital_signature", "key_encipherment", "server_auth", "client_auth"]
TYPE: Final = "type.googleapis.com/envoy.extensions"


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A certificate that signs others, with its key, both PEM."""

    certificate: Properties
    key: str

    @property
    def pem(self) -> str:
        """The certificate."""
        return str(self.certificate["certPem"])


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a client shows: its chain and its key, PEM."""

    chain: str
    key: str


def root(name: str) -> Authority:
    """As fleet/mesh/ca.py has it."""
    key = authorities.key()
    subject = {"commonName": name, "organization": "Istio"}
    return Authority(certificate=authorities.root(key, subject=subject, allowedUses=list(CA_USES)), key=key)


def intermediate(member: str, issuer: Authority, key: str) -> Authority:
    """As fleet/mesh/ca.py has it."""
    subject = {"commonName": "Intermediate CA", "organization": "Istio", "locality": member}
    request = authorities.request(key, subject=subject)
    made = authorities.signed(
        issuer.certificate, issuer.key, request, isCaCertificate=True, maxPathLength=0, allowedUses=list(CA_USES)
    )
    return Authority(certificate=made, key=key)


def workload(issuer: Authority, *above: Authority) -> Shown:
    """A certificate of sleep in eu, whoever signs it, with the chain above it."""
    key = authorities.key()
    made = authorities.signed(
        issuer.certificate, issuer.key, authorities.request(key, uris=[SLEEP_EU]), allowedUses=LEAF_USES
    )
    return Shown(chain="".join([str(made["certPem"]), issuer.pem, *(one.pem for one in above)]), key=key)


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """A root, another one that follows it, and by member the intermediates that each of the two signed for one key."""

    first: Authority
    following: Authority
    old: Mapping[str, Authority]
    new: Mapping[str, Authority]


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    first, following = root("Root CA"), root("Root CA next")
    keys = {member: authorities.key() for member in ("eu", "ap", "us")}
    return Mesh(
        first=first,
        following=following,
        old={member: intermediate(member, first, key) for member, key in keys.items()},
        new={member: intermediate(member, following, key) for member, key in keys.items()},
    )


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listener(port: int, server: Shown, trusted: str) -> dict[str, Any]:
    """Answers 200 to whoever shows a certificate that leads to something trusted."""
    route = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
    router = {"@type": f"{TYPE}.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "trust",
        "http_filters": [{"name": "router", "typed_config": router}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    identity = {"certificate_chain": {"inline_string": server.chain}, "private_key": {"inline_string": server.key}}
    tls = {
        "@type": f"{TYPE}.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": True,
        "common_tls_context": {
            "tls_certificates": [identity],
            "validation_context": {"trusted_ca": {"inline_string": trusted}},
        },
    }
    return {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {
                "transport_socket": {"name": "tls", "typed_config": tls},
                "filters": [{"name": "http", "typed_config": manager}],
            }
        ],
    }


@pytest.fixture(scope="module")
def ports(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """An Envoy's ports by what it trusts there."""
    trusted = {
        "the root": mesh.first.pem,
        "the rest": mesh.old["eu"].pem + mesh.old["ap"].pem,
        "the rest as the next root signed it": mesh.new["eu"].pem + mesh.new["ap"].pem,
        "the next root": mesh.following.pem,
    }
    found = {what: free_port() for what in trusted}
    server = workload(mesh.old["eu"], mesh.first)
    config = tmp_path_factory.mktemp("envoy") / "envoy.json"
    listeners = [listener(found[what], server, pem) for what, pem in trusted.items()]
    config.write_text(json.dumps({"static_resources": {"listeners": listeners}}))
    package = find_spec("envoy")
    assert package is not None
    assert package.submodule_search_locations
    program = Path(package.submodule_search_locations[0], "_bin", "envoy")
    line = [str(program), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    with subprocess.Popen(line) as envoy:
        try:
            deadline = time.monotonic() + 30
            while not all(map(listens, found.values())):
                assert envoy.poll() is None, "Envoy refused its configuration"
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield found
        finally:
            envoy.terminate()


def listens(port: int) -> bool:
    """Whether somebody takes connections at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def accepted(port: int, shown: Shown, folder: Path) -> bool:
    """Whether Envoy answers a client that shows this."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_text(shown.chain)
    key.write_text(shown.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(chain, key)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain) as connection,
        ):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: hello\r\n\r\n")
            return connection.recv(12).endswith(b"200")
    except (ssl.SSLError, ConnectionError):
        return False


EVERYBODY: Final = ("the root", "the rest", "the rest as the next root signed it", "the next root")
ACCEPTED: Final = [
    ("eu", "old", {"the root", "the rest", "the rest as the next root signed it"}),
    ("eu", "new", {"the rest", "the rest as the next root signed it", "the next root"}),
    ("us", "old", {"the root"}),
]


@pytest.mark.parametrize("trusts", EVERYBODY)
@pytest.mark.parametrize(("member", "signed", "by"), ACCEPTED)
def test_who_trusts_intermediates_accepts_what_they_signed_and_nothing_else_of_their_root(
    mesh: Mesh, ports: Mapping[str, int], tmp_path: Path, member: str, signed: str, by: set[str], trusts: str
) -> None:
    """Whichever root signed the intermediate: what counts is its key."""
    shown = workload(
        {"old": mesh.old, "new": mesh.new}[signed][member], mesh.first if signed == "old" else mesh.following
    )
    assert accepted(ports[trusts], shown, tmp_path) is (trusts in by)


@pytest.mark.parametrize("trusts", [who for who in EVERYBODY if who != "the root"])
def test_an_authority_that_an_expelled_member_signs_in_another_ones_name_is_not_trusted(
    mesh: Mesh, ports: Mapping[str, int], tmp_path: Path, trusts: str
) -> None:
    false_eu = intermediate("eu", mesh.old["us"], authorities.key())
    shown = workload(false_eu, mesh.old["us"], mesh.first)
    assert not accepted(ports[trusts], shown, tmp_path)
