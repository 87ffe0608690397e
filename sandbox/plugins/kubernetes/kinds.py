"""Kinds of objects: from Pulumi's type tokens to Kubernetes' group, version and kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_PACKAGE: Final = "kubernetes"

# The program has no use for these; the official plugin expands them into resources of their own.
_UNSUPPORTED_MODULES: Final = frozenset(
    {"kustomize", "kustomize/v2", "yaml", "yaml/v2", "helm.sh/v2", "helm.sh/v3", "helm.sh/v4"}
)

# `kubectl api-resources --namespaced=false`, for the built-in groups: what is needed to tell where an
# object belongs while its cluster is out of reach.
_CLUSTER_SCOPED: Final = frozenset(
    {
        "APIService",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CSIDriver",
        "CSINode",
        "CustomResourceDefinition",
        "FlowSchema",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)
_BUILT_IN_GROUPS: Final = frozenset({"", "apps", "batch", "autoscaling", "policy"})


@dataclass(frozen=True)
class Kind:
    """A group, version and kind, as in an object's apiVersion and kind."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """The apiVersion of such an object: `v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def built_in(self) -> bool:
        """Whether Kubernetes itself defines this group, so that its scope is known beforehand."""
        return self.group in _BUILT_IN_GROUPS or self.group.endswith(".k8s.io")

    @property
    def namespaced_by_convention(self) -> bool:
        """Whether such objects live in namespaces, for all that is known without a cluster.

        A kind that is not built in is taken to be namespaced, as by the official provider; the API server
        has the last word when the object is made.
        """
        return not (self.built_in and self.kind in _CLUSTER_SCOPED)

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"


def kind_of(api_version: str, kind: str) -> Kind:
    """The kind that an object's apiVersion and kind name. `core/v1` is the same as `v1`."""
    group, _, version = api_version.rpartition("/")
    return Kind("" if group == "core" else group, version, kind)


def kind_of_token(token: str) -> Kind | None:
    """The kind that a resource type's token names, or None if the token is of no kind of object."""
    package, _, rest = token.partition(":")
    module, _, name = rest.rpartition(":")
    if package != _PACKAGE or not name or module in _UNSUPPORTED_MODULES or module.count("/") != 1:
        return None
    if name.endswith("List") and kind_of(module, name).built_in:
        return None
    return kind_of(module, name)


def is_patch(token: str, kind: str) -> bool:
    """Whether the type is the Patch variant of the kind: NamespacePatch for Namespace.

    A custom resource whose kind itself ends in Patch is not one.
    """
    return token.rpartition(":")[2] == f"{kind}Patch"
