"""What a cloud controller and its parts are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.clusters.host.delays import DETACHING_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Network
    from pathlib import Path

    from kubernetes import client
    from linode_api4 import LinodeClient


@dataclass(frozen=True, kw_only=True)
class CloudControllerArgs:
    """What a cloud controller needs to know of its cluster."""

    cluster_id: int
    region: str
    api: client.ApiClient
    linode: LinodeClient
    pods: Callable[[str], IPv4Network | None]
    """The pod addresses of a node by name; None for one that is not of the cluster."""
    volumes: Path
    """Where the host has the cluster's volumes."""
    attached: Callable[[str], Path]
    """Where it has the links to those that are attached to a node, by the node's name."""
    detaching_seconds: float = DETACHING_SECONDS
