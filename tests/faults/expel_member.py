"""A member is compromised, and expelled.

Steady: all members call each other; whoever rules `us` has its authority, a peer's token and its agent's certificate.
Done: its API answers nobody any more, and `pulumi up` with `expelled: true`; then another root, and the entry goes.
Must hold: all that it has is refused; no call among the others fails, and no pod of theirs is another one.
By: refused, and connections from before cut off, within 2 minutes of the update.
"""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from fleet.mesh.ca import common_name
from fleet.mesh.callers import principal
from fleet.mesh.values import CROSS_NETWORK_PORT
from fleet.naming import DEFAULT_NAMESPACE, DEFAULT_ROOT, ISTIO_NAMESPACE, execution_namespace, remote_secret
from sandbox.clusters.host.subprocesses import CommandError, inside
from sandbox.verify import mesh
from sandbox.verify.karmada import agent_client, joined
from sandbox.verify.kubeconfigs import keep
from sandbox.verify.member import Client
from tests import article
from tests.e2e.clients import eventually
from tests.e2e.load import load
from tests.e2e.mesh_parts import GLOBAL, ONE_CALL_A_CONNECTION, WORKLOADS
from tests.e2e.outages import cluster_id
from tests.e2e.test_mesh import HELLO_SNI

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout
    from sandbox.verify.member import Member
    from tests.e2e.clients import AccountClient
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

IN_ISTIO_SYSTEM: Final = f"--namespace={ISTIO_NAMESPACE}"
EXPELLED: Final = {"us": {"expelled": True}}
REQUEST: Final = b"GET / HTTP/1.1\r\nHost: hello.default.svc.cluster.local:5000\r\n\r\n"
REST: Final = ("Intermediate CA eu", "Intermediate CA ap")
ANSWERED: Final = "REGION="


@dataclass(frozen=True, kw_only=True)
class Forged:
    """A certificate of another member's sleep, by the authority of a member that is compromised."""

    leaf: Path
    key: Path
    chain: Path

    def command(self, gateway: str) -> list[str]:
        """A client that shows it behind an east-west gateway."""
        # Sidecars announce themselves so; a greeting that does not is reset before any certificate is looked at.
        greeting = ["-connect", f"{gateway}:{CROSS_NETWORK_PORT}", "-servername", HELLO_SNI, "-alpn", "istio"]
        shown = ["-cert", str(self.leaf), "-key", str(self.key), "-cert_chain", str(self.chain)]
        return ["openssl", "s_client", *greeting, *shown, "-quiet"]


