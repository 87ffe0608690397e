"""Addresses of load balancers, as the cluster's cloud controller reports them."""

import pulumi_kubernetes as kubernetes


def published(status: kubernetes.core.v1.outputs.ServiceStatus | None) -> str:
    """Where a load balancer is reached: by its first address, or by its host name where it has no address."""
    ingress = status and status.load_balancer and status.load_balancer.ingress
    found = (ingress[0].ip or ingress[0].hostname) if ingress else None
    if not found:
        raise ValueError("the load balancer has no address yet; run `pulumi up` again")
    return found
