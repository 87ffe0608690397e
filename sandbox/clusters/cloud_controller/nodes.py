"""Nodes as Linode's cloud controller sets them up: who they are, where they are, and that they may be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from linode_api4 import Instance, LinodeClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Network

    from kubernetes.client import CoreV1Api

    from sandbox.clusters.cloud_controller.objects import Object

# https://kubernetes.io/docs/tasks/administer-cluster/running-cloud-controller/
UNINITIALIZED: Final = "node.cloudprovider.kubernetes.io/uninitialized"


class NodeController:
    """Sets new nodes up, and removes those whose Linode is gone."""

    def __init__(self, core: CoreV1Api, linode: LinodeClient, *, pods: Callable[[str], IPv4Network | None]) -> None:
        self._core = core
        self._linode = linode
        self._pods = pods

    def sync(self, nodes: list[Object]) -> None:
        """See that every node is right.

        Raises ApiException, ApiError or OSError if one of both APIs refused or does not answer.
        """
        for node in nodes:
            name = node.metadata.name
            if (pods := self._pods(name)) is None:
                self._core.delete_node(name)
            elif is_uninitialized(node):
                found = list(self._linode.linode.instances(Instance.label == name))
                if found:
                    self._set_up(node, found[0], pods)

    def _set_up(self, node: Object, instance: Instance, pods: IPv4Network) -> None:
        name = node.metadata.name
        addresses = [
            # The address by which Kubernetes itself reaches the node is the public one, since it has no other.
            *({"type": kind, "address": instance.ipv4[0]} for kind in ("InternalIP", "ExternalIP")),
            {"type": "Hostname", "address": name},
        ]
        self._core.patch_node_status(name, {"status": {"addresses": addresses}})
        self._core.patch_node(name, set_up_patch(node, instance, pods))


def set_up_patch(node: Object, instance: Instance, pods: IPv4Network) -> dict[str, Any]:
    """What a new node gets: its identity at Linode, the labels of its place and plan, its pods' addresses."""
    region = instance.region.id
    taints = [taint for taint in node.spec.taints or [] if taint.key != UNINITIALIZED]
    return {
        "metadata": {
            "labels": {
                "topology.kubernetes.io/region": region,
                "topology.linode.com/region": region,
                "node.kubernetes.io/instance-type": instance.type.id,
            }
        },
        "spec": {
            "providerID": f"linode://{instance.id}",
            "podCIDR": str(pods),
            "podCIDRs": [str(pods)],
            # A list is replaced as a whole: the taints of the pool stay.
            "taints": [{"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in taints],
        },
    }


def is_uninitialized(node: Object) -> bool:
    """Whether the node waits for its cloud controller."""
    return not node.spec.provider_id or any(taint.key == UNINITIALIZED for taint in node.spec.taints or [])


def is_ready(node: Object) -> bool:
    """Whether pods can run on the node."""
    conditions = node.status.conditions or []
    return not is_uninitialized(node) and any(
        condition.type == "Ready" and condition.status == "True" for condition in conditions
    )
