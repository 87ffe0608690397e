"""Pull-mode agent of one member cluster, with a certificate of its own.

It runs as the agent of Karmada's chart does (charts/karmada/templates/karmada-agent.yaml), and besides reports no
credentials of its member, which the chart cannot say (docs/decisions/0134).
"""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from fleet import disruptions
from fleet.certificates import Certificate, Subject, fingerprint
from fleet.config.settings import Agent
from fleet.karmada import handover
from fleet.karmada.access import AgentAccess, AgentAccessArgs, agent_user
from fleet.karmada.control_plane import KarmadaControlPlane
from fleet.karmada.pki import kubeconfig
from fleet.karmada.values import CERTIFICATE_ANNOTATION
from fleet.lke.addresses import later
from fleet.lke.cluster import LkeCluster
from fleet.naming import AGENT, AGENT_KUBECONFIG, KARMADA_NAMESPACE, NETWORK_LABEL
from fleet.rights import Grant, grant, rule, service_account

CLUSTER_API: Final = "cluster.karmada.io/v1alpha1"
ENDPOINT_ANNOTATION: Final = "fleet/endpoint"
"""An agent reads its kubeconfig when it starts, so another address of Karmada has to change its pod."""
AGENT_ANNOTATION: Final = "fleet/agent"
"""On a Cluster object: the Deployment that reports for this member. One without it is handed over first."""
MEMBER_ANNOTATION: Final = "fleet/member"
"""On a member's namespace kube-system: its name."""
LABELS: Final = {"app": AGENT}
METRICS_PORT: Final = 8080
HEALTH_PORT: Final = 10357
MOUNT: Final = "/etc/kubeconfig"
REGION_LABEL: Final = "topology.kubernetes.io/region"
AGENT_GROUP: Final = "system:karmada:agents"
"""The group of every agent, as ``karmadactl register`` names it."""


@dataclass(frozen=True, kw_only=True)
class KarmadaAgentArgs:
    """What one member needs to join the control plane."""

    member: LkeCluster
    control_plane: KarmadaControlPlane
    agent: Agent
    replicas: int


