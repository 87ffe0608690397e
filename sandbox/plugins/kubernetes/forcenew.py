"""Fields that the API server does not change in place: a new value needs a new object.

The table is the official provider's (provider/pkg/provider/diff.go of pulumi-kubernetes). A path covers
all that lies in it; list indices are left out, so that `spec.containers.image` covers every container.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.objects import Object, kind

if TYPE_CHECKING:
    from collections.abc import Mapping

IDENTITY: Final = frozenset({"metadata.name", "metadata.namespace"})

_CONTAINER_FIELDS: Final = (
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
)
_POD_FIELDS: Final = (
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "volumes",
    *(f"{group}.{field}" for group in ("containers", "initContainers") for field in _CONTAINER_FIELDS),
)
_VOLUME_SOURCES: Final = (
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
)


def _spec(*fields: str) -> frozenset[str]:
    return frozenset(f"spec.{field}" for field in fields)


_TABLE: Final[Mapping[Kind, frozenset[str]]] = {
    Kind("apps", "v1", "DaemonSet"): _spec("selector"),
    Kind("apps", "v1", "Deployment"): _spec("selector"),
    Kind("apps", "v1", "StatefulSet"): _spec(
        "podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"
    ),
    Kind("batch", "v1", "Job"): _spec("completions", "parallelism", "selector", "template"),
    Kind("", "v1", "PersistentVolume"): _spec(*_VOLUME_SOURCES),
    Kind("", "v1", "PersistentVolumeClaim"): _spec("accessModes", "selector", "storageClassName", "volumeName"),
    Kind("", "v1", "Pod"): _spec(*_POD_FIELDS),
    Kind("", "v1", "ResourceQuota"): _spec("scopes"),
    Kind("", "v1", "Service"): _spec("clusterIP"),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding"): frozenset({"roleRef"}),
    Kind("rbac.authorization.k8s.io", "v1", "RoleBinding"): frozenset({"roleRef"}),
    Kind("storage.k8s.io", "v1", "StorageClass"): frozenset({"parameters", "provisioner"}),
}
_SECRET: Final = Kind("", "v1", "Secret")
_CONFIG_MAP: Final = Kind("", "v1", "ConfigMap")


@dataclass(frozen=True, kw_only=True)
class Mutability:
    """Which kinds of data a provider changes in place; by default none, so that Pods notice."""

    secrets: bool = False
    config_maps: bool = False


def force_new(obj: Object, mutability: Mutability) -> frozenset[str]:
    """The paths of an object whose change needs a replacement."""
    found = kind(obj)
    immutable = obj.get("immutable") is True
    if found == _SECRET:
        locked = {"type"} if mutability.secrets and not immutable else {"type", "data", "stringData"}
        return IDENTITY | locked
    if found == _CONFIG_MAP:
        return IDENTITY | (set() if mutability.config_maps and not immutable else {"data", "binaryData"})
    return IDENTITY | _TABLE.get(found, frozenset())
