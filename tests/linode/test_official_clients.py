"""Linode's own clients against the emulated API: linode_api4, and linode-cli with the article's commands."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from linode_api4 import (
    ApiError,
    Firewall,
    FirewallCreateDevicesOptions,
    Instance,
    LinodeClient,
    LKECluster,
    LKEClusterControlPlaneACLAddressesOptions,
    LKEClusterControlPlaneACLOptions,
    LKEClusterControlPlaneOptions,
    NodeBalancer,
    ObjectStorageKeys,
    Volume,
)

from sandbox.linode import UNLIMITED, LinodeApi, LinodeApiArgs
from tests.linode.conftest import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

LINODE_CLI = Path(sys.executable).parent / "linode-cli"


@pytest.fixture
def ready_api() -> Iterator[LinodeApi]:
    """An account where everything is ready at once."""
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED)) as running:
        yield running


@pytest.fixture(params=["v4", "v4beta"])
def client(ready_api: LinodeApi, request: pytest.FixtureRequest) -> Iterator[LinodeClient]:
    """Linode's Python library, at both versions of the API that it speaks."""
    linode = LinodeClient(ready_api.token, base_url=f"{ready_api.url}/{request.param}")
    yield linode
    linode.session.close()


def _cluster(client: LinodeClient, count: int = 1) -> LKECluster:
    pool = client.lke.node_pool("g6-standard-1", count)
    return client.lke.cluster_create("eu-west", "eu", "1.35", node_pools=pool)


def _first_node(client: LinodeClient, cluster: LKECluster) -> Any:
    """The first node of the first pool, asked for anew."""
    return client.load(LKECluster, cluster.id).pools[0].nodes[0]


def test_linode_api4_looks_up_the_catalogue(client: LinodeClient) -> None:
    assert "Kubernetes" in client.load(type(client.regions()[0]), "eu-west").capabilities
    assert {plan.id: plan.price.monthly for plan in client.linode.types()}["g6-standard-2"] == 24.0
    assert [version.id for version in client.lke.versions()] == ["1.35"]
    assert {entry.id: entry.price.monthly for entry in client.lke.types()}["lke-ha"] == 60.0
    assert {entry.id: entry.price.monthly for entry in client.nodebalancers.types()}["nodebalancer"] == 10.0
    assert next(iter(client.volumes.types())).price.monthly == 0.1
    assert client.profile().username == "sandbox"
    assert "LKE HA Control Planes" in client.account().capabilities


def test_linode_api4_takes_a_cluster_through_its_life(client: LinodeClient) -> None:
    cluster = _cluster(client, count=2)
    pool = cluster.pools[0]
    eventually(lambda: _first_node(client, cluster).status == "ready", "the node is ready")
    node = pool.nodes[0]
    instance = client.load(Instance, node.instance_id)
    assert instance.lke_cluster_id == cluster.id
    assert instance.ipv4[0].startswith("198.51.100.")

    kubeconfig = yaml.safe_load(base64.b64decode(cluster.kubeconfig))
    assert kubeconfig["current-context"] == f"lke{cluster.id}-ctx"
    assert [endpoint.endpoint for endpoint in cluster.api_endpoints] == [kubeconfig["clusters"][0]["cluster"]["server"]]
    assert cluster.cluster_dashboard_url_view().startswith("https://")

    pool.count = 3
    pool.save()
    assert len(client.load(LKECluster, cluster.id).pools[0].nodes) == 3
    extra = cluster.node_pool_create("g6-standard-2", 1, labels={"role": "mesh"}, taints=[])
    assert extra.labels.dict == {"role": "mesh"}
    assert cluster.node_view(node.id).id == node.id
    cluster.node_delete(node.id)
    extra.delete()
    assert [len(left.nodes) for left in client.load(LKECluster, cluster.id).pools] == [2]

    cluster.label = "renamed"
    cluster.tags = ["platform"]
    cluster.save()
    assert client.load(LKECluster, cluster.id).tags == ["platform"]
    assert client.lke.clusters(LKECluster.label == "renamed")[0].id == cluster.id
    assert cluster.delete()
    with pytest.raises(ApiError, match="Not found") as missing:
        client.load(LKECluster, cluster.id)
    assert missing.value.status == 404


def test_linode_api4_recycles_and_rotates(client: LinodeClient) -> None:
    cluster = _cluster(client)
    eventually(lambda: _first_node(client, cluster).status == "ready", "the node is ready")
    before = cluster.pools[0].nodes[0].id
    token = cluster.kubeconfig
    cluster.kubeconfig_delete()
    cluster.service_token_delete()
    assert client.load(LKECluster, cluster.id).kubeconfig != token
    for recycle in (cluster.cluster_nodes_recycle, cluster.pools[0].recycle):
        recycle()
        eventually(lambda: _first_node(client, cluster).id != before, "the node is another")


