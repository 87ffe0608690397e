"""`make preview`: the whole fleet, unchanged, under the real engine."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.engine import Project
from sandbox.engine.project import CHECKOUT
from sandbox.engine.workspace import PASSPHRASE_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = pytest.mark.engine

SYSTEMS = {
    "linode:index/lkeCluster:LkeCluster",
    "pulumi:providers:kubernetes",
    "kubernetes:helm.sh/v3:Release",
    "kubernetes:cluster.karmada.io/v1alpha1:Cluster",
    "kubernetes:policy.karmada.io/v1alpha1:PropagationPolicy",
    "kubernetes:security.istio.io/v1:PeerAuthentication",
    "tls:index/locallySignedCert:LocallySignedCert",
    "random:index/randomString:RandomString",
}
"""One type for each system that the fleet is made of."""


def digests(files: Iterable[Path]) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def pulumi(
    stack: str, state: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> subprocess.CompletedProcess[str]:
    for name in (*PASSPHRASE_VARIABLES, "LINODE_TOKEN", "LINODE_URL"):
        monkeypatch.delenv(name, raising=False)
    place = ["--stack", stack, "--plugins", "offline", "--state", str(state)]
    return subprocess.run(
        [sys.executable, "-m", "sandbox", "pulumi", *place, "--", *arguments],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_fleet_previews_with_no_account_and_leaves_no_trace(
    stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = [CHECKOUT / "Pulumi.yaml", CHECKOUT / f"Pulumi.{stack}.yaml"]
    before = digests(configs)
    shown = pulumi(stack, tmp_path, monkeypatch, "preview", "--json")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    planned: dict[str, Any] = json.loads(shown.stdout)
    types = Counter(step["newState"]["type"] for step in planned["steps"])
    assert types.keys() >= SYSTEMS
    clusters = Project().stack_settings(stack)["config"]["fleet:clusters"]
    assert types["linode:index/lkeCluster:LkeCluster"] == len(clusters)
    assert {step["op"] for step in planned["steps"]} <= {"create", "read"}, "nothing exists yet"
    assert planned.get("diagnostics", []) == [], "a user would have to read these"
    assert digests(configs) == before


def test_a_preview_knows_what_is_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported = pulumi("dev", tmp_path, monkeypatch, "stack", "export")
    checkpoint = json.loads(exported.stdout)
    told = {"clusters": [{"name": "eu", "region": "eu-west", "version": "1.35"}]}
    reported = {"region": "us-west", "k8sVersion": "1.33", "pools": []}
    held = base64.b64encode(b"PEM of old\nPEM of root\n").decode()
    found: dict[str, tuple[str, dict[str, Any]]] = {
        "fleet-dev": ("pulumi:pulumi:Stack", told),
        "eu-cluster": ("linode:index/lkeCluster:LkeCluster", reported),
        "mesh-old-cert": ("tls:index/selfSignedCert:SelfSignedCert", {"certPem": "PEM of old\n"}),
        "mesh-root-cert": ("tls:index/selfSignedCert:SelfSignedCert", {"certPem": "PEM of root\n"}),
        "eu-istio-ca-intermediate-cert": (
            "tls:index/locallySignedCert:LocallySignedCert",
            {"caCertPem": "PEM of old\n"},
        ),
        "eu-istio-cacerts": ("kubernetes:core/v1:Secret", {"data": {"root-cert.pem": held}}),
    }
    checkpoint["deployment"]["resources"] = [
        {"urn": f"urn:pulumi:dev::fleet::{kind}::{name}", "custom": False, "type": kind, "outputs": outputs}
        for name, (kind, outputs) in found.items()
    ]
    file = tmp_path / "checkpoint.json"
    file.write_text(json.dumps(checkpoint))
    assert pulumi("dev", tmp_path, monkeypatch, "stack", "import", "--file", str(file)).returncode == 0
    shown = pulumi("dev", tmp_path, monkeypatch, "preview", "--non-interactive", "--color=never")
    assert shown.returncode != 0
    assert "2 errors in the stack's config; nothing was changed" in shown.stdout
    assert "clusters.eu.region: 'eu-west' is not where it is, and a cluster cannot move; keep 'us-west'" in shown.stdout
    assert "certs.mesh.roots: 'old' is missing, which signed until now" in shown.stdout
