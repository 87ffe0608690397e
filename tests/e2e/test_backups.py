"""Backups on real pods: what the manager sends is sealed, and what rests in Karmada's etcd is encrypted."""

from __future__ import annotations

import base64
import secrets
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from sandbox.toolchain import tool_path
from sandbox.verify.account import ask
from sandbox.verify.backups import backed_up
from tests.e2e.clients import eventually
from tests.e2e.operating import IDENTITY, Bucket, Operator, stored
from tests.e2e.readiness import Readiness, silent_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.running import Fleet

pytestmark = pytest.mark.privileged

SECRETS, WORKS = "/registry/secrets/", "/registry/work.karmada.io/works/"
ENCRYPTED = b"k8s:enc:secretbox:v1:"
AWAY_SECONDS: Final = 30.0
"""A client that meets the end of one API server may wait for as long as it waits for an answer (18 s seen, once in four
replacements); before, it was a minute each time."""


def canary(text: str) -> str:
    """A user's Secret and the policy that brings it to every member, so that it is in Works too."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "canary", "namespace": "default"},
        "stringData": {"text": text},
    }
    selector = {"apiVersion": "v1", "kind": "Secret", "name": "canary"}
    policy = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "canary", "namespace": "default"},
        "spec": {"resourceSelectors": [selector], "placement": {"clusterAffinity": {}}},
    }
    return yaml.safe_dump_all([secret, policy])


@pytest.fixture
def text(fleet: Fleet) -> Iterator[str]:
    """What is in a Secret that has come to every member."""
    found = secrets.token_hex(16)
    fleet.configured()
    fleet.karmada.kubectl("apply", "--filename=-", stdin=canary(found))
    try:
        eventually(lambda: all(has_canary(fleet, name) for name in fleet.members), "the Secret is in every member")
        yield found
    finally:
        fleet.karmada.kubectl("delete", "--filename=-", stdin=canary(found))


def has_canary(fleet: Fleet, member: str) -> bool:
    found = fleet.members[member].kubectl("get", "secret", "canary", "--ignore-not-found", "--output=name")
    return bool(found.strip())


def test_secrets_and_works_rest_encrypted_in_karmadas_etcd(fleet: Fleet, text: str) -> None:
    assert_encrypted(fleet, text)


def assert_encrypted(fleet: Fleet, text: str, key: str = "first") -> None:
    """All secrets and works are encrypted by a key, and a text is nowhere in what etcd holds."""
    everything = stored(fleet.layout, "/registry/")
    asked = {path: value for path, value in everything.items() if path.startswith((SECRETS, WORKS))}
    assert sum(path.startswith(WORKS) and "canary" in path for path in asked) >= len(fleet.members)
    assert f"{SECRETS}default/canary" in asked
    begin = ENCRYPTED + f"{key}-".encode()
    assert [path for path, value in asked.items() if not value.startswith(begin)] == []
    spelled = (text.encode(), base64.b64encode(text.encode()).rstrip(b"="))
    assert [path for path, value in everything.items() if any(form in value for form in spelled)] == []


def test_what_the_schedules_job_sends_is_sealed_for_its_recipient_alone(
    fleet: Fleet, text: str, tmp_path: Path
) -> None:
    operator = Operator(layout=fleet.layout, backups=fleet.outputs["backups"])
    name, size = operator.do("backup", operator.manager).split()
    sealed = Bucket.of(fleet.layout, fleet.outputs["backups"], tmp_path).get(name)
    assert sealed.startswith(b"age-encryption.org/v1\n-> X25519 ")
    assert len(sealed) == int(size)
    assert f"{name}  {size}" in operator.do("backups", *operator.store).splitlines()
    assert not any(form in sealed for form in (text.encode(), b"/registry/", b"karmada.io"))

    (tmp_path / "sealed").write_bytes(sealed)
    opened = subprocess.run(
        [tool_path("age"), "--decrypt", "--identity", IDENTITY, tmp_path / "sealed"], capture_output=True, check=True
    ).stdout
    assert b"/registry/secrets/default/canary" in opened, "it is the etcd that has the Secret"
    assert text.encode() not in opened, "which rests encrypted in the backup, too"


def test_the_newest_backup_is_a_claim_with_its_age_and_size(fleet: Fleet) -> None:
    operator = Operator(layout=fleet.layout, backups=fleet.configured().outputs["backups"])
    size = operator.do("backup", operator.manager).split()[1]

    def told() -> bool:
        claim = backed_up(fleet.outputs, fleet.views["cluster-manager"], partial(ask, fleet.layout))
        return claim.holds and claim.evidence == f"the newest is 0 min old, {size} bytes"

    eventually(told, "the CronJob has counted the backup by hand")


TURN = (
    ("first", {"keys": ["first", "next"]}),
    ("next", {"keys": ["first", "next"], "writing": "next"}),
    ("first", {"keys": ["first", "next"], "writing": "first"}),
    ("first", {"keys": ["first"], "writing": None}),
)
"""There and back, so that in the end the config is the checked-in one, and a key that has written is gone."""


@pytest.mark.endurance
def test_another_key_takes_over_step_by_step_and_no_pod_in_a_member_restarts(
    fleet: Fleet, text: str, say: Callable[[str], None]
) -> None:
    before = pods(fleet)
    with Readiness(fleet.karmada.view, say=say) as readiness:
        for writing, keys in TURN:
            fleet.up(karmada={"encryption": keys})
            assert_encrypted(fleet, text, writing)
    away = silent_seconds(readiness.looks)
    print(f"\nKarmada's API was away for {away:.0f} s at a time while its only API server was replaced four times")
    assert away < AWAY_SECONDS, "it serves until the next one is ready"
    found = fleet.karmada.get("secret", "canary")["data"]["text"]
    assert base64.b64decode(found).decode() == text, "what the dropped key had encrypted is read without it"
    fleet.sections = {}
    assert fleet.stack.changes() == {}
    assert pods(fleet) == before


def pods(fleet: Fleet) -> dict[str, tuple[str, int]]:
    """Every pod of every member but Karmada's agent: its uid, and how often it has restarted."""
    return {
        f"{name}/{pod['metadata']['namespace']}/{pod['metadata']['name']}": (
            pod["metadata"]["uid"],
            sum(one["restartCount"] for one in pod["status"].get("containerStatuses", ())),
        )
        for name, member in fleet.members.items()
        for pod in member.get("pods", "--all-namespaces")["items"]
        if pod["metadata"]["namespace"] != "karmada-system"
    }