def test_linode_api4_sets_an_acl(client: LinodeClient) -> None:
    addresses = LKEClusterControlPlaneACLAddressesOptions(ipv4=["10.0.0.1"], ipv6=["2001:db8::1"])
    acl = LKEClusterControlPlaneACLOptions(enabled=True, addresses=addresses)
    options = LKEClusterControlPlaneOptions(high_availability=True, acl=acl)
    pool = client.lke.node_pool("g6-standard-1", 3)
    cluster = client.lke.cluster_create("eu-west", "eu", "1.35", node_pools=pool, control_plane=options)
    assert cluster.control_plane.high_availability
    assert cluster.control_plane_acl.addresses.ipv4 == ["10.0.0.1/32"]
    cluster.control_plane_acl_update({"addresses": {"ipv4": ["10.0.0.2/32"]}})
    cluster.invalidate()
    assert cluster.control_plane_acl.addresses.ipv4 == ["10.0.0.2/32"]
    cluster.control_plane_acl_delete()
    cluster.invalidate()
    assert not cluster.control_plane_acl.enabled


def test_linode_api4_balances_and_attaches(client: LinodeClient) -> None:
    cluster = _cluster(client)
    node = client.load(Instance, cluster.pools[0].nodes[0].instance_id)
    balancer = client.nodebalancer_create("eu-west", label="ccm-1", tags=[f"lke{cluster.id}"])
    config = balancer.config_create(port=80, protocol="tcp", check="connection")
    config.node_create("node", f"{node.ipv4[0]}:30080", mode="accept")
    config.invalidate()
    assert config.nodes_status.up == 1
    assert balancer.configs[0].nodes[0].address == f"{node.ipv4[0]}:30080"
    assert client.nodebalancers(NodeBalancer.label == "ccm-1")[0].ipv4.address == balancer.ipv4.address

    volume = client.volume_create("pvc1", region="eu-west", size=10)
    assert volume.attach(node)
    assert client.load(Volume, volume.id).linode_id == node.id
    assert volume.detach()
    assert volume.delete()
    cluster.delete()
    assert balancer.delete(), "it is left when its cluster is gone"
    assert list(client.nodebalancers()) == []


def test_linode_api4_reports_errors_with_their_fields(client: LinodeClient) -> None:
    with pytest.raises(ApiError) as refused:
        client.lke.cluster_create("mars", "eu", "9.9", node_pools=client.lke.node_pool("g6-standard-1", 1))
    assert refused.value.status == 400
    assert refused.value.errors == ["region is not valid", "k8s_version is not valid"]


def test_linode_api4_guards_a_node(client: LinodeClient) -> None:
    node = client.load(Instance, _first_node(client, _cluster(client)).instance_id)
    door = {"action": "ACCEPT", "protocol": "TCP", "ports": "32443", "addresses": {"ipv4": ["192.0.2.0/24"]}}
    rules = {"inbound": [door], "inbound_policy": "DROP", "outbound": [], "outbound_policy": "ACCEPT"}
    firewall = client.networking.firewall_create("door", rules, FirewallCreateDevicesOptions(linodes=[node.id]))
    assert [(device.entity.id, device.entity.type) for device in firewall.devices] == [(node.id, "linode")]
    assert [known.id for known in node.firewalls()] == [firewall.id]
    firewall.update_rules(rules | {"inbound": []})
    assert firewall.get_rules()["version"] == 2
    firewall.status = "disabled"
    firewall.save()
    assert [known.status for known in client.networking.firewalls(Firewall.label == "door")] == ["disabled"]

    balancer = client.nodebalancer_create("eu-west", label="ccm-1")
    device = firewall.device_create(balancer.id, "nodebalancer")
    assert [known.id for known in balancer.firewalls()] == [firewall.id]
    assert device.delete()
    assert firewall.delete()
    assert list(client.networking.firewalls()) == list(node.firewalls()) == []


