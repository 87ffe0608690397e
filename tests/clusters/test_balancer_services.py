"""What the cloud controller makes of Services in the account, through the official client, and when."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client
from linode_api4 import LinodeClient

from sandbox.clusters.cloud_controller.args import CloudControllerArgs
from sandbox.clusters.cloud_controller.services import FINALIZER, ServiceController, balancer_label
from sandbox.linode.limits import UNLIMITED
from sandbox.linode.server import LinodeApi, LinodeApiArgs
from tests.clusters.services import service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.clusters.cloud_controller.objects import Object

ALLOWED = {"firewall-acl": '{"allowList": {"ipv4": ["192.0.2.0/24"]}}'}


def node(name: str, address: str) -> client.V1Node:
    return client.V1Node(
        metadata=client.V1ObjectMeta(name=name),
        spec=client.V1NodeSpec(provider_id="linode://1"),
        status=client.V1NodeStatus(
            conditions=[client.V1NodeCondition(type="Ready", status="True")],
            addresses=[client.V1NodeAddress(type="ExternalIP", address=address)],
        ),
    )


ONE, TWO = node("node-one", "198.51.100.10"), node("node-two", "198.51.100.11")


class Core:
    """The part of an API server that the controller writes to."""

    def __init__(self, kept: Object) -> None:
        self.kept = kept

    def patch_namespaced_service(self, *_: str, **__: str) -> None:
        self.kept.metadata.finalizers = self._body(_)["metadata"]["finalizers"]

    def patch_namespaced_service_status(self, *given: Any) -> None:
        ingress = self._body(given)["status"]["loadBalancer"]["ingress"] or []
        self.kept.status.load_balancer.ingress = [
            client.V1LoadBalancerIngress(hostname=item["hostname"], ip=item.get("ip"), ip_mode=item.get("ipMode"))
            for item in ingress
        ]

    def _body(self, given: tuple[Any, ...]) -> Any:
        assert given[:2] == ("web", "shop")
        return given[2]


@dataclass
class Cloud:
    """An account, a Service, and the controller between them."""

    account: LinodeClient
    folder: Path
    service: Object = field(default_factory=service)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Start the controller anew."""
        unused: Any = None
        args = CloudControllerArgs(
            cluster_id=1,
            region="eu-west",
            api=unused,
            linode=self.account,
            pods=lambda _name: None,
            volumes=self.folder,
            attached=self.folder.joinpath,
        )
        core: Any = Core(self.service)
        self._controller = ServiceController(core, args)

    def annotate(self, **annotations: str) -> None:
        """Give the Service these annotations and no others."""
        self.service.metadata.annotations = service(**annotations).metadata.annotations

    def sync(self, *nodes: client.V1Node) -> None:
        """Have the controller look at the Service and its nodes."""
        self._controller.sync([self.service], list(nodes or (ONE,)))

    @property
    def balancers(self) -> list[dict[str, Any]]:
        """The account's."""
        found: list[dict[str, Any]] = self.account.get("/nodebalancers")["data"]
        return found

    @property
    def balancer(self) -> dict[str, Any]:
        """The account's only one."""
        [only] = self.balancers
        return only

    def configs(self) -> dict[int, dict[str, Any]]:
        """The configs of the only one, by port."""
        path = f"/nodebalancers/{self.balancer['id']}/configs"
        return {config["port"]: config for config in self.account.get(path)["data"]}

    def backends(self, port: int) -> set[str]:
        """The addresses behind a port."""
        path = f"/nodebalancers/{self.balancer['id']}/configs/{self.configs()[port]['id']}/nodes"
        return {backend["address"] for backend in self.account.get(path)["data"]}

    def shown(self) -> list[str]:
        """The addresses that the Service shows."""
        return [str(item.ip) for item in self.service.status.load_balancer.ingress or []]

    def events(self) -> int:
        """How much happened in the account."""
        return int(self.account.get("/account/events")["results"])

    def firewalls(self) -> list[dict[str, Any]]:
        """The account's."""
        found: list[dict[str, Any]] = self.account.get("/networking/firewalls")["data"]
        return found


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED)) as api:
        yield Cloud(account=LinodeClient(api.token, base_url=f"{api.url}/v4"), folder=tmp_path)


