"""The Service that tests of NodeBalancers ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubernetes import client

from sandbox.clusters.cloud_controller.annotations import PREFIX

if TYPE_CHECKING:
    from sandbox.clusters.cloud_controller.objects import Object


UID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


def service(**annotations: str) -> Object:
    """A Service whose annotations are named by what follows the prefix, with `_` for `-`."""
    return client.V1Service(
        metadata=client.V1ObjectMeta(
            name="web",
            namespace="shop",
            uid=UID,
            annotations={PREFIX + name.replace("_", "-"): value for name, value in annotations.items()},
            finalizers=[],
        ),
        spec=client.V1ServiceSpec(
            type="LoadBalancer",
            external_traffic_policy="Cluster",
            ports=[
                client.V1ServicePort(name="http", port=80, node_port=30080, protocol="TCP"),
                client.V1ServicePort(name="https", port=443, node_port=30443, protocol="TCP"),
            ],
        ),
        status=client.V1ServiceStatus(load_balancer=client.V1LoadBalancerStatus()),
    )
