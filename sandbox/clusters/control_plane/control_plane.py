"""A cluster's control plane: API server, controller manager and scheduler, outside the nodes as LKE's are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sandbox.clusters.control_plane.etcd import ENDPOINT, Etcd
from sandbox.clusters.control_plane.kubeconfig import write_kubeconfig
from sandbox.clusters.control_plane.pki import (
    KeyPair,
    Subject,
    ensure_authority,
    ensure_client,
    ensure_server,
    ensure_signing_key,
)
from sandbox.clusters.host.processes import ProcessSpec
from sandbox.clusters.host.supervision import OnHost, Unit
from sandbox.clusters.network.links import attach, load_rules, set_routes
from sandbox.clusters.network.plan import KUBERNETES_SERVICE, PODS, SERVICES
from sandbox.clusters.network.rules import control_plane_rules
from sandbox.linode.backend import API_SERVER_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv4Network
    from pathlib import Path

    from sandbox.clusters.host.layout import Layout
    from sandbox.clusters.host.provisions import Provisions
    from sandbox.linode.backend import AclSpec

# Go's collector trades memory for time: several control planes share one small machine.
GO_ENVIRONMENT: Final = {"GOGC": "60"}


@dataclass(frozen=True)
class ControlPlane:
    """The files, the namespace and the processes of one control plane."""

    layout: Layout
    provisions: Provisions
    cluster_id: int
    address: IPv4Address

    @property
    def folder(self) -> Path:
        """Everything of the cluster, its nodes too."""
        return self.layout.clusters / str(self.cluster_id)

    @property
    def namespace(self) -> str:
        """Its network."""
        return self.layout.control_plane(self.cluster_id)

    @property
    def server(self) -> str:
        """Where clients reach it."""
        return f"https://{self.address}:{API_SERVER_PORT}"

    @property
    def etcd_prefix(self) -> str:
        """Where its data is."""
        return f"/lke{self.cluster_id}"

    @property
    def authority(self) -> KeyPair:
        """The cluster's certificate authority."""
        return self._pair("kubernetes-ca")

    @property
    def administrator(self) -> KeyPair:
        """The sandbox's own access: the group system:masters, which needs no role."""
        return self._pair("administrator")

    @property
    def prefix(self) -> str:
        """How the names of its units begin."""
        return f"lke{self.cluster_id}."

    def connect(self, acl: AclSpec, nodes: Mapping[IPv4Network, IPv4Address]) -> None:
        """Bring its network up: routes to its own cluster's pods and Services, and the ACL in front.

        Webhooks and aggregated APIs are called by the API server itself, so it needs the way. `nodes` are the pod
        ranges with the node of each. Raises CommandError if it cannot be done.
        """
        attach(self.namespace, address=self.address, wan=self.layout.wan)
        load_rules(self.namespace, control_plane_rules(acl, nodes.values()))
        routes = dict(nodes)
        if nodes:
            # Any node translates a Service's address, for packets that it forwards too.
            routes[SERVICES] = next(iter(nodes.values()))
        set_routes(self.namespace, routes, within=[PODS, SERVICES])

    def prepare(self) -> None:
        """Make certificates and kubeconfigs, as far as they are missing."""
        authority = ensure_authority(self.authority)
        aggregation = ensure_authority(self._pair("front-proxy-ca"))
        ensure_signing_key(self._pair("service-accounts"))
        names = [
            *(str(self.address), str(KUBERNETES_SERVICE), "127.0.0.1", "localhost"),
            *("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"),
        ]
        ensure_server(self._pair("kube-apiserver"), Subject(common_name="kube-apiserver"), authority, names)
        ensure_client(self._pair("front-proxy-client"), Subject(common_name="front-proxy-client"), aggregation)
        masters = ("system:masters",)
        for name, subject in {
            "administrator": Subject(common_name="fleet-sandbox", organizations=masters),
            # The addons bind it to system:kubelet-api-admin; by itself it may do nothing.
            "kubelet-client": Subject(common_name="kube-apiserver-kubelet-client"),
            "controller-manager": Subject(common_name="system:kube-controller-manager"),
            "scheduler": Subject(common_name="system:kube-scheduler"),
        }.items():
            client = ensure_client(self._pair(name), subject, authority)
            write_kubeconfig(self._kubeconfig(name), server=self.server, authority=authority.certificate, client=client)

    def api_server(self) -> Unit:
        """The API server's process."""
        etcd = Etcd(self.layout, self.provisions)
        serving, kubelet = self._pair("kube-apiserver"), self._pair("kubelet-client")
        tokens = self._pair("service-accounts")
        line = [
            str(self.provisions.programs["kube-apiserver"]),
            f"--advertise-address={self.address}",
            f"--secure-port={API_SERVER_PORT}",
            f"--etcd-servers={ENDPOINT}",
            f"--etcd-prefix={self.etcd_prefix}",
            f"--etcd-cafile={etcd.authority.certificate}",
            f"--etcd-certfile={etcd.client.certificate}",
            f"--etcd-keyfile={etcd.client.key}",
            f"--service-cluster-ip-range={SERVICES}",
            "--allow-privileged",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--client-ca-file={self.authority.certificate}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--kubelet-certificate-authority={self.authority.certificate}",
            f"--kubelet-client-certificate={kubelet.certificate}",
            f"--kubelet-client-key={kubelet.key}",
            # By address: the names of nodes are in no DNS.
            "--kubelet-preferred-address-types=InternalIP,ExternalIP",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={tokens.certificate}",
            f"--service-account-signing-key-file={tokens.key}",
            *self._aggregation(),
            "--profiling=false",
        ]
        return self._unit("kube-apiserver", line)

    def _aggregation(self) -> list[str]:
        """How the API server calls those behind it."""
        proxy = self._pair("front-proxy-client")
        return [
            f"--requestheader-client-ca-file={self._pair('front-proxy-ca').certificate}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={proxy.certificate}",
            f"--proxy-client-key-file={proxy.key}",
            # Straight to an endpoint's pod, since no kube-proxy runs beside the API server.
            "--enable-aggregator-routing",
        ]

    def controller_manager(self) -> Unit:
        """The controller manager's process. It ends if it starts before the bootstrap roles are there."""
        line = [
            *self._component("kube-controller-manager", "controller-manager"),
            f"--cluster-signing-cert-file={self.authority.certificate}",
            f"--cluster-signing-key-file={self.authority.key}",
            f"--root-ca-file={self.authority.certificate}",
            f"--service-account-private-key-file={self._pair('service-accounts').key}",
            "--use-service-account-credentials",
            f"--cluster-cidr={PODS}",
            f"--service-cluster-ip-range={SERVICES}",
            # The cloud controller gives every node its range, which the sandbox knows before the node does.
            "--allocate-node-cidrs=false",
            "--cloud-provider=external",
        ]
        return self._unit("kube-controller-manager", line)

    def scheduler(self) -> Unit:
        """The scheduler's process."""
        return self._unit("kube-scheduler", self._component("kube-scheduler", "scheduler"))

    def _component(self, tool: str, identity: str) -> list[str]:
        kubeconfig = self._kubeconfig(identity)
        return [
            str(self.provisions.programs[tool]),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            # One of each, so there is nobody to elect.
            "--leader-elect=false",
            "--profiling=false",
        ]

    def _unit(self, component: str, line: list[str]) -> Unit:
        return Unit(
            name=f"{self.prefix}{component}",
            command=ProcessSpec(line=line, environment=GO_ENVIRONMENT),
            place=OnHost(self.layout, self.namespace),
        )

    def _pair(self, name: str) -> KeyPair:
        return KeyPair(self.folder / "pki", name)

    def _kubeconfig(self, name: str) -> Path:
        return self.folder / "pki" / f"{name}.kubeconfig"