def test_a_service_gets_a_balancer_with_its_ports_and_all_nodes_and_shows_its_address(cloud: Cloud) -> None:
    cloud.sync(ONE, TWO)
    assert cloud.balancer["label"] == balancer_label(cloud.service)
    assert cloud.balancer["tags"] == ["lke1"]
    assert cloud.shown() == [cloud.balancer["ipv4"]]
    assert cloud.service.metadata.finalizers == [FINALIZER]
    assert cloud.backends(80) == {"198.51.100.10:30080", "198.51.100.11:30080"}
    assert cloud.backends(443) == {"198.51.100.10:30443", "198.51.100.11:30443"}
    assert {(config["protocol"], config["check"]) for config in cloud.configs().values()} == {("tcp", "connection")}


def test_a_service_shows_name_and_address_as_on_lke_or_the_name_alone_where_it_asks_for_that(cloud: Cloud) -> None:
    cloud.sync()
    [ingress] = cloud.service.status.load_balancer.ingress
    address = cloud.balancer["ipv4"]
    assert (ingress.ip, ingress.ip_mode) == (address, "VIP")
    assert ingress.hostname == f"{address.replace('.', '-')}.ip.linodeusercontent.com" == cloud.balancer["hostname"]
    cloud.annotate(hostname_only_ingress="true")
    cloud.sync()
    [ingress] = cloud.service.status.load_balancer.ingress
    assert (ingress.hostname, ingress.ip, ingress.ip_mode) == (cloud.balancer["hostname"], None, None)


def test_what_has_not_changed_is_left_alone_also_after_a_restart(cloud: Cloud) -> None:
    cloud.sync(ONE)
    before = cloud.events()
    cloud.sync(ONE)
    cloud.restart()
    cloud.sync(ONE)
    assert cloud.events() == before


def test_annotations_reach_a_running_balancer(cloud: Cloud) -> None:
    cloud.sync()
    first = cloud.balancer
    port = json.dumps({"protocol": "http", "stickiness": "http_cookie"})
    cloud.annotate(throttle="7", tags="a-tag,other", port_80=port, default_proxy_protocol="v2", check_interval="9")
    cloud.sync()
    changed, configs = cloud.balancer, cloud.configs()
    assert (changed["id"], changed["ipv4"]) == (first["id"], first["ipv4"])
    assert (changed["client_conn_throttle"], changed["tags"]) == (7, ["lke1", "a-tag", "other"])
    assert (configs[80]["protocol"], configs[80]["stickiness"]) == ("http", "http_cookie")
    assert (configs[443]["protocol"], configs[443]["proxy_protocol"]) == ("tcp", "v2")
    assert configs[443]["check_interval"] == 9
    before = cloud.events()
    cloud.sync()
    cloud.restart()
    cloud.sync()
    assert cloud.events() == before, "what is right is not written again"


def test_a_config_deleted_by_hand_comes_back_when_nodes_change_and_no_sooner(cloud: Cloud) -> None:
    cloud.sync(ONE)
    cloud.account.delete(f"/nodebalancers/{cloud.balancer['id']}/configs/{cloud.configs()[80]['id']}")
    cloud.sync(ONE)
    assert cloud.configs().keys() == {443}
    cloud.sync(ONE, TWO)
    assert cloud.configs().keys() == {80, 443}
    assert cloud.backends(80) == {"198.51.100.10:30080", "198.51.100.11:30080"}


