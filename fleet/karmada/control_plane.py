"""Karmada's control plane on the manager: endpoint, certificates, chart, provider, and who may use its API."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceHookBinding, ResourceOptions

from fleet import charts, pending_releases
from fleet.certificates import fingerprint
from fleet.config.certs import KarmadaCerts
from fleet.config.settings import EndpointMode, Karmada, Versions
from fleet.deployed import Deployed
from fleet.karmada import encryption, static_resources, values
from fleet.karmada.encryption import KarmadaEncryption, KarmadaEncryptionArgs
from fleet.karmada.firewall import KarmadaFirewall, KarmadaFirewallArgs
from fleet.karmada.pki import KarmadaPki, KarmadaPkiArgs, kubeconfig
from fleet.karmada.users import PROGRAM, KarmadaUsers, KarmadaUsersArgs
from fleet.karmada.volume import EtcdVolume, EtcdVolumeArgs, claimed
from fleet.lke import readiness
from fleet.lke.addresses import published
from fleet.lke.cluster import LkeCluster, Members
from fleet.lke.kubeconfig import ApiServer
from fleet.naming import KARMADA_NAMESPACE

API_SERVER_PORT: Final = 5443
API_SERVER_SELECTOR: Final = {"app": values.API_SERVER}
"""Labels of the API server's pods (charts/karmada/values.yaml, apiServer.labels)."""


@dataclass(frozen=True, kw_only=True)
class KarmadaControlPlaneArgs:
    """Where Karmada runs, how, in which version, where its chart comes from, and what the last update deployed."""

    manager: LkeCluster
    members: Members
    """Those who may reach it."""
    tags: Sequence[str]
    karmada: Karmada
    replicas: values.Replicas
    deployed: Deployed
    certs: KarmadaCerts
    viewer_generation: int
    versions: Versions
    chart_source: str


