"""The look-up functions against the emulated API, in the shape that the SDK's results have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_linode
import pytest

from sandbox.plugins.framework import (
    Cancellation,
    InvokeRequest,
    Operation,
    Properties,
    ProviderError,
    Secret,
    reveal,
)
from sandbox.plugins.framework.engine_log import EngineLog
from sandbox.plugins.framework.schema import Kind
from sandbox.plugins.linode.connection import Connection
from sandbox.plugins.linode.functions import (
    GetInstances,
    GetInstanceTypes,
    GetLkeCluster,
    GetLkeClusters,
    GetLkeVersions,
    GetRegions,
)
from sandbox.plugins.linode.instance_views import instance
from sandbox.plugins.linode.settings import resolve
from tests.plugins import sdk
from tests.plugins.linode.conftest import settings_for

if TYPE_CHECKING:
    from sandbox.linode import LinodeApi
    from sandbox.plugins.framework import Function
    from sandbox.plugins.linode.api import Api
    from tests.plugins.calls import Calls
    from tests.plugins.sdk import Shape


class Functions:
    """The functions, configured for an account."""

    def __init__(self, account: LinodeApi, connection: Connection | None = None) -> None:
        self._connection = connection or Connection()
        if connection is None:
            self._connection.configure(settings_for(account))

    def call(self, function: type[Function], **arguments: Any) -> Properties:
        request = InvokeRequest(
            operation=Operation(urn="", cancellation=Cancellation(), log=EngineLog(None)),
            token=function.token,
            arguments=arguments,
            preview=False,
        )
        return dict(function(self._connection).invoke(request))  # type: ignore[call-arg] # every one here takes it


@pytest.fixture
def functions(account: LinodeApi) -> Functions:
    return Functions(account)


@pytest.mark.parametrize(
    ("function", "result"),
    [
        (GetRegions, pulumi_linode.GetRegionsResult),
        (GetInstanceTypes, pulumi_linode.GetInstanceTypesResult),
        (GetLkeVersions, pulumi_linode.GetLkeVersionsResult),
        (GetInstances, pulumi_linode.GetInstancesResult),
        (GetLkeCluster, pulumi_linode.GetLkeClusterResult),
        (GetLkeClusters, pulumi_linode.GetLkeClustersResult),
    ],
)
def test_results_have_the_shape_of_the_sdk(
    functions: Functions, calls: Calls, function: type[Function], result: type
) -> None:
    made = calls.create(label="eu", region="eu-west", k8sVersion="1.34", pools=[{"type": "g6-standard-2", "count": 1}])
    found = functions.call(function, **({"id": int(made.id)} if function is GetLkeCluster else {}))
    expected = sdk.outputs(result)
    arguments = {"filters", "order", "orderBy", "tier"}
    assert found.keys() == expected.keys() - (arguments - found.keys())
    for name, value in found.items():
        _fits(reveal(value), expected[name], name)


def test_a_cluster_is_listed_by_its_tags_and_looked_at_with_its_pools(
    functions: Functions, calls: Calls, api: Api
) -> None:
    pools = [{"type": "g6-standard-2", "count": 1, "label": "main", "autoscaler": {"min": 1, "max": 5}}]
    inputs = {"region": "eu-west", "k8sVersion": "1.34", "pools": pools}
    made = calls.create(label="eu", tags=["fleet", "one"], **inputs)
    calls.create(label="us", tags=["fleet", "two"], **inputs)
    wanted = [{"name": "tags", "values": ["one"]}]
    [found] = functions.call(GetLkeClusters, filters=wanted)["lkeClusters"]
    assert (found["id"], found["label"]) == (int(made.id), "eu")
    pool = made.outputs["pools"][0]["id"]
    api.put(f"/lke/clusters/{made.id}/pools/{pool}", {"count": 4})
    looked = functions.call(GetLkeCluster, id=int(made.id))
    assert [(one["id"], one["label"], one["count"]) for one in looked["pools"]] == [(pool, "main", 4)]
    assert isinstance(looked["kubeconfig"], Secret)


def test_who_only_reads_is_not_told_a_clusters_pools(account: LinodeApi, calls: Calls, api: Api) -> None:
    made = calls.create(label="eu", region="eu-west", k8sVersion="1.34", pools=[{"type": "g6-standard-2", "count": 1}])
    token = api.post("/profile/tokens", {"label": "reads", "scopes": "lke:read_only"})["token"]
    connection = Connection()
    connection.configure(resolve({"token": token, "url": account.url}))
    reader = Functions(account, connection)
    assert [one["label"] for one in reader.call(GetLkeClusters)["lkeClusters"]] == ["eu"]
    with pytest.raises(ProviderError, match=r"/kubeconfig: \[401\]"):
        reader.call(GetLkeCluster, id=int(made.id))


def test_clusters_are_found_by_their_labels(functions: Functions, calls: Calls) -> None:
    for label in ("eu-x4f2", "us-x4f2", "eu-other"):
        calls.create(label=label, region="eu-west", k8sVersion="1.34", pools=[{"type": "g6-standard-2", "count": 1}])
    wanted = [{"name": "label", "values": ["eu-x4f2", "us-x4f2", "ap-x4f2"]}]
    found = functions.call(GetLkeClusters, filters=wanted)["lkeClusters"]
    assert sorted(cluster["label"] for cluster in found) == ["eu-x4f2", "us-x4f2"]


def test_an_instance_with_disks_and_a_configuration_has_the_shape_of_the_sdk() -> None:
    record = {
        "id": 1,
        "ipv4": ["192.0.2.1", "192.168.140.2"],
        "label": "node",
        "placement_group": {"id": 3, "label": "pg"},
    }
    disks = [
        {"id": 5, "label": "root", "size": 100, "filesystem": "ext4"},
        {"id": 6, "label": "swap", "size": 10, "filesystem": "swap"},
    ]
    config = {
        "id": 9,
        "label": "boot",
        "devices": {"sda": {"disk_id": 5, "volume_id": None}, "sdb": None, "sdc": {"disk_id": None, "volume_id": 8}},
        "helpers": {"distro": True, "devtmpfs_automount": False},
        "interfaces": [{"purpose": "public", "ipam_address": None, "ip_ranges": []}],
    }
    shown = instance(record, disks=disks, configs=[config])
    shape = sdk.outputs(pulumi_linode.outputs.GetInstancesInstanceResult)
    assert shown.keys() == shape.keys()
    for name, value in shown.items():
        _fits(value, shape[name], name)
    assert (shown["ipAddress"], shown["privateIpAddress"], shown["swapSize"]) == ("192.0.2.1", "192.168.140.2", 10)
    assert shown["bootConfigLabel"] == "boot"
    assert shown["configs"][0]["devices"][0] == {
        "sdas": [{"diskId": 5, "diskLabel": "root"}],
        "sdbs": [],
        "sdcs": [{"diskId": 0, "volumeId": 8}],
    }


def test_instances_are_found_by_id_as_the_fleet_looks_for_them(functions: Functions, calls: Calls) -> None:
    created = calls.create(
        label="eu", region="eu-west", k8sVersion="1.34", pools=[{"type": "g6-standard-2", "count": 3}]
    )
    ids = [node["instanceId"] for node in created.outputs["pools"][0]["nodes"]]
    wanted = [{"name": "id", "values": [str(one) for one in ids[:2]]}]
    found = functions.call(GetInstances, filters=wanted)["instances"]
    assert {one["id"] for one in found} == set(ids[:2])
    assert all(one["ipAddress"] in one["ipv4s"] for one in found)
    assert len(functions.call(GetInstances)["instances"]) == 3


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([{"name": "country", "values": ["gb"]}], {"eu-west", "gb-lon"}),
        ([{"name": "country", "values": ["GB"], "matchBy": "exact"}], set()),
        ([{"name": "status", "values": ["o"], "matchBy": "substring"}, {"name": "country", "values": ["sg"]}], None),
        ([{"name": "country", "values": ["^(gb|sg)$"], "matchBy": "re"}], None),
        ([{"name": "capabilities", "values": ["Kubernetes"]}, {"name": "country", "values": ["gb", "sg"]}], None),
    ],
)
def test_regions_are_filtered_here_where_the_api_cannot(
    functions: Functions, filters: list[Properties], expected: set[str] | None
) -> None:
    found = {one["id"] for one in functions.call(GetRegions, filters=filters)["regions"]}
    everything = {one["id"] for one in functions.call(GetRegions)["regions"]}
    assert found <= everything
    assert found == expected if expected is not None else found < everything
    assert found or expected == set()


def test_types_are_filtered_by_numbers(functions: Functions) -> None:
    found = functions.call(GetInstanceTypes, filters=[{"name": "vcpus", "values": ["2"]}])["types"]
    assert found
    assert {one["vcpus"] for one in found} == {2}


@pytest.mark.parametrize(
    ("one", "message"),
    [
        ({"name": "colour", "values": ["red"]}, "'colour' cannot be filtered by; choose one of class"),
        ({"name": "vcpus", "values": ["two"]}, "'two' is no value of vcpus"),
        ({"name": "label", "values": ["("], "matchBy": "regex"}, r"'\(' is no value of label"),
        ({"name": "label", "values": ["a"], "matchBy": "glob"}, "matchBy 'glob' is not known"),
    ],
)
def test_a_bad_filter_is_explained(functions: Functions, one: Properties, message: str) -> None:
    with pytest.raises(ProviderError, match=message):
        functions.call(GetInstanceTypes, filters=[one])


def _fits(value: Any, shape: Shape, path: str) -> None:
    """The value's names are those of the shape, at every depth; a name may be missing only where the API has none."""
    if shape.kind is Kind.OBJECT:
        assert value.keys() <= shape.fields.keys(), f"{path}: {value.keys() - shape.fields.keys()}"
        for name, item in value.items():
            _fits(item, shape.fields[name], f"{path}.{name}")
    elif shape.kind is Kind.LIST and shape.items is not None:
        for item in value:
            _fits(item, shape.items, f"{path}[]")
    else:
        kinds = {Kind.STRING: str, Kind.INTEGER: int, Kind.NUMBER: (int, float), Kind.BOOLEAN: bool, Kind.MAP: dict}
        assert isinstance(value, kinds[shape.kind]), f"{path}: {value!r}"  # type: ignore[arg-type] # types or tuples
