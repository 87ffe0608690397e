"""What is found of a check in an account, by the official client on the emulated one, and what is not."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from linode_api4 import Instance, LinodeClient

from operations.account.leftovers import Noted, note, search
from operations.errors import OperationError
from sandbox.linode import UNLIMITED, AccessToken, LinodeApi, LinodeApiArgs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TAG = "fleet-check-1a2b3c"
NOTED = Noted(tag=TAG)
MARKED = {"tags": [f"check:{TAG}"]}
LEFT_ALONE = {"tags": ["check:fleet-check-ffffff", "lke99"]}
RULES = {"inbound": [], "inbound_policy": "DROP", "outbound": [], "outbound_policy": "ACCEPT"}


@pytest.fixture
def api() -> Iterator[LinodeApi]:
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED)) as running:
        yield running


@pytest.fixture
def client(api: LinodeApi) -> Iterator[LinodeClient]:
    linode = LinodeClient(api.token, base_url=f"{api.url}/v4")
    yield linode
    linode.session.close()


def cluster(client: LinodeClient, **fields: Any) -> Any:
    pool = client.lke.node_pool("g6-standard-1", 1)
    return client.lke.cluster_create("eu-west", "eu-x1y2", "1.35", node_pools=pool, **fields)


def balancer(client: LinodeClient, **fields: Any) -> Any:
    return client.nodebalancer_create("eu-west", label="ccm-1", **fields)


def volume(client: LinodeClient, **fields: Any) -> Any:
    return client.volume_create("pvc1", region="eu-west", size=10, **fields)


def firewall(client: LinodeClient, **fields: Any) -> Any:
    return client.networking.firewall_create("karmada-1", RULES, **fields)


def bucket(client: LinodeClient, label: str = f"{TAG}-backups") -> Any:
    return client.object_storage.bucket_create("us-east", label)


def key(client: LinodeClient, label: str = f"reader of {TAG}") -> Any:
    return client.object_storage.keys_create(label)


PLANTED: list[tuple[Callable[[LinodeClient], Any], str, set[str]]] = [
    (lambda client: cluster(client, **MARKED), "eu-x1y2", {"LKE cluster"}),
    (lambda client: balancer(client, **MARKED), "ccm-1", {"NodeBalancer"}),
    (lambda client: volume(client, **MARKED), "pvc1", {"Volume"}),
    (lambda client: firewall(client, **MARKED), "karmada-1", {"Firewall"}),
    (bucket, f"{TAG}-backups", {"bucket"}),
    (key, f"reader of {TAG}", {"Object Storage key"}),
]


@pytest.mark.parametrize(("plant", "label", "kinds"), PLANTED, ids=[next(iter(kinds)) for *_, kinds in PLANTED])
def test_what_a_check_left_of_each_kind_is_found(
    client: LinodeClient, plant: Callable[[LinodeClient], Any], label: str, kinds: set[str]
) -> None:
    plant(client)
    found = search(client, NOTED)
    assert {(one.kind, one.label) for one in found} == {(kind, label) for kind in kinds}


def test_what_belongs_to_others_is_left_alone(client: LinodeClient) -> None:
    cluster(client, **LEFT_ALONE)
    balancer(client, **LEFT_ALONE)
    volume(client, **LEFT_ALONE)
    firewall(client, **LEFT_ALONE)
    bucket(client, "fleet-state")
    key(client, "fleet-state fleet-state")
    assert search(client, Noted(tag=TAG, clusters=frozenset({98}))) == []


def test_what_lke_made_is_found_when_its_cluster_is_gone(client: LinodeClient) -> None:
    ours = cluster(client, **MARKED)
    node = client.load(Instance, ours.pools[0].nodes[0].instance_id)
    disk = volume(client)
    disk.attach(node)
    balancer(client, tags=[f"lke{ours.id}"])
    firewall(client, tags=[f"lke{ours.id}"])
    noted = note(client, NOTED)
    assert noted.clusters == {ours.id}
    assert noted.volumes == {disk.id}
    assert {one.kind for one in search(client, noted)} == {
        "LKE cluster",
        "Linode",
        "NodeBalancer",
        "Volume",
        "Firewall",
    }
    ours.delete()
    assert {one.kind for one in search(client, note(client, noted))} == {"NodeBalancer", "Volume", "Firewall"}
    assert {one.kind for one in search(client, NOTED)} == set(), "nobody could tell them without what was noted"


def test_a_bucket_that_the_stack_made_is_known_by_its_name_and_its_keys_by_theirs(client: LinodeClient) -> None:
    bucket(client, "my-backups")
    grant = client.object_storage.bucket_access("us-east", "my-backups", "read_write")
    client.object_storage.keys_create("fleet-backup my-backups", bucket_access=grant)
    found = search(client, Noted(tag=TAG, buckets=frozenset({"my-backups"})))
    assert {one.kind for one in found} == {"bucket", "Object Storage key"}


def test_the_commands_that_are_told_remove_what_is_left(api: LinodeApi, client: LinodeClient, tmp_path: Path) -> None:
    for plant, *_ in PLANTED:
        plant(client)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LINODE_CLI_API_HOST": api.url.removeprefix("http://"),
        "LINODE_CLI_API_SCHEME": "http",
        "LINODE_CLI_TOKEN": api.token,
        # Any request that is not for the emulated API has to fail at once.
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    for one in search(client, NOTED):
        program, *arguments = shlex.split(one.remedy)
        if program == "linode-cli":
            line = [str(Path(sys.executable).parent / program), *arguments]
            done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, f"{one.remedy}: {done.stdout}{done.stderr}"
    assert [one.remedy for one in search(client, NOTED)] == [
        f"https://cloud.linode.com/object-storage/buckets/us-east/{TAG}-backups"
    ], "linode-cli has no command that removes a bucket by the API alone"


@pytest.mark.parametrize(
    ("scope", "access"),
    [
        ("lke", "Kubernetes"),
        ("linodes", "Linodes"),
        ("nodebalancers", "NodeBalancers"),
        ("volumes", "Volumes"),
        ("firewall", "Firewalls"),
        ("object_storage", "Object Storage"),
    ],
)
def test_a_token_that_does_not_read_a_kind_is_refused_by_its_name(scope: str, access: str) -> None:
    scopes = ("lke", "linodes", "nodebalancers", "volumes", "firewall", "object_storage")
    token = AccessToken(secret="t" * 64, scopes=" ".join(f"{one}:read_only" for one in scopes if one != scope))
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED, tokens=(token,))) as api:
        client = LinodeClient(token.secret, base_url=f"{api.url}/v4")
        with pytest.raises(OperationError, match=f"Use a token with access to {access}"):
            search(client, NOTED)
        client.session.close()


def test_every_page_of_a_list_is_searched(client: LinodeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.account.leftovers._PAGE", 25)
    for number in range(26):
        client.volume_create(f"other{number}", region="eu-west", size=10)
    volume(client, **MARKED)
    assert [one.label for one in search(client, NOTED)] == ["pvc1"]
