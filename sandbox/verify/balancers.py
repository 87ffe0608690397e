"""What the account has for the Services that it serves: a load balancer is there as long as nobody deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operations.claims import Claim
from sandbox.verify.account import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sandbox.clusters.host.layout import Layout
    from sandbox.verify.member import View


def claims(layout: Layout, clusters: Iterable[View]) -> Iterator[Claim]:
    """Of every cluster that has Services of type LoadBalancer: the NodeBalancers are there, with their ports.

    Raises:
        CommandError: the account or a cluster cannot be asked.

    """
    ports = {
        balancer["ipv4"]: {config["port"] for config in listed(layout, f"nodebalancers/{balancer['id']}/configs")}
        for balancer in listed(layout, "nodebalancers")
    }
    for cluster in clusters:
        if services := addressed(cluster.get("services", "--all-namespaces")["items"]):
            yield balanced(cluster.name, services, ports)


def addressed(services: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The Services of type LoadBalancer that have an address and are not about to go."""
    return [
        service
        for service in services
        if service["spec"]["type"] == "LoadBalancer"
        and service["status"].get("loadBalancer", {}).get("ingress")
        and "deletionTimestamp" not in service["metadata"]
    ]


def balanced(cluster: str, services: Iterable[Mapping[str, Any]], ports: Mapping[str, set[int]]) -> Claim:
    """Whether each Service's NodeBalancer is in the account with all its ports; `ports` are the account's by address.

    The cloud controller looks at a NodeBalancer when its Service changes and at no other time, so that one which was
    deleted by hand stays away until then.
    """
    missing, whole = [], []
    for service in services:
        address = _address(service["status"]["loadBalancer"]["ingress"][0])
        name = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
        lacking = {port["port"] for port in service["spec"]["ports"]} - ports.get(address, set())
        if address not in ports:
            missing.append(f"{name} has no NodeBalancer, though it shows {address}; {remedy(cluster, service)}")
            missing[-1] += "; it gets another address, which `make up` then gives to whatever uses it"
        elif lacking:
            closed = ", ".join(str(port) for port in sorted(lacking))
            missing.append(f"the NodeBalancer {address} of {name} lacks port {closed}; {remedy(cluster, service)}")
        else:
            whole.append(f"{name} {address}")
    return Claim(
        text=f"every load balancer of {cluster} is in the account with its ports",
        holds=not missing,
        evidence="; ".join(missing) or ", ".join(whole),
    )


def _address(ingress: Mapping[str, Any]) -> str:
    # One that shows its name alone: 203-0-113-10.ip.linodeusercontent.com.
    return str(ingress.get("ip") or ingress["hostname"].partition(".")[0].replace("-", "."))


def remedy(cluster: str, service: Mapping[str, Any]) -> str:
    """What has the cloud controller look at a Service's NodeBalancer."""
    metadata = service["metadata"]
    touch = f'annotate service {metadata["name"]} --namespace {metadata["namespace"]} --overwrite touched="$(date +%s)"'
    return f"change the Service: in `make shell`, `kubectl --context {cluster} {touch}`"
