"""The look-up functions: regions, types of instances, Kubernetes versions, clusters, and instances."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from sandbox.plugins.framework import reveal
from sandbox.plugins.linode import cluster_views, instance_views
from sandbox.plugins.linode.api import ApiFailureError
from sandbox.plugins.linode.connection import AccountFunction
from sandbox.plugins.linode.filters import Field, Filters, Where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework import InvokeRequest, Properties, Value
    from sandbox.plugins.linode.api import Api, Json


def _fields(*, api: str, here: str = "", numbers: str = "") -> Mapping[str, Field]:
    """Fields to filter by, each by its name: by the API or here, and those of the API's that are numbers."""
    return {
        **{name: Field(where=Where.API) for name in api.split()},
        **{name: Field(where=Where.API, parse=int) for name in numbers.split()},
        **{name: Field(where=Where.HERE) for name in here.split()},
    }


class _Lookup(AccountFunction):
    """A function that asks the API and returns what matches its filters."""

    path: ClassVar[str]
    """The collection that is asked for."""
    result: ClassVar[str]
    """The property that holds what was found."""
    fields: ClassVar[Mapping[str, Field]]

    def invoke(self, request: InvokeRequest) -> Mapping[str, Value]:
        """What was found, beside the arguments, as the official provider returns it."""
        arguments, api = reveal(request.arguments), self._connection.api()
        filters = Filters(arguments, self.fields)
        found = filters.select(api.list(self.path, filters.for_api()))
        return {**arguments, "id": _identity(arguments), self.result: [self.shown(one, api) for one in found]}

    def shown(self, record: Json, api: Api) -> Properties:
        """One of the matching objects."""
        raise NotImplementedError


class GetRegions(_Lookup):
    """The regions that Linode has, by capability, country, kind of site and state."""

    token = "linode:index/getRegions:getRegions"  # noqa: S105 - a function's name
    path, result = "/regions", "regions"
    fields = _fields(api="site_type", here="capabilities country status")

    def shown(self, record: Json, api: Api) -> Properties:
        """A region."""
        del api
        return instance_views.region(record)


class GetInstanceTypes(_Lookup):
    """The types of instances that Linode has, with their prices, by class, label and size."""

    token = "linode:index/getInstanceTypes:getInstanceTypes"  # noqa: S105 - a function's name
    path, result = "/linode/types", "types"
    fields = _fields(api="class label", numbers="disk gpus memory network_out transfer vcpus")

    def shown(self, record: Json, api: Api) -> Properties:
        """A type."""
        del api
        return instance_views.instance_type(record)


class GetLkeVersions(AccountFunction):
    """The Kubernetes versions that a new cluster can have."""

    token = "linode:index/getLkeVersions:getLkeVersions"  # noqa: S105 - a function's name

    def invoke(self, request: InvokeRequest) -> Mapping[str, Value]:
        """All of them, or those of a tier."""
        arguments = reveal(request.arguments)
        tier = arguments.get("tier")
        path = "/lke/versions" if tier is None else f"/lke/tiers/{tier}/versions"
        versions = [{"id": one["id"], "tier": one.get("tier") or ""} for one in self._connection.api().list(path)]
        return {**arguments, "id": _identity(arguments), "versions": versions}


class GetLkeClusters(_Lookup):
    """The account's clusters, by label, region, version and tags."""

    token = "linode:index/getLkeClusters:getLkeClusters"  # noqa: S105 - a function's name
    path, result = "/lke/clusters", "lkeClusters"
    fields = _fields(api="k8s_version label region tags", here="created status tier updated")

    def shown(self, record: Json, api: Api) -> Properties:
        """A cluster."""
        del api
        return cluster_views.listed(record)


class GetLkeCluster(AccountFunction):
    """One cluster with its pools, and with its kubeconfig, so that a token that only reads is refused."""

    token = "linode:index/getLkeCluster:getLkeCluster"  # noqa: S105 - a function's name

    def invoke(self, request: InvokeRequest) -> Mapping[str, Value]:
        """The cluster of an id."""
        identity, api = int(reveal(request.arguments)["id"]), self._connection.api()
        path = f"/lke/clusters/{identity}"
        cluster, pools = api.get(path), api.list(f"{path}/pools")
        kubeconfig = api.get(f"{path}/kubeconfig")["kubeconfig"]
        endpoints = api.list(f"{path}/api-endpoints")
        acl = (api.find(f"{path}/control_plane_acl") or {}).get("acl")
        return cluster_views.whole(cluster, pools, kubeconfig=kubeconfig, endpoints=endpoints, acl=acl)


class GetInstances(_Lookup):
    """The account's instances, the nodes of its clusters among them."""

    token = "linode:index/getInstances:getInstances"  # noqa: S105 - a function's name
    path, result = "/linode/instances", "instances"
    fields = _fields(
        api="group image label region",
        numbers="id lke_cluster_id",
        here="disk_encryption interface_generation status tags type watchdog_enabled",
    )

    def shown(self, record: Json, api: Api) -> Properties:
        """An instance with its disks and boot configurations."""
        path = f"{self.path}/{record['id']}"
        disks, configs = (_parts(api, f"{path}/{part}") for part in ("disks", "configs"))
        return instance_views.instance(record, disks=disks, configs=configs)


def _parts(api: Api, path: str) -> list[Json]:
    """A collection of an instance, empty if the instance went away in the meantime."""
    try:
        return api.list(path)
    except ApiFailureError as error:
        if error.status is HTTPStatus.NOT_FOUND:
            return []
        raise


def _identity(arguments: Properties) -> str:
    """An id that is the same for the same arguments; nothing else is known of the original's."""
    return hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()
