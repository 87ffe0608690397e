"""Claims about backups: where they go, with which key, who encrypts them for whom, and what the config may say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleet.config.reader import parse
from fleet.deployed import Deployed
from fleet.karmada import backup
from fleet.lke import catalogue
from fleet.naming import signing_region
from tests.unit.configs import fleet_of
from tests.unit.graph import Graph, build, contains_unmarked, is_secret
from tests.unit.test_config import changed, errors_of

RECIPIENT = "age1m3fg9r3vcn353sj7lqn0pg0dm0e2hyfykth0ujm0rwcqv89f5vxqrqr5pn"
SETTINGS = {"bucket": "prod-backups", "region": "us-east", "recipient": RECIPIENT, "keep": 7}
CRON_JOB = "kubernetes:batch/v1:CronJob"
SECRET = "kubernetes:core/v1:Secret"
BUCKET = "linode:index/objectStorageBucket:ObjectStorageBucket"
KEY = "linode:index/objectStorageKey:ObjectStorageKey"


def fleet(**settings: Any) -> Graph:
    return build(fleet_of(1, layers=["karmada"], karmada={"backup": SETTINGS | settings}))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return fleet()


def pod_of(graph: Graph) -> Any:
    return job_of(graph)["template"]["spec"]


def job_of(graph: Graph) -> Any:
    return graph.one(CRON_JOB, "karmada-backup-cron").plain()["spec"]["jobTemplate"]["spec"]


def environment(graph: Graph) -> dict[str, str]:
    (container,) = pod_of(graph)["containers"]
    return {variable["name"]: variable["value"] for variable in container["env"]}


def test_the_bucket_is_private_and_outlives_the_fleet(graph: Graph) -> None:
    bucket = graph.one(BUCKET, "karmada-backup-bucket")
    assert bucket.plain() == {"label": "prod-backups", "region": "us-east", "acl": "private", "corsEnabled": False}
    assert bucket.retained


def test_the_key_reaches_that_bucket_alone(graph: Graph) -> None:
    assert graph.one(KEY, "karmada-backup-key").plain()["bucketAccesses"] == [
        {"bucketName": "prod-backups", "permissions": "read_write", "region": "us-east"}
    ]


def test_another_key_is_in_the_jobs_secret_with_the_update_that_replaces_it(graph: Graph) -> None:
    key, secret = graph.one(KEY, "karmada-backup-key"), graph.one(SECRET, "karmada-backup-secret")
    assert key.urn in secret.sources["stringData"], "`pulumi up --replace` of the key changes both"
    assert not key.delete_before_replace, "the old one is there until the new one is in the Secret"
    named = [volume["secret"]["secretName"] for volume in pod_of(graph)["volumes"] if "secret" in volume]
    assert set(named) == {secret.plain()["metadata"]["name"]}, "which each run of the CronJob mounts as it is then"


def test_neither_the_key_nor_the_certificate_stands_in_a_command_or_in_the_clear(graph: Graph) -> None:
    secret = graph.one(SECRET, "karmada-backup-secret")
    for part in ("curl", "tls.key"):
        assert is_secret(secret.inputs["stringData"]) or is_secret(secret.inputs["stringData"][part])
    found = secret.plain()["stringData"]
    assert found["curl"] == ('user = "ACCESS:secret of karmada-backup-key"\naws-sigv4 = "aws:amz:us-east-1:s3"\n')
    for node in graph.nodes.values():
        assert not contains_unmarked(node.inputs, "secret of karmada-backup-key"), node.urn
    assert "secret of karmada-backup-key" not in json.dumps(pod_of(graph))


def test_etcd_lets_the_job_in_and_karmadas_api_gives_it_no_right(graph: Graph) -> None:
    request = graph.one("tls:index/certRequest:CertRequest", "karmada-backup-identity-request").plain()
    assert request["subject"] == {"commonName": backup.USER}, "no group, and no role is bound to the user"
    bindings = [node for node in graph.nodes.values() if node.type.endswith("RoleBinding")]
    assert not any(backup.USER in json.dumps(node.plain()) for node in bindings)
    account = graph.one("kubernetes:core/v1:ServiceAccount", "karmada-backup-account").plain()
    assert account["automountServiceAccountToken"] is False
    assert not any("karmada-backup" in json.dumps(node.plain()["subjects"]) for node in bindings)


def test_who_saves_has_the_certificate_and_who_sends_has_the_key(graph: Graph) -> None:
    pod = pod_of(graph)
    mounts = {
        container["name"]: [mount["name"] for mount in container["volumeMounts"]]
        for container in [*pod["initContainers"], *pod["containers"]]
    }
    assert mounts == {"save": ["work", "certificates"], "check": ["work"], "send": ["work", "bucket"]}
    parts = {
        volume["name"]: [item["key"] for item in volume["secret"]["items"]]
        for volume in pod["volumes"]
        if "secret" in volume
    }
    assert parts == {"certificates": ["ca.crt", "tls.crt", "tls.key"], "bucket": ["curl"]}


def test_no_container_can_do_more_than_its_work(graph: Graph) -> None:
    pod, job = pod_of(graph), job_of(graph)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert (pod["automountServiceAccountToken"], pod["serviceAccountName"]) == (False, "karmada-backup")
    for container in [*pod["initContainers"], *pod["containers"]]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"].keys() == {"requests", "limits"}
    spec = graph.one(CRON_JOB, "karmada-backup-cron").plain()["spec"]
    assert (spec["concurrencyPolicy"], spec["schedule"], spec["timeZone"]) == ("Forbid", "17 3 * * *", "Etc/UTC")
    assert job["activeDeadlineSeconds"] == backup.DEADLINE_SECONDS


def test_the_job_is_told_where_for_whom_and_how_many_stay(graph: Graph) -> None:
    told = environment(graph)
    assert told["URL"] == "https://us-east-1.linodeobjects.com/prod-backups"
    assert (told["PREFIX"], told["RECIPIENT"], told["KEEP"]) == ("karmada/test/", RECIPIENT, "7")
    [name] = told["KEYS"].split(",")
    assert name.startswith("first-"), "whoever restores learns which key of encryption at rest it takes"
    assert graph.outputs["stack"]["backups"] == {
        "bucket": "prod-backups",
        "region": "us-east",
        "endpoint": "https://us-east-1.linodeobjects.com",
        "prefix": "karmada/test/",
    }


def test_kubernetes_puts_nothing_into_its_script(graph: Graph) -> None:
    assert "$$" not in backup.SCRIPT
    assert not any(f"$({name})" in backup.SCRIPT for name in environment(graph))


def test_another_address_is_used_as_it_stands() -> None:
    graph = fleet(endpoint="http://s3.example:9000")
    assert environment(graph)["URL"] == "http://s3.example:9000/prod-backups"
    assert "aws:amz:us-east-1:s3" in graph.one(SECRET, "karmada-backup-secret").plain()["stringData"]["curl"]


def test_requests_are_signed_for_the_region_that_linodes_host_is_named_after() -> None:
    assert signing_region("https://us-ord-10.linodeobjects.com") == "us-ord-10"


def test_without_a_word_there_is_no_backup() -> None:
    graph = build(fleet_of(1, layers=["karmada"]))
    assert graph.of_type(BUCKET, KEY) == []
    assert graph.outputs["stack"].get("backups") is None


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("bucket", "Backups", "must have 3 to 63 lower-case letters"),
        ("bucket", "my.backups", "must have 3 to 63 lower-case letters"),
        ("region", "US East", "DNS label"),
        ("schedule", "daily", "the five fields of cron, in UTC, such as '17 3 * * *'"),
        ("keep", 0, "must be at least 1"),
        ("endpoint", "s3.example", "must be an address with its scheme and no path"),
        ("endpoint", "https://s3.example/bucket", "must be an address with its scheme and no path"),
        ("recipient", "ssh-ed25519 AAAA", "must be a recipient of age: the public key that age-keygen prints"),
        ("recipient", f"{RECIPIENT[:-1]}q", "its checksum is wrong; copy it again"),
        ("recipient", RECIPIENT.replace("m3fg", "m3gf"), "its checksum is wrong; copy it again"),
    ],
)
def test_what_cannot_be_a_backup_is_refused_with_the_key_and_the_remedy(key: str, value: Any, reason: str) -> None:
    errors = errors_of(changed("karmada.backup", SETTINGS | {key: value}))
    assert any(error.startswith(f"karmada.backup.{key}: ") and reason in error for error in errors), errors


def test_a_private_key_in_the_config_is_refused_and_not_shown() -> None:
    [error] = errors_of(changed("karmada.backup", SETTINGS | {"recipient": "AGE-SECRET-KEY-1QQPPZZ"}))
    assert error.startswith("karmada.backup.recipient: is a private key, known to all who could read this file")
    assert "QQPPZZ" not in error


@pytest.mark.parametrize("missing", ["bucket", "region", "recipient"])
def test_a_backup_needs_a_place_and_a_recipient(missing: str) -> None:
    settings = {name: value for name, value in SETTINGS.items() if name != missing}
    assert any(
        error.startswith(f"karmada.backup.{missing}: missing")
        for error in errors_of(changed("karmada.backup", settings))
    )


def test_a_region_without_object_storage_is_refused_unless_the_bucket_is_there() -> None:
    offered = catalogue.Catalogue(
        regions={"eu-west": frozenset({"Kubernetes"}), "us-east": frozenset({"Kubernetes"})},
        types={"g6-standard-2": "standard"},
        kubernetes_versions=frozenset({"1.35"}),
        storage_regions=frozenset({"us-east"}),
    )
    config = parse(changed("karmada.backup", SETTINGS | {"region": "us-eats"}))
    [error] = catalogue.errors(config, offered, Deployed())
    assert error == "karmada.backup.region: 'us-eats' is not a region with Object Storage; did you mean us-east?"
    there = Deployed.model_validate({"backups": {"region": "us-eats"}})
    assert catalogue.errors(config, offered, there) == []
