"""Rights: who may do what in an API server, and why. Every role that the program makes is made here.

docs/rights.md is the table of them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

WHY: Final = "fleet/why"
"""The annotation by which a role says what it is for."""
RBAC_GROUP: Final = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Who may do what, and why."""

    role: str
    """The name of the role and of its binding."""
    why: str
    """A sentence for whoever asks whether this is needed."""
    rules: Sequence[kubernetes.rbac.v1.PolicyRuleArgs]
    subject: kubernetes.rbac.v1.SubjectArgs
    namespace: Input[str] | None = None
    """Where it holds; everywhere in the cluster unless named."""


def grant(name: str, args: Grant, opts: ResourceOptions) -> pulumi.Resource:
    """A role and its binding; whatever needs the rights depends on the binding."""
    metadata = kubernetes.meta.v1.ObjectMetaArgs(name=args.role, namespace=args.namespace)
    explained = kubernetes.meta.v1.ObjectMetaArgs(name=args.role, namespace=args.namespace, annotations={WHY: args.why})
    if args.namespace is None:
        everywhere = kubernetes.rbac.v1.ClusterRole(f"{name}-role", metadata=explained, rules=args.rules, opts=opts)
        return kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-binding",
            metadata=metadata,
            role_ref=_reference("ClusterRole", everywhere.metadata.name),
            subjects=[args.subject],
            opts=opts,
        )
    role = kubernetes.rbac.v1.Role(f"{name}-role", metadata=explained, rules=args.rules, opts=opts)
    return kubernetes.rbac.v1.RoleBinding(
        f"{name}-binding",
        metadata=metadata,
        role_ref=_reference("Role", role.metadata.name),
        subjects=[args.subject],
        opts=opts,
    )


def grant_existing(
    name: str, role: str, why: str, subject: kubernetes.rbac.v1.SubjectArgs, binding: str, opts: ResourceOptions
) -> pulumi.Resource:
    """A binding, called as `binding` says, to a ClusterRole that every API server has; it says what it is for."""
    return kubernetes.rbac.v1.ClusterRoleBinding(
        f"{name}-binding",
        metadata=kubernetes.meta.v1.ObjectMetaArgs(name=binding, annotations={WHY: why}),
        role_ref=_reference("ClusterRole", role),
        subjects=[subject],
        opts=opts,
    )


def rule(
    group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] | None = None
) -> kubernetes.rbac.v1.PolicyRuleArgs:
    """What may be done to which resources of one API group, or to those of some names alone."""
    return kubernetes.rbac.v1.PolicyRuleArgs(api_groups=[group], resources=resources, verbs=verbs, resource_names=names)


def user(name: Input[str]) -> kubernetes.rbac.v1.SubjectArgs:
    """Whoever authenticates by this name, which a client certificate says."""
    return kubernetes.rbac.v1.SubjectArgs(kind="User", name=name, api_group=RBAC_GROUP)


def service_account(account: kubernetes.core.v1.ServiceAccount) -> kubernetes.rbac.v1.SubjectArgs:
    """Whoever has a token of this account."""
    return kubernetes.rbac.v1.SubjectArgs(
        kind="ServiceAccount", name=account.metadata.name, namespace=account.metadata.namespace
    )


def token_of(
    name: str,
    account: kubernetes.core.v1.ServiceAccount,
    secret: str,
    bound: Sequence[pulumi.Resource],
    opts: ResourceOptions,
) -> kubernetes.core.v1.Secret:
    """A service account's token, in a secret called as `secret` says; it ends when that secret goes.

    Nobody gets a token that may not read anything yet: it is issued after its bindings.
    """
    return kubernetes.core.v1.Secret(
        f"{name}-token",
        type="kubernetes.io/service-account-token",
        metadata=kubernetes.meta.v1.ObjectMetaArgs(
            name=secret,
            namespace=account.metadata.namespace,
            annotations={"kubernetes.io/service-account.name": account.metadata.name},
        ),
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=list(bound))),
    )


def _reference(kind: str, name: Input[str]) -> kubernetes.rbac.v1.RoleRefArgs:
    return kubernetes.rbac.v1.RoleRefArgs(api_group=RBAC_GROUP, kind=kind, name=name)
