"""A cluster's credentials end outside of Pulumi.

Steady: a fleet that an update leaves unchanged.
Done: the token of `us` in the state expires, or is deleted in the cluster, or the kubeconfig is reset at Linode.
Must hold: `pulumi up` fails with the cluster's name and the refresh that mends it, and with no word that what cannot be
reached may be dropped; after that refresh an update works, and the next one changes nothing.
By: told within 2 minutes; a wait for the cluster would take a quarter of an hour.
"""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.e2e.clients import AccountClient
from tests.e2e.outages import cluster_id
from tests.e2e.running import changes_nothing
from tests.e2e.stack import YES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout
    from tests.e2e.running import Fleet

pytestmark = [pytest.mark.privileged, pytest.mark.endurance]

MEMBER: Final = "us"
REMEDY: Final = f"pulumi refresh --target '**::{MEMBER}-cluster'"
WRONG: Final = "PULUMI_K8S_DELETE_UNREACHABLE"
"""What the official provider proposes where it is refused."""
TOLD_WITHIN_SECONDS: Final = 120.0
"""An update that waited for a cluster would take a quarter of an hour; the rest of it is the engine's own start."""


def expire(fleet: Fleet, account: AccountClient) -> None:
    """Have a token in the state that was valid, and is not any more since its time is over."""
    exported = fleet.stack.exported()
    [cluster] = [one for one in exported["deployment"]["resources"] if one["urn"].endswith(f"::{MEMBER}-cluster")]
    secret = cluster["outputs"]["kubeconfig"]
    kubeconfig = yaml.safe_load(base64.b64decode(json.loads(secret["plaintext"])))
    [user] = kubeconfig["users"]
    valid = fleet.members[MEMBER].kubectl("create", "token", "lke-admin", "--namespace=kube-system").strip()
    user["user"]["token"] = expired(valid, signing_key(fleet.layout, cluster_id(account, MEMBER)))
    secret["plaintext"] = json.dumps(base64.b64encode(yaml.safe_dump(kubeconfig).encode()).decode())
    file = fleet.stack.folder / "expired.json"
    file.write_text(json.dumps(exported))
    fleet.stack.run("stack", "import", "--file", str(file))
    file.unlink()


def expired(token: str, key: ec.EllipticCurvePrivateKey) -> str:
    """The same token, but that its time is over since an hour."""
    head, claims = (json.loads(_decoded(part)) for part in token.split(".")[:2])
    ended = datetime.now(UTC) - timedelta(hours=1)
    begun = int((ended - timedelta(hours=1)).timestamp())
    claims |= {"exp": int(ended.timestamp()), "iat": begun, "nbf": begun}
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in (head, claims))
    parts = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_encoded(b''.join(part.to_bytes(32, 'big') for part in parts))}"


def signing_key(layout: Layout, identity: int) -> ec.EllipticCurvePrivateKey:
    """By what a cluster's service account tokens are signed."""
    [file] = (layout.clusters / str(identity)).rglob("service-accounts.key")
    key = load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def delete(fleet: Fleet, _: AccountClient) -> None:
    """Delete the token in the cluster itself, of which Linode knows nothing."""
    fleet.members[MEMBER].kubectl("delete", "secret", "lke-admin-token", "--namespace=kube-system")


def keep(_: Fleet, __: AccountClient) -> None:
    """Leave to Linode the kubeconfig that it has, which is valid."""


def rotate(fleet: Fleet, account: AccountClient) -> None:
    """Have Linode make another kubeconfig; the old one ends."""
    account.call("DELETE", f"lke/clusters/{cluster_id(account, MEMBER)}/kubeconfig")


@pytest.mark.parametrize(("end", "reset"), [(expire, keep), (delete, rotate), (rotate, keep)])
def test_credentials_that_ended_are_told_at_once_and_mended_by_what_is_told(
    fleet: Fleet,
    tmp_path: Path,
    end: Callable[[Fleet, AccountClient], Any],
    reset: Callable[[Fleet, AccountClient], Any],
) -> None:
    fleet.configured()
    account = AccountClient(layout=fleet.layout, folder=tmp_path)
    end(fleet, account)
    begun = time.monotonic()
    with pytest.raises(AssertionError) as caught:
        fleet.up()
    assert time.monotonic() - begun < TOLD_WITHIN_SECONDS
    said = str(caught.value)
    assert f"cluster '{MEMBER}' answers, and does not take the kubeconfig that the stack's state has (401" in said
    assert REMEDY in said
    assert "If Linode has no other, reset it there first" in said
    assert WRONG not in said, "it would drop what lives"

    # Of a token that was deleted in the cluster Linode has no other: a refresh alone would read the dead one again.
    reset(fleet, account)
    fleet.stack.run("refresh", "--target", f"**::{MEMBER}-cluster", "--yes", "--non-interactive", "--color=never")
    fleet.up()
    assert changes_nothing(fleet.up())


def test_a_refresh_of_everything_reads_with_the_kubeconfig_that_there_is(fleet: Fleet, tmp_path: Path) -> None:
    fleet.configured()
    rotate(fleet, AccountClient(layout=fleet.layout, folder=tmp_path))
    with pytest.raises(AssertionError, match=WRONG):
        fleet.stack.run("up", "--refresh", *YES)
    said = fleet.stack.run("up", "--refresh", "--run-program", *YES)
    assert WRONG not in said
    assert changes_nothing(fleet.up())
