"""Services of type LoadBalancer: a NodeBalancer at Linode for each, and the way from its address to the nodes."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final

from linode_api4 import NodeBalancer

from sandbox.kubernetes.cloud_controller.nodes import is_ready

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

    from sandbox.kubernetes.cloud_controller.controller import CloudControllerArgs
    from sandbox.kubernetes.cloud_controller.objects import Object

# https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer-class and KEP-980.
FINALIZER: Final = "service.kubernetes.io/load-balancer-cleanup"
EXCLUDED: Final = "node.kubernetes.io/exclude-from-external-load-balancers"


class ServiceController:
    """Gives every Service of type LoadBalancer an address that works, and takes it back."""

    def __init__(self, core: CoreV1Api, args: CloudControllerArgs) -> None:
        self._core = core
        self._args = args
        self._done: dict[str, tuple[Any, ...]] = {}

    def sync(self, services: list[Object], nodes: list[Object]) -> None:
        """See that every Service is right.

        Raises:
            ApiException, ApiError, SandboxError, OSError: an API refused or does not answer, or a route cannot be set.

        """
        backends = sorted(
            (address, node.metadata.name)
            for node in nodes
            if is_ready(node) and EXCLUDED not in (node.metadata.labels or {})
            for address in [external_address(node)]
            if address is not None
        )
        for service in services:
            wanted = service.spec.type == "LoadBalancer" and not service.spec.load_balancer_class
            if wanted and service.metadata.deletion_timestamp is None:
                self._provide(service, backends)
            elif FINALIZER in (service.metadata.finalizers or []):
                self._withdraw(service)

    def _provide(self, service: Object, backends: list[tuple[IPv4Address, str]]) -> None:
        address = current_address(service)
        done = (address, tuple(backends), tuple((port.port, port.node_port) for port in service.spec.ports or []))
        if address is not None and self._done.get(service.metadata.uid) == done:
            return
        if FINALIZER not in (service.metadata.finalizers or []):
            self._set_finalizers(service, [*(service.metadata.finalizers or []), FINALIZER])
        balancer = self._balancer(service)
        _configure(balancer, service, backends)
        address = IPv4Address(balancer.ipv4 if isinstance(balancer.ipv4, str) else balancer.ipv4.address)
        self._args.route(address, [backend for backend, _ in backends])
        if current_address(service) != address:
            ingress = [{"ip": str(address), "ipMode": "VIP"}]
            self._core.patch_namespaced_service_status(
                service.metadata.name, service.metadata.namespace, {"status": {"loadBalancer": {"ingress": ingress}}}
            )
        self._done[service.metadata.uid] = (address, *done[1:])

    def _withdraw(self, service: Object) -> None:
        for balancer in self._balancers(service):
            self._args.unroute(IPv4Address(balancer.ipv4 if isinstance(balancer.ipv4, str) else balancer.ipv4.address))
            balancer.delete()
        self._done.pop(service.metadata.uid, None)
        if current_address(service) is not None:
            self._core.patch_namespaced_service_status(
                service.metadata.name, service.metadata.namespace, {"status": {"loadBalancer": {"ingress": None}}}
            )
        self._set_finalizers(service, [item for item in service.metadata.finalizers or [] if item != FINALIZER])

    def _set_finalizers(self, service: Object, finalizers: list[str]) -> None:
        # The version that was read makes it fail when another writer was faster: finalizers are not to be undone.
        metadata = {"finalizers": finalizers, "resourceVersion": service.metadata.resource_version}
        self._core.patch_namespaced_service(
            service.metadata.name,
            service.metadata.namespace,
            {"metadata": metadata},
            _content_type="application/merge-patch+json",
        )

    def _balancers(self, service: Object) -> list[NodeBalancer]:
        return list(self._args.linode.nodebalancers(NodeBalancer.label == balancer_label(service)))

    def _balancer(self, service: Object) -> NodeBalancer:
        found = self._balancers(service)
        if found:
            return found[0]
        return self._args.linode.nodebalancer_create(
            self._args.region, label=balancer_label(service), tags=[f"lke{self._args.cluster_id}"]
        )


def _configure(balancer: NodeBalancer, service: Object, backends: list[tuple[IPv4Address, str]]) -> None:
    """Make the balancer's ports those of the Service, each with all nodes behind it."""
    wanted = {port.port: port for port in service.spec.ports or []}
    existing = {config.port: config for config in balancer.configs}
    for number in existing.keys() - wanted.keys():
        existing[number].delete()
    for number, port in wanted.items():
        protocol = "udp" if port.protocol == "UDP" else "tcp"
        config = existing.get(number) or balancer.config_create(port=number, protocol=protocol)
        behind = {f"{address}:{port.node_port}": name for address, name in backends}
        present = {node.address: node for node in config.nodes}
        for address in present.keys() - behind.keys():
            present[address].delete()
        for address in behind.keys() - present.keys():
            config.node_create(label=behind[address], address=address)


def balancer_label(service: Object) -> str:
    """The NodeBalancer's name, as Linode's cloud controller makes it: at most 32 characters, from the Service's uid."""
    return f"ccm-{service.metadata.uid.replace('-', '')[:12]}"


def current_address(service: Object) -> IPv4Address | None:
    """The address that the Service shows."""
    balancer = service.status.load_balancer if service.status else None
    ingress = (balancer.ingress or []) if balancer else []
    return IPv4Address(ingress[0].ip) if ingress and ingress[0].ip else None


def external_address(node: Object) -> IPv4Address | None:
    """The node's ExternalIP, once it has one."""
    for address in node.status.addresses or []:
        if address.type == "ExternalIP":
            return IPv4Address(address.address)
    return None
