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


class _Lookup(AccountFunction):
    """A function that asks the API and returns what matches its filters."""

    result: ClassVar[str]
    """The property that holds what was found."""
    fields: ClassVar[Mapping[str, Field]] = {}

    def invoke(self, request: InvokeRequest) -> Mapping[str, Value]:
        """What was found, beside the arguments, as the official provider returns it."""
        arguments = reveal(request.arguments)
        found = self.find(self._connection.api(), Filters(arguments, self.fields))
        return {**arguments, "id": _identity(arguments), self.result: found}

    def find(self, api: Api, filters: Filters) -> list[Properties]:
        """The matching objects."""
        raise NotImplementedError


class GetRegions(_Lookup):
    """The regions that Linode has."""

    token = "linode:index/getRegions:getRegions"  # noqa: S105 - a function's name
    result = "regions"
    fields: ClassVar[Mapping[str, Field]] = {
        "capabilities": Field(where=Where.HERE),
        "country": Field(where=Where.HERE),
        "site_type": Field(where=Where.API),
        "status": Field(where=Where.HERE),
    }

    def find(self, api: Api, filters: Filters) -> list[Properties]:
        """Regions by capability, country, kind of site and state."""
        return [instance_views.region(one) for one in filters.select(api.list("/regions", filters.for_api()))]


class GetInstanceTypes(_Lookup):
    """The types of instances that Linode has, with their prices."""

    token = "linode:index/getInstanceTypes:getInstanceTypes"  # noqa: S105 - a function's name
    result = "types"
    fields: ClassVar[Mapping[str, Field]] = {
        name: Field(where=Where.API, parse=parse)
        for name, parse in {
            "class": str,
            "disk": int,
            "gpus": int,
            "label": str,
            "memory": int,
            "network_out": int,
            "transfer": int,
            "vcpus": int,
        }.items()
    }

    def find(self, api: Api, filters: Filters) -> list[Properties]:
        """Types by class, label and size."""
        return [
            instance_views.instance_type(one) for one in filters.select(api.list("/linode/types", filters.for_api()))
        ]


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
    """The account's clusters."""

    token = "linode:index/getLkeClusters:getLkeClusters"  # noqa: S105 - a function's name
    result = "lkeClusters"
    fields: ClassVar[Mapping[str, Field]] = {
        "created": Field(where=Where.HERE),
        "k8s_version": Field(where=Where.API),
        "label": Field(where=Where.API),
        "region": Field(where=Where.API),
        "status": Field(where=Where.HERE),
        "tags": Field(where=Where.API),
        "tier": Field(where=Where.HERE),
        "updated": Field(where=Where.HERE),
    }

    def find(self, api: Api, filters: Filters) -> list[Properties]:
        """Clusters by label, region, version and tags."""
        return [cluster_views.listed(one) for one in filters.select(api.list("/lke/clusters", filters.for_api()))]


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
    result = "instances"
    fields: ClassVar[Mapping[str, Field]] = {
        "disk_encryption": Field(where=Where.HERE),
        "group": Field(where=Where.API),
        "id": Field(where=Where.API, parse=int),
        "image": Field(where=Where.API),
        "interface_generation": Field(where=Where.HERE),
        "label": Field(where=Where.API),
        "lke_cluster_id": Field(where=Where.API, parse=int),
        "region": Field(where=Where.API),
        "status": Field(where=Where.HERE),
        "tags": Field(where=Where.HERE),
        "type": Field(where=Where.HERE),
        "watchdog_enabled": Field(where=Where.HERE),
    }

    def find(self, api: Api, filters: Filters) -> list[Properties]:
        """Matching instances with their disks and boot configurations."""
        found = filters.select(api.list("/linode/instances", filters.for_api()))
        return [_full_instance(api, one) for one in found]


def _full_instance(api: Api, record: Json) -> Properties:
    path = f"/linode/instances/{record['id']}"
    return instance_views.instance(record, disks=_parts(api, f"{path}/disks"), configs=_parts(api, f"{path}/configs"))


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