def test_a_balancer_deleted_by_hand_comes_back_when_the_service_changes_and_not_when_nodes_do(cloud: Cloud) -> None:
    cloud.sync(ONE)
    cloud.account.delete(f"/nodebalancers/{cloud.balancer['id']}")
    cloud.sync(ONE, TWO)
    assert cloud.balancers == []
    cloud.annotate(anything="touched")
    cloud.sync(ONE, TWO)
    assert cloud.shown() == [cloud.balancer["ipv4"]]
    assert cloud.backends(80) == {"198.51.100.10:30080", "198.51.100.11:30080"}


def test_a_balancer_deleted_by_hand_comes_back_when_the_controller_restarts(cloud: Cloud) -> None:
    cloud.sync()
    cloud.account.delete(f"/nodebalancers/{cloud.balancer['id']}")
    cloud.restart()
    cloud.sync()
    assert cloud.shown() == [cloud.balancer["ipv4"]]


def test_an_acl_becomes_a_firewall_that_follows_it_and_goes_with_it(cloud: Cloud) -> None:
    cloud.annotate(**ALLOWED)
    cloud.sync()
    [firewall] = cloud.firewalls()
    [rule] = firewall["rules"]["inbound"]
    assert (rule["action"], rule["protocol"], rule["ports"]) == ("ACCEPT", "TCP", "80,443")
    assert rule["addresses"] == {"ipv4": ["192.0.2.0/24"]}
    assert (firewall["rules"]["inbound_policy"], firewall["rules"]["outbound_policy"]) == ("DROP", "ACCEPT")
    assert [(item["type"], item["id"]) for item in firewall["entities"]] == [("nodebalancer", cloud.balancer["id"])]
    cloud.annotate(firewall_acl='{"denyList": {"ipv4": ["198.18.0.0/15"]}}')
    cloud.sync()
    [changed] = cloud.firewalls()
    assert (changed["id"], changed["rules"]["inbound_policy"]) == (firewall["id"], "ACCEPT")
    assert changed["rules"]["inbound"][0]["action"] == "DROP"
    cloud.annotate()
    cloud.sync()
    assert cloud.firewalls() == []


def test_a_balancer_that_ran_without_a_firewall_gets_one(cloud: Cloud) -> None:
    cloud.sync()
    cloud.annotate(**ALLOWED)
    cloud.sync()
    [firewall] = cloud.firewalls()
    assert [item["id"] for item in firewall["entities"]] == [cloud.balancer["id"]]


def test_a_firewall_of_the_users_own_is_assigned_and_outlives_the_service(cloud: Cloud) -> None:
    rules = {"inbound_policy": "ACCEPT", "outbound_policy": "ACCEPT"}
    own = [
        cloud.account.post("/networking/firewalls", data={"label": label, "rules": rules})["id"]
        for label in ("mine", "other")
    ]
    cloud.annotate(firewall_id=str(own[0]))
    cloud.sync()
    cloud.annotate(firewall_id=str(own[1]))
    cloud.sync()
    assert {firewall["id"]: len(firewall["entities"]) for firewall in cloud.firewalls()} == {own[0]: 0, own[1]: 1}
    cloud.service.spec.type = "ClusterIP"
    cloud.sync()
    assert (cloud.balancers, len(cloud.firewalls())) == ([], 2)


def test_the_firewall_of_an_acl_goes_with_its_service(cloud: Cloud) -> None:
    cloud.annotate(**ALLOWED)
    cloud.sync()
    cloud.service.spec.type = "ClusterIP"
    cloud.sync()
    assert (cloud.balancers, cloud.firewalls(), cloud.shown()) == ([], [], [])
    assert cloud.service.metadata.finalizers == []


def test_a_service_that_asks_for_nonsense_keeps_its_balancer_as_it_was(cloud: Cloud) -> None:
    cloud.sync()
    before = cloud.configs()
    cloud.annotate(default_proxy_protocol="v3")
    cloud.sync()
    assert cloud.configs() == before
