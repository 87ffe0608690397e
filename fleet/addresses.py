"""Addresses of load balancers, as the cluster's cloud controller reports them."""

import pulumi_kubernetes as kubernetes


def ingress_ip(status: kubernetes.core.v1.outputs.ServiceStatus | None) -> str:
    """The first address of a load balancer."""
    ingress = status and status.load_balancer and status.load_balancer.ingress
    if not ingress or not ingress[0].ip:
        raise ValueError("the load balancer has no address yet; run `pulumi up` again")
    return ingress[0].ip