class KarmadaAgent(pulumi.ComponentResource):
    """One member of the fleet, as Karmada sees it: its agent reports, and its Cluster object is Ready."""

    cluster: kubernetes.apiextensions.CustomResource
    """Karmada's Cluster object; whatever must be placed on this member depends on it."""

    def __init__(self, name: str, args: KarmadaAgentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:Agent", name, {}, opts)
        access = AgentAccess(
            f"{name}-access",
            AgentAccessArgs(member=args.member.name, karmada=args.control_plane.provider),
            ResourceOptions(parent=self),
        )
        in_member = args.member.inside(self)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=KARMADA_NAMESPACE),
            opts=in_member,
        )
        deployment = self._deploy(name, args, namespace.metadata.name, access)
        if args.replicas > 1:
            _budget(name, namespace.metadata.name, in_member)
        self.cluster = self._register(name, args, deployment.metadata.name)
        self.register_outputs({})

    def _deploy(
        self, name: str, args: KarmadaAgentArgs, namespace: Output[str], access: AgentAccess
    ) -> kubernetes.apps.v1.Deployment:
        in_member = args.member.inside(self)
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=AGENT, namespace=namespace),
            opts=in_member,
        )
        binding = _bind(name, account, in_member)
        identity = args.control_plane.pki.client(
            f"{name}-identity",
            Subject(common_name=agent_user(args.member.name), organization=AGENT_GROUP),
            self,
        )
        credentials = kubernetes.core.v1.Secret(
            f"{name}-kubeconfig",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=AGENT_KUBECONFIG, namespace=namespace),
            string_data={"kubeconfig": kubeconfig(args.control_plane.server, identity)},
            opts=in_member,
        )
        return kubernetes.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=AGENT,
                namespace=namespace,
                labels=LABELS,
                # The agent cannot create its Cluster object: it starts over until the next resource has made it, and
                # that one waits until the agent reports.
                annotations={"pulumi.com/skipAwait": "true"},
            ),
            spec=_spec(
                args,
                annotations=_read_at_start(args.control_plane, identity),
                pod=_pod(args, account.metadata.name, credentials.metadata.name),
            ),
            # An agent that starts before it may do anything fails and backs off.
            opts=ResourceOptions.merge(in_member, ResourceOptions(depends_on=[access, binding])),
        )

    def _register(
        self, name: str, args: KarmadaAgentArgs, agent: Input[str]
    ) -> kubernetes.apiextensions.CustomResource:
        member = args.member
        return kubernetes.apiextensions.CustomResource(
            f"{name}-cluster",
            api_version=CLUSTER_API,
            kind="Cluster",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=member.name,
                labels={REGION_LABEL: member.spec.region, NETWORK_LABEL: member.spec.network or ""},
                annotations={
                    # "condition=Ready" is the same, and a warning for as long as the agent has reported nothing.
                    "pulumi.com/waitFor": "jsonpath={.status.conditions[?@.type=='Ready'].status}=True",
                    # By naming the agent it is made after it, and so deleted while the agent lives: without one, its
                    # finalizers hang (karmada#1847).
                    AGENT_ANNOTATION: agent,
                },
            ),
            spec={
                "id": self._member_identity(name, member),
                "syncMode": "Pull",
                "provider": "linode",
                "region": member.spec.region,
            },
            opts=ResourceOptions(
                parent=self,
                provider=args.control_plane.provider,
                hooks=handover.before_update(name, member, args.control_plane),
            ),
        )

    def _member_identity(self, name: str, member: LkeCluster) -> Output[str]:
        """Karmada identifies a cluster by the UID of its namespace kube-system (pkg/util, ObtainClusterID).

        A patch of it keeps the UID in the stack's state: to look at the namespace, a preview would have to reach the
        cluster (docs/decisions/0191).
        """
        namespace = kubernetes.core.v1.NamespacePatch(
            f"{name}-kube-system",
            metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(
                name="kube-system", annotations={MEMBER_ANNOTATION: member.name}
            ),
            opts=member.inside(self),
        )
        return namespace.metadata.apply(lambda found: (found and found.uid) or later())


def _bind(name: str, account: kubernetes.core.v1.ServiceAccount, opts: ResourceOptions) -> pulumi.Resource:
    everything = [
        rule("*", ["*"], ["*"]),
        kubernetes.rbac.v1.PolicyRuleArgs(non_resource_urls=["*"], verbs=["get"]),
    ]
    why = "the agent applies whatever is submitted to Karmada for this member, roles among it"
    return grant(name, Grant(role=AGENT, why=why, rules=everything, subject=service_account(account)), opts)


def _budget(name: str, namespace: Input[str], opts: ResourceOptions) -> None:
    kubernetes.policy.v1.PodDisruptionBudget(
        f"{name}-budget",
        metadata=kubernetes.meta.v1.ObjectMetaArgs(name=AGENT, namespace=namespace),
        spec={"selector": {"matchLabels": LABELS}, **disruptions.BUDGET},
        opts=opts,
    )


def _read_at_start(control_plane: KarmadaControlPlane, identity: Certificate) -> dict[str, Input[str]]:
    return {
        CERTIFICATE_ANNOTATION: fingerprint(identity.certificate_pem),
        ENDPOINT_ANNOTATION: control_plane.endpoint,
    }


def _spec(
    args: KarmadaAgentArgs, *, annotations: dict[str, Input[str]], pod: kubernetes.core.v1.PodSpecArgs
) -> kubernetes.apps.v1.DeploymentSpecArgs:
    return kubernetes.apps.v1.DeploymentSpecArgs(
        replicas=args.replicas,
        selector=kubernetes.meta.v1.LabelSelectorArgs(match_labels=LABELS),
        # One that reports stays until another is ready to: a certificate that Karmada refuses silences nobody.
        strategy=kubernetes.apps.v1.DeploymentStrategyArgs(
            type="RollingUpdate",
            rolling_update=kubernetes.apps.v1.RollingUpdateDeploymentArgs(max_unavailable=0, max_surge=1),
        ),
        template=kubernetes.core.v1.PodTemplateSpecArgs(
            metadata=kubernetes.meta.v1.ObjectMetaArgs(labels=LABELS, annotations=annotations), spec=pod
        ),
    )