def forge(cacerts: Mapping[str, bytes], account: str, folder: Path) -> Forged:
    """Sign a certificate for a service account with a member's authority, as whoever has its key can."""
    identity = f"spiffe://{principal(DEFAULT_NAMESPACE, account)}"
    signer = x509.load_pem_x509_certificate(cacerts["ca-cert.pem"])
    signing_key = serialization.load_pem_private_key(cacerts["ca-key.pem"], password=None)
    assert isinstance(signing_key, rsa.RSAPrivateKey)
    own_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = datetime.now(UTC)
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = (
        x509.CertificateBuilder(
            issuer_name=signer.subject,
            subject_name=x509.Name([]),
            public_key=own_key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(minutes=5),
            not_valid_after=now + timedelta(days=1),
        )
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)]), critical=True)
        .add_extension(uses, critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    forged = Forged(leaf=folder / f"{account}.pem", key=folder / f"{account}.key", chain=folder / "chain.pem")
    forged.leaf.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    forged.chain.write_bytes(cacerts["cert-chain.pem"])
    forged.key.write_bytes(
        own_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return forged


def answered(layout: Layout, forged: Forged, gateway: str) -> bool:
    """Whether hello answers a call with a forged certificate."""
    return ANSWERED in _said(layout, forged, gateway, REQUEST)


def refused(layout: Layout, forged: Forged, gateway: str) -> bool:
    """Whether hello's sidecar refuses a forged certificate."""
    # No request: with one unread, the sidecar closes by a reset, which may outrun the reason that it gave.
    return "unknown ca" in _said(layout, forged, gateway, b"")


def _said(layout: Layout, forged: Forged, gateway: str, request: bytes) -> str:
    line = inside(layout.wan, ["timeout", "10", *forged.command(gateway)])
    done = subprocess.run(line, input=request, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode(errors="replace")


@contextlib.contextmanager
def held(layout: Layout, forged: Forged, gateway: str) -> Iterator[subprocess.Popen[bytes]]:
    """A connection that hello has accepted and answered, and that its client keeps."""
    with subprocess.Popen(
        inside(layout.wan, forged.command(gateway)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as client:
        try:
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.write(REQUEST)
            client.stdin.flush()
            assert b"200 OK" in client.stdout.readline()
            yield client
        finally:
            client.kill()


def cacerts(member: Member) -> dict[str, bytes]:
    """A member's authority, with its key."""
    data = member.get("secret", "cacerts", IN_ISTIO_SYSTEM)["data"]
    return {name: base64.b64decode(value) for name, value in data.items()}


def peer(reader: Member, name: str, folder: Path) -> Client:
    """What a member's istiod reads another member with."""
    data = reader.get("secret", remote_secret(name), IN_ISTIO_SYSTEM)["data"]
    kubeconfig = keep(folder / f"{reader.name}-reads-{name}.kubeconfig", base64.b64decode(data[name]).decode())
    return Client(kubeconfig=kubeconfig, layout=reader.layout)


def answer(client: Client, *what: str) -> str:
    """What a client is told: "ok", or why not."""
    try:
        client.kubectl("get", *what, "--request-timeout=5s")
    except CommandError as error:
        return error.output
    return "ok"


def anchors(member: Member) -> set[str]:
    """What a member's proxies trust, by the names in its subject: "Intermediate CA eu", or "Root CA"."""
    return {
        " ".join(
            str(part.value)
            for kind in (x509.NameOID.COMMON_NAME, x509.NameOID.LOCALITY_NAME)
            for part in one.subject.get_attributes_for_oid(kind)
        )
        for workload in WORKLOADS
        for one in mesh.trusted(member, workload)
    }


def follow(members: Mapping[str, Member], *trusted: str) -> bool:
    """Whether all proxies of members trust these alone."""
    return all(anchors(member) == set(trusted) for member in members.values())


def signed_by(member: Member, root: str) -> bool:
    """Whether the proxies of a member show certificates below a root."""
    wanted = common_name(root)
    return all(
        any(part.value == wanted for part in mesh.certificates(member, workload)[1].issuer) for workload in WORKLOADS
    )


def shut(account: AccountClient, cluster: int) -> None:
    """Have a cluster's API answer nobody from outside, the program and its peers among them."""
    acl = {"acl": {"enabled": True, "addresses": {"ipv4": ["198.18.0.0/15"]}}}
    account.call("PUT", f"lke/clusters/{cluster}/control_plane_acl", acl)


@dataclass(frozen=True, kw_only=True)
class Loot:
    """What whoever rules a member has of it, and where it leads."""

    others: Forged
    """A certificate in another member's name."""
    own: Forged
    token: Client
    """By which its istiod reads another member."""
    agent: Client


@pytest.fixture(scope="module")
def loot(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Loot:
    """What us has, taken while it is a member."""
    us, folder = fleet.members["us"], tmp_path_factory.mktemp("loot")
    authority = cacerts(us)
    return Loot(
        others=forge(authority, "sleep-eu", folder),
        own=forge(authority, "sleep-us", folder),
        token=peer(us, "eu", folder),
        agent=agent_client(us, folder),
    )


def pods(members: Mapping[str, Member]) -> set[str]:
    """The pods of hello and sleep in members."""
    return {pod["metadata"]["name"] for member in members.values() for pod in member.get("pods")["items"]}


def test_what_an_expelled_member_has_is_refused_and_no_call_among_the_others_fails(
    expelling_fleet: Fleet, account: AccountClient, loot: Loot
) -> None:
    fleet, layout = expelling_fleet, expelling_fleet.layout
    sections = fleet.sections | GLOBAL
    members = dict(fleet.configured(**sections).members)
    us = members.pop("us")
    eu, ap = members["eu"], members["ap"]
    for member in members.values():
        eventually(lambda member=member: len(article.requests(member)) == 3, f"{member.name} calls every region")  # type: ignore[misc]  # early
    gateway = fleet.outputs["eastWestGateways"]["ap"]
    works = ("works", f"--namespace={execution_namespace('us')}")
    services = ("services", f"--namespace={DEFAULT_NAMESPACE}")
    assert answered(layout, loot.others, gateway), "one key opens every door, until it is expelled"
    assert answer(loot.token, *services) == answer(loot.agent, *works) == "ok"
    ap.kubectl("patch", "destinationrule/hello", "--type=json", f"--patch={json.dumps(ONE_CALL_A_CONNECTION)}")
    running = pods(members)
    shut(account, cluster_id(account, "us"))
    eventually(lambda: answer(us, "nodes") != "ok", "us answers nobody outside")

    with held(layout, loot.others, gateway) as connection, load(eu) as kept, load(ap) as anew:
        time.sleep(3)
        begun = time.monotonic()
        fleet.up(**sections, clusters=EXPELLED)
        updated = time.monotonic()
        eventually(lambda: follow(members, *REST), "every proxy trusts the others alone", within_seconds=120)
        eventually(lambda: refused(layout, loot.others, gateway), "a forged certificate is refused")
        shut_out = time.monotonic() - updated
        eventually(lambda: connection.poll() is not None, "a connection from before is closed", within_seconds=120)
        closed = time.monotonic() - updated
        time.sleep(5)
    print(f"\nan update of {updated - begun:.0f} s; refused {shut_out:.1f} s and cut off {closed:.1f} s after it")
    print(f"with connections that are kept: {kept}\nwith a connection for each call: {anew}")
    for outcomes in (kept, anew):
        assert not outcomes.failed, outcomes
        assert {eu.region, ap.region} <= set(outcomes.regions), "each called the other"
    assert refused(layout, loot.own, gateway), "nor does its own identity open any"
    assert "Unauthorized" in answer(loot.token, *services)
    assert "(Forbidden)" in answer(loot.agent, *works)
    assert "(Forbidden)" in answer(loot.agent, "clusters")
    assert running <= pods(members), "no pod of the others is another one"
    assert us.region not in article.calls(eu, 20)


def expelled(fleet: Fleet) -> Fleet:
    """The fleet without us."""
    return fleet.configured(**(fleet.sections | {"clusters": EXPELLED}))


def test_its_cluster_and_all_in_it_is_left_alone(expelling_fleet: Fleet, account: AccountClient, loot: Loot) -> None:
    fleet = expelled(expelling_fleet)
    assert "us" not in fleet.members, "it is no member of the outputs"
    cluster = cluster_id(account, "us")
    account.call("PUT", f"lke/clusters/{cluster}/control_plane_acl", {"acl": {"enabled": False}})
    kubeconfig = keep(fleet.layout.kubeconfigs / "us.kubeconfig", fleet.outputs["kubeconfigs"]["us"])
    us = Client(kubeconfig=kubeconfig, layout=fleet.layout)
    eventually(lambda: answer(us, "nodes") == "ok", "an operator looks into it")
    assert answer(us, "deployment", "istiod", IN_ISTIO_SYSTEM) == "ok"
    assert answer(us, "secret", "cacerts", IN_ISTIO_SYSTEM) == "ok"
    assert us.get("service", "istio-eastwestgateway", IN_ISTIO_SYSTEM)["status"]["loadBalancer"]["ingress"]


def test_updates_go_on_without_it(expelling_fleet: Fleet, account: AccountClient, loot: Loot) -> None:
    fleet = expelled(expelling_fleet)
    shut(account, cluster_id(account, "us"))
    fleet.up(**fleet.sections)
    said = fleet.up(**fleet.sections)
    assert " unchanged" in said
    assert not any(f" {word}" in said for word in ("created", "updated", "replaced", "deleted")), said
    eventually(lambda: joined(fleet.karmada.view)["us"][1] != "True", "Karmada misses it", within_seconds=120)


def test_it_goes_for_good_once_another_root_has_taken_over(
    expelling_fleet: Fleet, account: AccountClient, loot: Loot
) -> None:
    fleet = expelled(expelling_fleet)
    eu = fleet.members["eu"]
    gateway = fleet.outputs["eastWestGateways"]["ap"]
    trusted = fleet.sections.get("certs", {}).get("mesh", {}).get("roots", [DEFAULT_ROOT])
    assert fleet.outputs["meshRoots"] == {"trusted": []}, "they trust each other's intermediates"
    others = {name: value for name, value in fleet.sections.items() if name not in ("clusters", "certs")}

    def up(roots: dict[str, Any], **sections: Any) -> None:
        fleet.up(**others, **sections, certs=fleet.sections.get("certs", {}) | {"mesh": roots})

    gone: dict[str, Any] = {"clusters": {"us": None}, "acknowledged": ["delete us"]}
    with pytest.raises(AssertionError, match="would be trusted again"):
        up({"roots": trusted}, **gone)
    steps: list[dict[str, Any]] = [
        {"roots": [*trusted, "clean"]},
        {"roots": [*trusted, "clean"], "signing": "clean"},
        {"roots": ["clean"]},
    ]
    with load(eu) as outcomes:
        for step in steps:
            up(step, clusters=EXPELLED)
            eventually(lambda: signed_by(eu, step.get("signing", step["roots"][0])), "eu follows", within_seconds=120)  # noqa: B023 - called at once
            assert [anchors(member) for member in fleet.members.values()] == [set(REST)] * len(fleet.members)
            assert refused(fleet.layout, loot.others, gateway)
        up(steps[-1], **gone)
        eventually(lambda: follow(fleet.members, "Root CA clean"), "all trust the new root", within_seconds=120)
        time.sleep(5)
    print(f"\nanother root, and the member's entry gone: {outcomes}")
    assert not outcomes.failed, outcomes
    assert refused(fleet.layout, loot.others, gateway)
    assert "us" not in joined(fleet.karmada.view)
    with pytest.raises(StopIteration):
        cluster_id(account, "us")
