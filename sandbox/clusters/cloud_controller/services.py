"""Services of type LoadBalancer: a NodeBalancer at Linode for each, with the nodes behind it.

As Kubernetes' service controller does with Linode's cloud controller, it acts on a change and at its start, and at no
other time: what somebody does to a NodeBalancer by hand stays until then. A change of nodes alone makes the ports right
again and no NodeBalancer; a change of the Service makes a NodeBalancer that is gone anew, at another address.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final

from linode_api4 import NodeBalancer
from linode_api4.errors import ApiError

from sandbox.clusters.cloud_controller.annotations import AnnotationError, by_name_alone, port_settings, tags, throttle
from sandbox.clusters.cloud_controller.firewalls import Firewalls
from sandbox.clusters.cloud_controller.nodes import is_ready
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api
    from linode_api4 import LinodeClient

    from sandbox.clusters.cloud_controller.args import CloudControllerArgs
    from sandbox.clusters.cloud_controller.objects import Object

# https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer-class and KEP-980.
FINALIZER: Final = "service.kubernetes.io/load-balancer-cleanup"
EXCLUDED: Final = "node.kubernetes.io/exclude-from-external-load-balancers"
# Every backend of a Service alike; the figure is that of Linode's cloud controller.
_WEIGHT: Final = 100

_log = logging.getLogger(__name__)
Backends = tuple[tuple[IPv4Address, str], ...]
"""The addresses and the names of nodes."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What a NodeBalancer was made for."""

    service: str
    backends: Backends


class ServiceController:
    """Gives every Service of type LoadBalancer an address that works, and takes it back."""

    def __init__(self, core: CoreV1Api, args: CloudControllerArgs) -> None:
        self._core = core
        self._args = args
        self._firewalls = Firewalls(args.linode)
        self._done: dict[str, _Seen] = {}

    def sync(self, services: list[Object], nodes: list[Object]) -> None:
        """See that every Service that changed, or whose nodes did, is right.

        Raises ApiException, ApiError, SandboxError or OSError if an API refused or does not answer.
        """
        backends = tuple(
            sorted(
                (address, node.metadata.name)
                for node in nodes
                if is_ready(node) and EXCLUDED not in (node.metadata.labels or {})
                for address in [external_address(node)]
                if address is not None
            )
        )
        refused: list[ApiError | SandboxError] = []
        for service in services:
            wanted = service.spec.type == "LoadBalancer" and not service.spec.load_balancer_class
            try:
                if wanted and service.metadata.deletion_timestamp is None:
                    self._provide(service, _Seen(service=fingerprint(service), backends=backends))
                elif FINALIZER in (service.metadata.finalizers or []):
                    self._withdraw(service)
            except (ApiError, SandboxError) as error:
                # One Service that Linode does not take is no reason to leave the others.
                refused.append(error)
        if refused:
            raise refused[0]

    def _provide(self, service: Object, seen: _Seen) -> None:
        before = self._done.get(service.metadata.uid)
        if before == seen:
            return
        name = f"{service.metadata.namespace}/{service.metadata.name}"
        try:
            if before is not None and before.service == seen.service:
                if not self._update(service, seen.backends):
                    _log.warning("%s: its NodeBalancer is gone; it is made anew when the Service changes", name)
            else:
                self._ensure(service, seen.backends)
        except AnnotationError as error:
            # Until somebody mends the Service, which is a change.
            _log.warning("%s: %s", name, error)
        self._done[service.metadata.uid] = seen

    def _update(self, service: Object, backends: Backends) -> bool:
        """Make an existing NodeBalancer right; False if there is none."""
        found = self._balancers(service)
        if found:
            self._configure(found[0], service, backends)
        return bool(found)

    def _ensure(self, service: Object, backends: Backends) -> None:
        if FINALIZER not in (service.metadata.finalizers or []):
            self._set_finalizers(service, [*(service.metadata.finalizers or []), FINALIZER])
        found = self._balancers(service)
        if found:
            self._configure(balancer := found[0], service, backends)
        else:
            balancer = self._create(service, backends)
        if shown(service) != (ingress := ingress_of(service, balancer)):
            self._core.patch_namespaced_service_status(
                service.metadata.name, service.metadata.namespace, {"status": {"loadBalancer": {"ingress": [ingress]}}}
            )

    def _withdraw(self, service: Object) -> None:
        for balancer in self._balancers(service):
            self._firewalls.remove(service, balancer.id)
            balancer.delete()
        self._done.pop(service.metadata.uid, None)
        if shown(service) is not None:
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

    def _create(self, service: Object, backends: Backends) -> NodeBalancer:
        configs = [wanted_config(service, port, backends) for port in service.spec.ports or []]
        label, wanted_tags = balancer_label(service), tags(service, self._args.cluster_id)
        return self._args.linode.nodebalancer_create(
            self._args.region,
            label=label,
            tags=wanted_tags,
            client_conn_throttle=throttle(service),
            configs=configs,
            **self._firewalls.of_new(service, label=label, tags=wanted_tags),
        )

    def _configure(self, balancer: NodeBalancer, service: Object, backends: Backends) -> None:
        configs = [wanted_config(service, port, backends) for port in service.spec.ports or []]
        settings: dict[str, Any] = {
            "client_conn_throttle": throttle(service),
            "tags": tags(service, self._args.cluster_id),
        }
        if any(getattr(balancer, name) != value for name, value in settings.items()):
            self._args.linode.put(f"/nodebalancers/{balancer.id}", data=settings)
        self._firewalls.ensure(service, balancer.id, label=balancer_label(service), tags=settings["tags"])
        configure_ports(self._args.linode, balancer, configs)