class KarmadaControlPlane(pulumi.ComponentResource):
    """Karmada, ready to take members and workloads through its provider."""

    endpoint: Output[str]
    """The https URL at which members and operators reach the API server."""
    server: Output[ApiServer]
    kubeconfig: Output[str]
    """An operator's; secret."""
    view_kubeconfig: Output[str]
    """For who only looks; secret."""
    program_kubeconfig: Output[str]
    """The program's own, once Karmada lets it in; secret, and no output."""
    provider: kubernetes.Provider
    """Of Karmada's own API, with the program's identity."""
    host: kubernetes.Provider
    """Of the cluster that Karmada runs on."""
    namespace: Output[str]
    """Where it runs there."""
    pki: KarmadaPki
    versions: Versions
    version: Output[str]
    """Karmada's, known once it is released."""
    etcd: Output[dict[str, str]]
    """Where its data is and on what storage, known once it is released."""
    firewall: Output[dict[str, Any]] | None
    """Whom its API lets in, and which nodes are behind a firewall; None where everybody reaches it."""
    encryption_keys: Output[list[str]]
    """The keys of encryption at rest as etcd's content names them."""
    encryption: Output[dict[str, str]]
    """The name of the key by which whatever is to be encrypted is so, known once it is."""

    def __init__(self, name: str, args: KarmadaControlPlaneArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:ControlPlane", name, {}, opts)
        self.versions = args.versions
        in_manager = ResourceOptions(parent=self, provider=args.manager.provider)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": KARMADA_NAMESPACE},
            # Nothing is in it then but pods that end: Karmada's API server takes half a minute for that.
            opts=args.manager.inside(self) if args.deployed.etcd_volume_held else in_manager,
        )
        self.host = args.manager.provider
        self.namespace = namespace.metadata.name
        service = self._balancer(name, args, namespace)
        host, port = _endpoint(args, service)
        self.endpoint = Output.format("https://{0}:{1}", host, port)
        firewall = self._close(name, args, service)
        self.firewall = firewall.record if firewall else None
        self.pki = KarmadaPki(
            f"{name}-pki", KarmadaPkiArgs(endpoint=host, certs=args.certs), ResourceOptions(parent=self)
        )
        at_rest = KarmadaEncryptionArgs(
            encryption=args.karmada.encryption,
            host=args.manager.provider,
            namespace=namespace.metadata.name,
            in_ids=args.deployed.keys_in_ids,
        )
        keys = KarmadaEncryption(f"{name}-encryption", at_rest, ResourceOptions(parent=self))
        self.encryption_keys = keys.keys
        chart_values = charts.merged(
            values.host(
                args.karmada,
                args.versions,
                values.Given(certs=self.pki.chart_values(), encryption=keys.secret),
                values.Fingerprints(
                    server=fingerprint(self.pki.server.certificate_pem),
                    authority=fingerprint(self.pki.authority.certificate_pem).apply(values.label_value),
                    encryption=keys.fingerprint,
                ),
                args.replicas,
            ),
            args.karmada.values,
        )
        release = charts.release(
            f"{name}-release",
            charts.ReleaseArgs(
                chart=charts.Chart(source=args.chart_source, name="karmada", version=args.versions.karmada_chart),
                release_name=static_resources.RELEASE,
                namespace=namespace.metadata.name,
                values=chart_values,
                wait_for_jobs=True,
            ),
            ResourceOptions.merge(
                in_manager,
                ResourceOptions(
                    # The API must not answer before the door is closed.
                    depends_on=firewall.made if firewall else [],
                    hooks=ResourceHookBinding.merge(
                        pending_releases.before_update(name, args.manager.kubeconfig),
                        static_resources.before_update(name, args.manager),
                    ),
                ),
            ),
        )
        if storage := claimed(chart_values):
            before = args.deployed.etcd
            volume = EtcdVolumeArgs(
                namespace=namespace,
                release=release,
                host=args.manager.provider,
                storage=storage,
                is_there=before is not None and before.manager == args.manager.name,
                held=args.deployed.etcd_volume_held,
            )
            EtcdVolume(f"{name}-etcd-volume", volume, ResourceOptions(parent=self))
        # What the release has, since an update of something else alone leaves it as it was.
        self.version = _told(release, lambda found: str(found["karmadaImageVersion"]))
        self.etcd = _told(
            release, lambda found: {"manager": args.manager.name} | dict(found["etcd"]["internal"]["pvc"])
        )
        self.server = Output.all(url=self.endpoint, ca_pem=self.pki.authority.certificate_pem).apply(
            lambda known: ApiServer(**known)
        )
        program = kubeconfig(self.server, self.pki.client(f"{name}-program", PROGRAM, self))
        self.program_kubeconfig = _let_in(program, release, firewall)
        given = _told(release, values.encryption_given)
        encrypted = _encrypted(args, self.program_kubeconfig, Output.all(given, keys.fingerprint))
        record = pulumi.Stash(encryption.RECORD, input={"writing": encrypted}, opts=ResourceOptions(parent=self))
        self.encryption = record.input
        self.provider = kubernetes.Provider(
            f"{name}-provider",
            kubeconfig=self.program_kubeconfig,
            # Renewed certificates must not replace everything that was submitted with the old ones.
            cluster_identifier=args.manager.cluster_id.apply(lambda cluster_id: f"karmada-{cluster_id}"),
            # Otherwise a workload's are deleted before they are made with other data, in every member too.
            enable_secret_mutable=True,
            enable_config_map_mutable=True,
            # The API server answers, and Karmada's CRDs are there, only once the release is done.
            opts=ResourceOptions(parent=self, depends_on=[release]),
        )
        users = KarmadaUsersArgs(
            pki=self.pki,
            server=self.server,
            provider=self.provider,
            operator_generation=args.karmada.operator_generation,
            viewer_generation=args.viewer_generation,
        )
        made = KarmadaUsers(f"{name}-users", users, ResourceOptions(parent=self))
        self.kubeconfig, self.view_kubeconfig = made.operator, made.viewer
        self.register_outputs({"endpoint": self.endpoint, "kubeconfig": self.kubeconfig})

    def _balancer(
        self, name: str, args: KarmadaControlPlaneArgs, namespace: kubernetes.core.v1.Namespace
    ) -> kubernetes.core.v1.Service | None:
        if args.karmada.endpoint is EndpointMode.NODE:
            return None
        return kubernetes.core.v1.Service(
            f"{name}-endpoint",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name="karmada-apiserver-public",
                namespace=namespace.metadata.name,
                # No pod stands behind it yet, so the default notion of readiness would wait for ever.
                annotations={"pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0]}"},
            ),
            spec=kubernetes.core.v1.ServiceSpecArgs(
                type="LoadBalancer",
                selector=API_SERVER_SELECTOR,
                ports=[
                    kubernetes.core.v1.ServicePortArgs(name="https", port=API_SERVER_PORT, target_port=API_SERVER_PORT)
                ],
            ),
            opts=ResourceOptions(parent=self, provider=args.manager.provider),
        )

    def _close(
        self, name: str, args: KarmadaControlPlaneArgs, service: kubernetes.core.v1.Service | None
    ) -> KarmadaFirewall | None:
        deployed = args.members.deployed
        opened = service is not None and deployed.karmada_firewall is not None
        if args.karmada.acl is None and not opened:
            return None
        firewall = KarmadaFirewallArgs(
            acl=args.karmada.acl,
            manager=args.manager,
            members=args.members.trusted,
            tags=args.tags,
            node_port=args.karmada.node_port if service is None else None,
            service=service,
            deployed=deployed,
        )
        return KarmadaFirewall(f"{name}-firewall", firewall, ResourceOptions(parent=self))


