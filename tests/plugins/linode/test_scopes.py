"""The rights that docs/environments.md asks for in a token: they are enough for everything, and none is too much."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_linode
import pytest

from sandbox.linode import UNLIMITED, AccessToken, LinodeApi, LinodeApiArgs
from sandbox.linode.simulated import Pace, SimulatedBackend
from sandbox.plugins.framework import Cancellation, ConfigureRequest, InvokeRequest, Operation, ProviderError
from sandbox.plugins.framework.engine_log import EngineLog
from sandbox.plugins.linode.provider import LinodeProvider
from tests.plugins.calls import Calls
from tests.unit import graph
from tests.unit.configs import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES: Final = {
    "Kubernetes": "lke",
    "Linodes": "linodes",
    "Events": "events",
    "Firewalls": "firewall",
    "Object Storage": "object_storage",
}
"""What the Cloud Manager calls the services of scopes."""
SECRET: Final = "s" * 64


def documented() -> dict[str, str]:
    """The rights by service, as the table in docs/environments.md has them."""
    text = (ROOT / "docs" / "environments.md").read_text()
    rows = re.findall(r"^\| ([\w ]+) \| (read/write|read only) \|", text, re.MULTILINE)
    return {NAMES[name]: "read_write" if rights == "read/write" else "read_only" for name, rights in rows}


@pytest.fixture
def account() -> Iterator[Callable[[dict[str, str]], LinodeApi]]:
    """An account of its own for each token, which has the rights that it is given."""
    opened: list[LinodeApi] = []

    def with_rights(rights: dict[str, str]) -> LinodeApi:
        scopes = " ".join(f"{service}:{access}" for service, access in rights.items())
        args = LinodeApiArgs(
            backend=SimulatedBackend(Pace()),
            limits=UNLIMITED,
            kubernetes_versions=("1.34", "1.35"),
            tokens=(AccessToken(secret=SECRET, scopes=scopes),),
        )
        opened.append(LinodeApi(args).__enter__())
        return opened[-1]

    yield with_rights
    for api in opened:
        api.__exit__(None, None, None)


class Stand:
    """The provider with a token, asked as the engine asks it."""

    def __init__(self, api: LinodeApi) -> None:
        self._provider = LinodeProvider("0")
        settings = {"token": SECRET, "url": api.url, "eventPollMs": "20", "lkeNodeReadyPollMs": "20"}
        self._provider.configure(ConfigureRequest(urn="", inputs=settings, cancellation=Cancellation()))
        self.asked_for: set[str] = set()
        """Names of resource types and functions."""

    def resource(self, name: str) -> Calls:
        """A resource type by its name."""
        self.asked_for.add(name)
        return Calls(self._provider.resource_type(f"linode:index/{name[0].lower()}{name[1:]}:{name}"))

    def ask(self, name: str, **arguments: Any) -> Any:
        """What a function finds."""
        self.asked_for.add(name)
        token = f"linode:index/{name}:{name}"
        operation = Operation(urn="", cancellation=Cancellation(), log=EngineLog(None))
        request = InvokeRequest(operation=operation, token=token, arguments=arguments, preview=False)
        return self._provider.function(token).invoke(request)


def everything(api: LinodeApi) -> set[str]:
    """All that a fleet's first update, those after it, and its end ask of Linode: the types and functions of it.

    Raises:
        ProviderError: one of them is refused.
    """
    stand = Stand(api)
    for name in ("getRegions", "getInstanceTypes", "getLkeVersions", "getLkeClusters"):
        stand.ask(name)
    clusters, firewalls = stand.resource("LkeCluster"), stand.resource("Firewall")
    buckets, keys = stand.resource("ObjectStorageBucket"), stand.resource("ObjectStorageKey")
    pool = {"type": "g6-standard-2", "count": 1, "label": "main"}
    spec: dict[str, Any] = {"k8sVersion": "1.34", "label": "eu-x4f2", "pools": [pool], "region": "eu-west"}
    cluster = clusters.create(**spec)
    nodes = [one["id"] for one in stand.ask("getInstances")["instances"]]
    rule = {"action": "ACCEPT", "label": "api", "protocol": "TCP", "ports": "32443", "ipv4s": ["192.0.2.0/24"]}
    door: dict[str, Any] = {"inboundPolicy": "DROP", "inbounds": [rule], "label": "door", "outboundPolicy": "ACCEPT"}
    firewall = firewalls.create(**door, linodes=nodes)
    place = {"label": "fleet-backups", "region": "us-east"}
    bucket = buckets.create(**place)
    grant = {"bucketName": "fleet-backups", "permissions": "read_write", "region": "us-east"}
    key = keys.create(label="backups", bucketAccesses=[grant])

    for calls, made, inputs in (
        (clusters, cluster, spec),
        (firewalls, firewall, door | {"linodes": nodes}),
        (buckets, bucket, place),
        (keys, key, {"label": "backups", "bucketAccesses": [grant]}),
    ):
        assert calls.read(made.id, inputs, dict(made.outputs)) is not None
    raised = spec | {"k8sVersion": "1.35", "controlPlane": {"acl": {"enabled": True, "addresses": [{"ipv4s": []}]}}}
    stand.ask("getLkeCluster", id=int(cluster.id))
    updated = clusters.update(cluster.id, spec, dict(cluster.outputs), **raised)
    larger = raised | {"pools": [pool | {"count": 2}]}
    clusters.update(cluster.id, raised, updated, **larger)
    firewalls.update(firewall.id, door | {"linodes": nodes}, dict(firewall.outputs), **door)

    for calls, made in ((keys, key), (buckets, bucket), (firewalls, firewall), (clusters, cluster)):
        calls.delete(made.id)
    return stand.asked_for


def used() -> set[str]:
    """The types and functions of Linode's provider that the program names anywhere."""
    names = {
        node.attr
        for file in (ROOT / "fleet").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "linode"
    }
    types = {name for name in names if _is_resource(getattr(pulumi_linode, name))}
    functions = {name.removesuffix("_output") for name in names if name.startswith("get_")}
    return types | {re.sub(r"_(\w)", lambda found: found[1].upper(), name) for name in functions}


def _is_resource(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, pulumi.CustomResource)


def test_a_token_with_the_documented_rights_does_everything_from_the_first_update_to_the_end(
    account: Callable[[dict[str, str]], LinodeApi],
) -> None:
    assert set(documented()) == set(NAMES.values())
    asked_for = everything(account(documented()))
    assert not used() - asked_for, "the program asks Linode for what this test does not"
    in_graph = {token.rsplit(":", 1)[1] for token in graph.FUNCTIONS if token.startswith("linode:")}
    assert in_graph | {"LkeCluster", "getInstances"} <= used(), "the program is not searched as it is written"


@pytest.mark.parametrize("service", documented())
def test_a_token_without_one_of_them_or_with_less_does_not(
    account: Callable[[dict[str, str]], LinodeApi], service: str
) -> None:
    rights = documented()
    less = [{name: access for name, access in rights.items() if name != service}]
    if rights[service] == "read_write":
        less.append(rights | {service: "read_only"})
    for token in less:
        with pytest.raises(ProviderError, match=r"(?i)unauthorized|not authorized|scope|permission"):
            everything(account(token))