def configure_ports(linode: LinodeClient, balancer: NodeBalancer, wanted: list[dict[str, Any]]) -> None:
    """Make the configs of a NodeBalancer these, each with exactly these backends, and leave alone what is right.

    Raises ApiError if Linode refused.
    """
    path = f"/nodebalancers/{balancer.id}/configs"
    existing = {config.port: config for config in balancer.configs}
    for number in existing.keys() - {config["port"] for config in wanted}:
        linode.delete(f"{path}/{existing[number].id}")
    for config in wanted:
        there = existing.get(config["port"])
        if there is None:
            linode.post(path, data=config)
        elif _differs(there, config):
            # All at once, as Linode's cloud controller does it, so that clients meet no port with half of its nodes.
            linode.post(f"{path}/{there.id}/rebuild", data=config)


def _differs(there: Any, wanted: dict[str, Any]) -> bool:
    settings = {name: value for name, value in wanted.items() if name != "nodes"}
    return any(getattr(there, name) != value for name, value in settings.items()) or {
        (node.address, node.weight) for node in there.nodes
    } != {(node["address"], node["weight"]) for node in wanted["nodes"]}


def wanted_config(service: Object, port: Object, backends: Backends) -> dict[str, Any]:
    """A port's config with all nodes behind it. Raises AnnotationError."""
    nodes = [{"label": name, "address": f"{address}:{port.node_port}", "weight": _WEIGHT} for address, name in backends]
    return {**port_settings(service, port), "nodes": nodes}


def fingerprint(service: Object) -> str:
    """What of a Service makes the service controller act when it changes.

    https://github.com/kubernetes/cloud-provider/blob/master/controllers/service/controller.go, needsUpdate; of the
    annotations all count there, so that a touch of any is a way to have a Service looked at again.
    """
    ports = [[port.name, port.protocol, port.port, port.node_port] for port in service.spec.ports or []]
    policy = service.spec.external_traffic_policy
    return json.dumps([service.metadata.uid, ports, policy, service.metadata.annotations or {}], sort_keys=True)


def ingress_of(service: Object, balancer: NodeBalancer) -> dict[str, str]:
    """Where the Service is reached: by name and address, or by the name alone."""
    if by_name_alone(service):
        return {"hostname": balancer.hostname}
    address = balancer.ipv4 if isinstance(balancer.ipv4, str) else balancer.ipv4.address
    return {"hostname": balancer.hostname, "ip": address, "ipMode": "VIP"}


def balancer_label(service: Object) -> str:
    """The NodeBalancer's name, as Linode's cloud controller makes it: at most 32 characters, from the Service's uid."""
    return f"ccm-{service.metadata.uid.replace('-', '')[:12]}"


def shown(service: Object) -> dict[str, str] | None:
    """Where the Service says that it is reached."""
    balancer = service.status.load_balancer if service.status else None
    if not balancer or not balancer.ingress:
        return None
    [ingress, *_] = balancer.ingress
    fields = {"hostname": ingress.hostname, "ip": ingress.ip, "ipMode": ingress.ip_mode}
    return {name: value for name, value in fields.items() if value}


def external_address(node: Object) -> IPv4Address | None:
    """The node's ExternalIP, once it has one."""
    for address in node.status.addresses or []:
        if address.type == "ExternalIP":
            return IPv4Address(address.address)
    return None
