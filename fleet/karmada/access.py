"""What one member's agent may do in Karmada's API: the rules of ``karmadactl register``, narrowed further.

The source is pkg/karmadactl/register/register.go of Karmada 1.18. Against it, an agent here cannot create clusters
(Fleet does), secrets (it reports none) or certificate signing requests (Fleet renews), and may touch only its own
leases and namespaces.
"""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from fleet.naming import KARMADA_CLUSTER_NAMESPACE, KARMADA_NAMESPACE, execution_namespace
from fleet.rights import Grant, grant, rule, user

SYSTEM_LABEL: Final = {"karmada.io/system": "true"}
"""Marks what belongs to Karmada itself (pkg/util/constants.go, KarmadaSystemLabel)."""


def election_lease(member: str) -> str:
    """The lease by which an agent's replicas elect a leader, in karmada-system (cmd/agent/app/agent.go)."""
    return f"karmada-agent-{member}"


def cluster_rules(member: str) -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """What the agent may do everywhere."""
    return [
        rule("cluster.karmada.io", ["clusters"], ["get", "update", "patch"], [member]),
        # The agent lists before it registers, to see that its identity is not taken.
        rule("cluster.karmada.io", ["clusters"], ["list", "watch"]),
        rule("cluster.karmada.io", ["clusters/status"], ["update", "patch"], [member]),
        rule(
            "config.karmada.io",
            ["resourceinterpreterwebhookconfigurations", "resourceinterpretercustomizations"],
            ["get", "list", "watch"],
        ),
        rule("", ["namespaces"], ["get"], [KARMADA_CLUSTER_NAMESPACE, execution_namespace(member)]),
        # The resource interpreter resolves webhooks by Service.
        rule("", ["services"], ["list", "watch"]),
        rule("", ["events"], ["create", "patch", "update"]),
    ]


def work_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """What the agent may do in its own execution namespace."""
    return [
        rule("work.karmada.io", ["works"], ["get", "create", "list", "watch", "update", "patch", "delete"]),
        rule("work.karmada.io", ["works/status"], ["get", "update", "patch"]),
    ]


def registration_rules(member: str) -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """What the agent may do in karmada-cluster: renew its own lease, and report no secret, whatever it is told to."""
    return [
        rule("coordination.k8s.io", ["leases"], ["get", "update"], [member]),
        # The name of an object to be created is not part of a request, so it cannot be limited.
        rule("coordination.k8s.io", ["leases"], ["create"]),
    ]


def election_rules(member: str) -> list[kubernetes.rbac.v1.PolicyRuleArgs]:
    """What the agent may do in karmada-system: elect a leader among its own replicas."""
    return [
        rule("coordination.k8s.io", ["leases"], ["get", "update"], [election_lease(member)]),
        rule("coordination.k8s.io", ["leases"], ["create"]),
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
        execution = works_of(f"{name}-execution", member, child)
        _grant(
            f"{name}-clusters",
            member,
            "the agent reports its member's state, and knows how Karmada reads resources",
            cluster_rules(member),
            child,
        )
        _grant(
            f"{name}-work",
            member,
            "the agent takes up what is placed on its member, and says what became of it",
            work_rules(),
            child,
            execution.metadata.name,
        )
        _grant(
            f"{name}-registration",
            member,
            "the agent says that its member is alive",
            registration_rules(member),
            child,
            KARMADA_CLUSTER_NAMESPACE,
        )
        _grant(
            f"{name}-election",
            member,
            "the agent's replicas agree on one of them",
            election_rules(member),
            child,
            KARMADA_NAMESPACE,
        )
        self.register_outputs({})


def works_of(name: str, member: str, opts: ResourceOptions) -> kubernetes.core.v1.Namespace:
    """Where Karmada keeps what one member is to run."""
    metadata = kubernetes.meta.v1.ObjectMetaArgs(name=execution_namespace(member), labels=SYSTEM_LABEL)
    return kubernetes.core.v1.Namespace(name, metadata=metadata, opts=opts)


def _grant(
    name: str,
    member: str,
    why: str,
    rules: list[kubernetes.rbac.v1.PolicyRuleArgs],
    opts: ResourceOptions,
    namespace: Input[str] | None = None,
) -> None:
    subject = user(agent_user(member))
    role = f"system:karmada:{member}:agent"
    grant(name, Grant(role=role, why=why, rules=rules, subject=subject, namespace=namespace), opts)


def agent_user(member: str) -> str:
    """The user name of a member's agent, as ``karmadactl register`` names it."""
    return f"system:karmada:agent:{member}"
