"""What one member's agent may do in Karmada's API: the rules of ``karmadactl register``, narrowed further.

The source is pkg/karmadactl/register/register.go of Karmada 1.18. Against it, an agent here cannot create clusters
(Fleet does) or certificate signing requests (Fleet renews), and may touch only its own leases and namespaces.
"""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from fleet.naming import KARMADA_CLUSTER_NAMESPACE, KARMADA_NAMESPACE, agent_user, execution_namespace

RBAC_GROUP: Final = "rbac.authorization.k8s.io"
SYSTEM_LABEL: Final = {"karmada.io/system": "true"}
"""Marks what belongs to Karmada itself (pkg/util/constants.go, KarmadaSystemLabel)."""


def _rule(
    group: str, resources: list[str], verbs: list[str], names: list[str] | None = None
) -> kubernetes.rbac.v1.PolicyRuleArgs:
    return kubernetes.rbac.v1.PolicyRuleArgs(api_groups=[group], resources=resources, verbs=verbs, resource_names=names)


def cluster_rules(member: str) -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """What the agent may do everywhere."""
    return [
        _rule("cluster.karmada.io", ["clusters"], ["get", "update", "patch"], [member]),
        # The agent lists before it registers, to see that its identity is not taken.
        _rule("cluster.karmada.io", ["clusters"], ["list", "watch"]),
        _rule("cluster.karmada.io", ["clusters/status"], ["update", "patch"], [member]),
        _rule(
            "config.karmada.io",
            ["resourceinterpreterwebhookconfigurations", "resourceinterpretercustomizations"],
            ["get", "list", "watch"],
        ),
        _rule("", ["namespaces"], ["get"], [KARMADA_CLUSTER_NAMESPACE, execution_namespace(member)]),
        # The resource interpreter resolves webhooks by Service.
        _rule("", ["services"], ["list", "watch"]),
        _rule("", ["events"], ["create", "patch", "update"]),
    ]


def work_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """What the agent may do in its own execution namespace."""
    return [
        _rule("work.karmada.io", ["works"], ["get", "create", "list", "watch", "update", "patch", "delete"]),
        _rule("work.karmada.io", ["works/status"], ["get", "update", "patch"]),
    ]


def registration_rules(member: str) -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """What the agent may do in karmada-cluster: report its own credentials and renew its own lease."""
    return [
        _rule("", ["secrets"], ["get", "patch"], [member, f"{member}-impersonator"]),
        # The name of an object to be created is not part of a request, so it cannot be limited.
        _rule("", ["secrets"], ["create"]),
        _rule("coordination.k8s.io", ["leases"], ["get", "update"], [member]),
        _rule("coordination.k8s.io", ["leases"], ["create"]),
    ]


def election_rules(member: str) -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """What the agent may do in karmada-system: elect a leader among its own replicas."""
    return [
        _rule("coordination.k8s.io", ["leases"], ["get", "update"], [f"karmada-agent-{member}"]),
        _rule("coordination.k8s.io", ["leases"], ["create"]),
    ]


@dataclass(frozen=True, kw_only=True)
class AgentAccessArgs:
    """Whose agent, and the provider of Karmada's API."""

    member: str
    karmada: kubernetes.Provider


class AgentAccess(pulumi.ComponentResource):
    """The execution namespace of one member, and the roles that bind its agent's user."""

    def __init__(self, name: str, args: AgentAccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("fleet:karmada:AgentAccess", name, {}, opts)
        child = ResourceOptions(parent=self, provider=args.karmada)
        member = args.member
        execution = kubernetes.core.v1.Namespace(
            f"{name}-execution",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=execution_namespace(member), labels=SYSTEM_LABEL),
            opts=child,
        )
        _bind_everywhere(f"{name}-clusters", member, child)
        _bind(f"{name}-work", execution.metadata.name, member, work_rules(), child)
        _bind(f"{name}-registration", KARMADA_CLUSTER_NAMESPACE, member, registration_rules(member), child)
        _bind(f"{name}-election", KARMADA_NAMESPACE, member, election_rules(member), child)
        self.register_outputs({})


def _subject(member: str) -> kubernetes.rbac.v1.SubjectArgs:
    return kubernetes.rbac.v1.SubjectArgs(kind="User", name=agent_user(member), api_group=RBAC_GROUP)


def _bind_everywhere(name: str, member: str, opts: ResourceOptions) -> None:
    metadata = kubernetes.meta.v1.ObjectMetaArgs(name=f"system:karmada:{member}:agent")
    role = kubernetes.rbac.v1.ClusterRole(f"{name}-role", metadata=metadata, rules=cluster_rules(member), opts=opts)
    kubernetes.rbac.v1.ClusterRoleBinding(
        f"{name}-binding",
        metadata=metadata,
        role_ref=kubernetes.rbac.v1.RoleRefArgs(api_group=RBAC_GROUP, kind="ClusterRole", name=role.metadata.name),
        subjects=[_subject(member)],
        opts=opts,
    )


def _bind(
    name: str,
    namespace: Input[str],
    member: str,
    rules: list[kubernetes.rbac.v1.PolicyRuleArgs],
    opts: ResourceOptions,
) -> None:
    metadata = kubernetes.meta.v1.ObjectMetaArgs(name=f"system:karmada:{member}:agent", namespace=namespace)
    role = kubernetes.rbac.v1.Role(f"{name}-role", metadata=metadata, rules=rules, opts=opts)
    kubernetes.rbac.v1.RoleBinding(
        f"{name}-binding",
        metadata=metadata,
        role_ref=kubernetes.rbac.v1.RoleRefArgs(api_group=RBAC_GROUP, kind="Role", name=role.metadata.name),
        subjects=[_subject(member)],
        opts=opts,
    )