def _told(release: kubernetes.helm.v3.Release, what: Callable[[Mapping[str, Any]], Any]) -> Output[Any]:
    """Something among the values of a release that is no secret, known once it is released."""
    return Output.unsecret(
        Output.all(values=release.values, status=release.status).apply(lambda it: what(it["values"]))
    )


def _encrypted(args: KarmadaControlPlaneArgs, program: Output[str], fingerprints: Output[Any]) -> Output[str]:
    """The key that writes, once all that is to be encrypted is so by it, if another one did or none.

    It is the one from before where the API servers were given others than there are, since an update left them alone.
    """
    wanted, before = args.karmada.encryption.writing_key, args.deployed.encryption

    async def follow(known: dict[str, Any]) -> str:
        given, there = known["fingerprints"]
        if before is not None and given != there:
            return before.writing
        if before is None or before.writing != wanted or before.others:
            await encryption.rewrite(known["kubeconfig"])
        return wanted

    done: Output[str] = Output.all(kubeconfig=program, fingerprints=fingerprints).apply(follow)
    # The kubeconfig is a secret, the name is not.
    return Output.unsecret(done)


def _endpoint(args: KarmadaControlPlaneArgs, service: kubernetes.core.v1.Service | None) -> tuple[Output[str], int]:
    """The address or name, and the port, of the API server, known before the certificate that must contain it."""
    if service is None:
        return args.manager.node_ips.apply(lambda ips: ips[0]), args.karmada.node_port
    return service.status.apply(published), API_SERVER_PORT


def _let_in(program: Output[str], release: kubernetes.helm.v3.Release, firewall: KarmadaFirewall | None) -> Output[str]:
    """The program's kubeconfig, once Karmada lets it in."""
    # A preview must go on with the kubeconfig of now: with an unknown one it could compare nothing in Karmada.
    if firewall is None or firewall.record is None or pulumi.runtime.is_dry_run():
        return program
    closed = Output.all(kubeconfig=program, released=release.status, firewall=firewall.record)
    return Output.secret(closed.apply(lambda known: readiness.wait_until_let_in(known["kubeconfig"])))
