"""The article's workloads, hello and sleep: identities in every member, placement, and submission to Karmada."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from fleet.config import settings
from fleet.config.settings import FleetConfig, Workload
from fleet.karmada import replicas
from fleet.karmada.control_plane import KarmadaControlPlane
from fleet.karmada.placement import MemberPlacement, Placement, PlacementArgs
from fleet.lke.cluster import LkeCluster
from fleet.naming import HELLO, HELLO_PORT, SLEEP, WORKLOAD_NAMESPACE, workload_identity

PODINFO_PORT: Final = 9898
MESSAGE_VARIABLE: Final = "PODINFO_UI_MESSAGE"
"""What podinfo answers with; an OverridePolicy sets it to the region of each member."""
SECURITY: Final = kubernetes.core.v1.SecurityContextArgs(
    allow_privilege_escalation=False,
    run_as_non_root=True,
    run_as_user=1000,
    capabilities=kubernetes.core.v1.CapabilitiesArgs(drop=["ALL"]),
    seccomp_profile=kubernetes.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
)
SKIP_AWAIT: Final = {"pulumi.com/skipAwait": "true"}
"""What is in Karmada has its pods and endpoints in the members: fleet.karmada.replicas waits for them."""
REQUESTS: Final = kubernetes.core.v1.ResourceRequirementsArgs(requests={"cpu": "10m", "memory": "32Mi"})


@dataclass(frozen=True, kw_only=True)
class WorkloadsArgs:
    """Karmada, the members that it places on, and what must be there before the first pod starts."""

    control_plane: KarmadaControlPlane
    members: Mapping[str, LkeCluster]
    config: FleetConfig
    depends_on: Sequence[pulumi.Resource]


class Workloads(pulumi.ComponentResource):
    """hello and sleep, running in the members that their weights name."""

    def __init__(self, name: str, args: WorkloadsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Workloads", name, {}, opts)
        child = ResourceOptions(parent=self)
        config = args.config
        placements = {
            member: MemberPlacement(
                region=cluster.spec.region,
                identities=Identities(f"{member}-identities", IdentitiesArgs(member=cluster), child).names,
            )
            for member, cluster in args.members.items()
        }
        placement = PlacementArgs(
            control_plane=args.control_plane,
            weights={
                HELLO: config.weights(config.workloads.hello),
                SLEEP: config.weights(config.workloads.sleep),
            },
            members=placements,
            failover=config.karmada.failover,
            depends_on=args.depends_on,
        )
        placed = Placement(f"{name}-placement", placement, child)
        # Without a policy a Deployment stays in Karmada, and its replicas would be waited for all the same.
        submission = SubmissionArgs(
            control_plane=args.control_plane,
            workloads=config.workloads,
            depends_on=[*args.depends_on, *placed.policies],
        )
        Submission(f"{name}-submission", submission, child)
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class IdentitiesArgs:
    """The member in which hello and sleep get identities."""

    member: LkeCluster


class Identities(pulumi.ComponentResource):
    """Service accounts of one member's pods: named after the member, so that authorization can tell regions apart."""

    names: Mapping[str, Output[str]]
    """Service account names by workload."""

    def __init__(self, name: str, args: IdentitiesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Identities", name, {}, opts)
        accounts = {
            workload: kubernetes.core.v1.ServiceAccount(
                f"{name}-{workload}",
                metadata=kubernetes.meta.v1.ObjectMetaArgs(
                    name=workload_identity(workload, args.member.name), namespace=WORKLOAD_NAMESPACE
                ),
                # Neither workload talks to the API server.
                automount_service_account_token=False,
                opts=args.member.inside(self),
            )
            for workload in (HELLO, SLEEP)
        }
        self.names = {workload: account.metadata.name for workload, account in accounts.items()}
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class SubmissionArgs:
    """What is submitted, and what must be there before the first pod starts."""

    control_plane: KarmadaControlPlane
    workloads: settings.Workloads
    depends_on: Sequence[pulumi.Resource]


class Submission(pulumi.ComponentResource):
    """The workloads in Karmada's API; each is done when all its replicas are ready somewhere in the fleet."""

    def __init__(self, name: str, args: SubmissionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:workloads:Submission", name, {}, opts)
        child = ResourceOptions(parent=self, provider=args.control_plane.provider)
        # A pod that starts before its member injects sidecars stays outside the mesh.
        started = ResourceOptions.merge(child, ResourceOptions(depends_on=list(args.depends_on)))
        kubeconfig = args.control_plane.program_kubeconfig
        hello, sleep = args.workloads.hello, args.workloads.sleep
        _deployment(f"{name}-hello", HELLO, hello, _hello_container(hello.image), kubeconfig, started)
        kubernetes.core.v1.Service(
            f"{name}-hello-service",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=HELLO,
                namespace=WORKLOAD_NAMESPACE,
                annotations=SKIP_AWAIT,
            ),
            spec=kubernetes.core.v1.ServiceSpecArgs(
                selector={"app": HELLO},
                # Without a protocol in the port's name Istio treats the traffic as TCP and cannot balance requests.
                ports=[kubernetes.core.v1.ServicePortArgs(name="http", port=HELLO_PORT, target_port=PODINFO_PORT)],
            ),
            opts=child,
        )
        _deployment(f"{name}-sleep", SLEEP, sleep, _sleep_container(sleep.image), kubeconfig, started)
        self.register_outputs({})


def _deployment(
    name: str,
    app: str,
    workload: Workload,
    container: kubernetes.core.v1.ContainerArgs,
    kubeconfig: Output[str],
    opts: ResourceOptions,
) -> None:
    labels = {"app": app}
    wait = replicas.ReplicasWait(f"{name}-ready", app, WORKLOAD_NAMESPACE)
    made = kubernetes.apps.v1.Deployment(
        name,
        metadata=kubernetes.meta.v1.ObjectMetaArgs(
            name=app,
            namespace=WORKLOAD_NAMESPACE,
            labels=labels,
            annotations=SKIP_AWAIT,
        ),
        spec=kubernetes.apps.v1.DeploymentSpecArgs(
            replicas=workload.replicas,
            selector=kubernetes.meta.v1.LabelSelectorArgs(match_labels=labels),
            template=kubernetes.core.v1.PodTemplateSpecArgs(
                metadata=kubernetes.meta.v1.ObjectMetaArgs(labels=labels),
                spec=kubernetes.core.v1.PodSpecArgs(
                    termination_grace_period_seconds=0 if app == SLEEP else None, containers=[container]
                ),
            ),
        ),
        opts=ResourceOptions.merge(opts, ResourceOptions(hooks=wait.hooks)),
    )
    wait.begin(made, kubeconfig)


def _hello_container(image: str) -> kubernetes.core.v1.ContainerArgs:
    probe = kubernetes.core.v1.HTTPGetActionArgs(path="/readyz", port=PODINFO_PORT)
    return kubernetes.core.v1.ContainerArgs(
        name=HELLO,
        image=image,
        image_pull_policy="IfNotPresent",
        env=[kubernetes.core.v1.EnvVarArgs(name=MESSAGE_VARIABLE, value="REGION=unknown")],
        ports=[kubernetes.core.v1.ContainerPortArgs(name="http", container_port=PODINFO_PORT)],
        readiness_probe=kubernetes.core.v1.ProbeArgs(http_get=probe),
        resources=REQUESTS,
        security_context=SECURITY,
    )


def _sleep_container(image: str) -> kubernetes.core.v1.ContainerArgs:
    return kubernetes.core.v1.ContainerArgs(
        name=SLEEP,
        image=image,
        image_pull_policy="IfNotPresent",
        command=["/bin/sleep", "3650d"],
        resources=REQUESTS,
        security_context=SECURITY,
    )