def _cli(api: LinodeApi, home: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run linode-cli as a user would, with nothing of this machine's own configuration."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "LINODE_CLI_API_HOST": api.url.removeprefix("http://"),
        "LINODE_CLI_API_SCHEME": "http",
        "LINODE_CLI_TOKEN": api.token,
        # Any request that is not for the emulated API has to fail at once.
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    arguments = [str(LINODE_CLI), *shlex.split(command)]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _cli_data(api: LinodeApi, home: Path, command: str) -> Any:
    """What a command prints as JSON."""
    finished = _cli(api, home, f"{command} --json")
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_the_articles_commands_create_a_cluster_and_save_its_kubeconfig(ready_api: LinodeApi, tmp_path: Path) -> None:
    command = "lke cluster-create --label cluster-manager --region eu-west --k8s_version 1.35"
    made = _cli(ready_api, tmp_path, command)
    assert made.returncode == 0, made.stderr
    (cluster,) = _cli_data(ready_api, tmp_path, "lke clusters-list")
    assert (cluster["label"], cluster["region"], cluster["k8s_version"]) == ("cluster-manager", "eu-west", "1.35")

    viewed = _cli(ready_api, tmp_path, f"lke kubeconfig-view {cluster['id']} --text")
    assert viewed.returncode == 0, viewed.stderr
    # The article pipes through `tail +2 | base64 -d`: a heading, then the file.
    heading, encoded = viewed.stdout.splitlines()
    assert heading == "kubeconfig"
    assert yaml.safe_load(base64.b64decode(encoded))["current-context"] == f"lke{cluster['id']}-ctx"


def test_linode_cli_manages_pools_nodes_and_addresses(ready_api: LinodeApi, tmp_path: Path) -> None:
    (made,) = _cli_data(ready_api, tmp_path, "lke cluster-create --label eu --region eu-west --k8s_version 1.35")
    cluster = made["id"]
    _cli_data(ready_api, tmp_path, f"lke pool-create {cluster} --type g6-standard-1 --count 2 --tags mesh")
    instances = _cli_data(ready_api, tmp_path, "linodes list --tags mesh")
    assert [item["ipv4"][0][:11] for item in instances] == ["198.51.100."] * 2
    (balancer,) = _cli_data(ready_api, tmp_path, f"nodebalancers create --region eu-west --tags lke{cluster}")
    assert balancer["ipv4"].startswith("203.0.113.")
    assert _cli(ready_api, tmp_path, f"lke cluster-delete {cluster}").returncode == 0
    assert _cli_data(ready_api, tmp_path, "linodes list") == []


def test_linode_api4_makes_a_bucket_and_a_key_to_it(client: LinodeClient) -> None:
    storage = client.object_storage
    assert {endpoint.region: endpoint.s3_endpoint for endpoint in storage.endpoints()}["de-fra-2"].startswith(
        "de-fra-1"
    )
    bucket = storage.bucket_create("us-east", "fleet-state")
    assert (bucket.region, bucket.label, bucket.s3_endpoint) == (
        "us-east",
        "fleet-state",
        "us-east-1.linodeobjects.com",
    )
    key = storage.keys_create("state", bucket_access=storage.bucket_access("us-east", "fleet-state", "read_write"))
    assert key.secret_key
    assert client.load(ObjectStorageKeys, key.id).secret_key == "[REDACTED]"
    assert [known.label for known in storage.buckets()] == ["fleet-state"]
    assert next(iter(storage.types())).price.monthly == 5.0
    key.delete()
    bucket.delete()
    assert list(storage.buckets()) == list(storage.keys()) == []


def test_linode_cli_makes_and_revokes_keys_of_object_storage(ready_api: LinodeApi, tmp_path: Path) -> None:
    (key,) = _cli_data(ready_api, tmp_path, "object-storage keys-create --label state")
    assert [known["label"] for known in _cli_data(ready_api, tmp_path, "object-storage keys-list")] == ["state"]
    assert _cli(ready_api, tmp_path, f"object-storage keys-delete {key['id']}").returncode == 0
    assert _cli_data(ready_api, tmp_path, "object-storage keys-list") == []
    assert len(_cli_data(ready_api, tmp_path, "object-storage endpoints")) == 25


def test_linode_cli_guards_a_node(ready_api: LinodeApi, tmp_path: Path) -> None:
    (cluster,) = _cli_data(ready_api, tmp_path, "lke cluster-create --label eu --region eu-west --k8s_version 1.35")
    _cli_data(ready_api, tmp_path, f"lke pool-create {cluster['id']} --type g6-standard-1 --count 1")
    (node,) = _cli_data(ready_api, tmp_path, "linodes list")
    rule = {"action": "ACCEPT", "protocol": "TCP", "ports": "22", "addresses": {"ipv4": ["192.0.2.0/24"]}}
    rules = f"--rules.inbound_policy DROP --rules.outbound_policy ACCEPT --rules.inbound '{json.dumps([rule])}'"
    (made,) = _cli_data(ready_api, tmp_path, f"firewalls create --label door {rules}")
    _cli_data(ready_api, tmp_path, f"firewalls device-create {made['id']} --type linode --id {node['id']}")
    (device,) = _cli_data(ready_api, tmp_path, f"firewalls devices-list {made['id']}")
    assert device["entity"]["id"] == node["id"]
    (shown,) = _cli_data(ready_api, tmp_path, f"firewalls rules-list {made['id']}")
    assert (shown["inbound_policy"], shown["inbound"][0]["ports"]) == ("DROP", "22")
    wrong = _cli(ready_api, tmp_path, f"firewalls rules-update {made['id']} --inbound_policy REJECT")
    assert "Must be one of ACCEPT, DROP" in wrong.stderr
    assert _cli(ready_api, tmp_path, f"firewalls delete {made['id']}").returncode == 0
    assert _cli_data(ready_api, tmp_path, "firewalls list") == []


def test_linode_cli_shows_the_apis_reasons(ready_api: LinodeApi, tmp_path: Path) -> None:
    refused = _cli(ready_api, tmp_path, "lke cluster-create --label eu --region mars --k8s_version 1.35")
    assert refused.returncode != 0
    assert "region is not valid" in refused.stderr