def _pod(args: KarmadaAgentArgs, account: Input[str], credentials: Input[str]) -> kubernetes.core.v1.PodSpecArgs:
    return kubernetes.core.v1.PodSpecArgs(
        service_account_name=account,
        priority_class_name="system-node-critical",
        image_pull_secrets=[kubernetes.core.v1.LocalObjectReferenceArgs(name=name) for name in args.agent.pull_secrets]
        or None,
        tolerations=[
            kubernetes.core.v1.TolerationArgs(key=taint.key, value=taint.value, effect=taint.effect.value)
            for taint in args.agent.tolerations
        ]
        or None,
        # Replicas are there for the loss of a node.
        topology_spread_constraints=[
            kubernetes.core.v1.TopologySpreadConstraintArgs(
                max_skew=1,
                topology_key=disruptions.HOST,
                when_unsatisfiable="ScheduleAnyway",
                label_selector=kubernetes.meta.v1.LabelSelectorArgs(match_labels=LABELS),
                # A single one has nobody to keep off, and need not start anew for this.
                match_label_keys=list(disruptions.OF_ONE_TEMPLATE) if args.replicas > 1 else None,
            )
        ],
        containers=[_container(args)],
        volumes=[
            kubernetes.core.v1.VolumeArgs(
                name="kubeconfig", secret=kubernetes.core.v1.SecretVolumeSourceArgs(secret_name=credentials)
            )
        ],
    )


def _container(args: KarmadaAgentArgs) -> kubernetes.core.v1.ContainerArgs:
    # Answered once the agent has registered with Karmada, by those too that wait for their turn to lead.
    health = kubernetes.core.v1.HTTPGetActionArgs(path="/healthz", port=HEALTH_PORT)
    return kubernetes.core.v1.ContainerArgs(
        name="agent",
        image=f"{args.agent.image}:{args.control_plane.versions.karmada}",
        image_pull_policy="IfNotPresent",
        env=[
            kubernetes.core.v1.EnvVarArgs(
                name="POD_IP",
                value_from=kubernetes.core.v1.EnvVarSourceArgs(
                    field_ref=kubernetes.core.v1.ObjectFieldSelectorArgs(field_path="status.podIP")
                ),
            )
        ],
        command=command(args.member.name),
        liveness_probe=kubernetes.core.v1.ProbeArgs(
            http_get=health, failure_threshold=3, initial_delay_seconds=15, period_seconds=15, timeout_seconds=5
        ),
        readiness_probe=kubernetes.core.v1.ProbeArgs(http_get=health, period_seconds=2, timeout_seconds=2),
        ports=[kubernetes.core.v1.ContainerPortArgs(name="metrics", container_port=METRICS_PORT)],
        resources=kubernetes.core.v1.ResourceRequirementsArgs(
            requests=args.agent.resources.requests or None, limits=args.agent.resources.limits or None
        ),
        volume_mounts=[kubernetes.core.v1.VolumeMountArgs(name="kubeconfig", mount_path=MOUNT)],
    )


def command(member: str) -> list[str]:
    """An agent's command line: the chart's, and no credentials of the member are reported."""
    return [
        "/bin/karmada-agent",
        f"--karmada-kubeconfig={MOUNT}/kubeconfig",
        f"--cluster-name={member}",
        "--cluster-status-update-frequency=10s",
        f"--leader-elect-resource-namespace={KARMADA_NAMESPACE}",
        f"--metrics-bind-address=$(POD_IP):{METRICS_PORT}",
        f"--health-probe-bind-address=$(POD_IP):{HEALTH_PORT}",
        # By default an agent has a token with all rights on its member kept in Karmada (cmd/agent/app/options).
        "--report-secrets=None",
        "--v=2",
    ]
