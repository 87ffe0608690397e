"""Values of Karmada's chart. Pure functions, apart from secrets that they pass through."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulumi import Input

from fleet import disruptions
from fleet.config.settings import EndpointMode, Karmada, Versions
from fleet.karmada import encryption
from fleet.naming import KARMADA_NAMESPACE
from fleet.versions import CFSSL_IMAGE, KARMADA_ETCD, KARMADA_KUBERNETES, KUBECTL_IMAGE

COMPONENTS: Final = {
    "scheduler": "karmada-scheduler",
    "webhook": "karmada-webhook",
    "controllerManager": "karmada-controller-manager",
    "aggregatedApiServer": "karmada-aggregated-apiserver",
}
"""Components of host mode whose images carry Karmada's own version, and the label `app` of their pods."""
API_SERVER: Final = "karmada-apiserver"
KUBE_CONTROLLER_MANAGER: Final = "kube-controller-manager"
CERTIFICATE_ANNOTATION: Final = "fleet/certificate"
"""Pods read their certificate when they start, so a renewed one has to change them."""
AUTHORITY_LABEL: Final = "fleet/authority"
ENCRYPTION_ANNOTATION: Final = "fleet/encryption"
"""The API server reads its keys when it starts."""
JOB_TTL_SECONDS: Final = 300
"""How long the job that installs Karmada's CRDs stays, so that Helm sees it succeed; the chart's 10 s is a race."""


@dataclass(frozen=True, kw_only=True)
class Fingerprints:
    """What changes when certificates do, or the keys of encryption at rest."""

    server: Input[str]
    authority: Input[str]
    """As `label_value` writes it."""
    encryption: Input[str]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the chart is given to work with: certificates, and the name of the Secret with the keys of encryption."""

    certs: Mapping[str, Any]
    encryption: Input[str]


@dataclass(frozen=True, kw_only=True)
class Replicas:
    """How many there are of what keeps no data; each API server has a node of its own."""

    components: int
    api_servers: int
    api_servers_share: bool = False
    """Whether those that run bear the next one on their node (docs/decisions/0206)."""


def host(
    karmada: Karmada, versions: Versions, given: Given, fingerprints: Fingerprints, replicas: Replicas
) -> dict[str, Any]:
    """Values of host mode: the control plane on the manager."""
    pods = {"podAnnotations": {CERTIFICATE_ANNOTATION: fingerprints.server}}
    by_node = karmada.endpoint is EndpointMode.NODE
    values: dict[str, Any] = {
        component: {"image": {"tag": versions.karmada}} | pods | _replicated(app, replicas.components)
        for component, app in COMPONENTS.items()
    }
    values["controllerManager"] |= _controller_manager(karmada)
    return (
        values
        | _job_images()
        | {
            "installMode": "host",
            "systemNamespace": KARMADA_NAMESPACE,
            "karmadaImageVersion": versions.karmada,
            "certs": dict(given.certs),
            "staticResourceJob": {"ttlSecondsAfterFinished": JOB_TTL_SECONDS},
            "apiServer": {
                "hostNetwork": False,
                "serviceType": "NodePort" if by_node else "ClusterIP",
                "nodePort": karmada.node_port if by_node else 0,
                "replicaCount": replicas.api_servers,
                "image": {"tag": KARMADA_KUBERNETES},
                "encryptionAtRest": {
                    "enabled": True,
                    "existingSecret": {"name": given.encryption, "key": encryption.SECRET_KEY},
                },
                "podAnnotations": pods["podAnnotations"] | {ENCRYPTION_ANNOTATION: fingerprints.encryption},
            }
            | _budgeted(replicas.api_servers)
            | (_relieved() if replicas.api_servers_share else {}),
            "kubeControllerManager": {"image": {"tag": KARMADA_KUBERNETES}}
            | pods
            | _replicated(KUBE_CONTROLLER_MANAGER, replicas.components),
            "etcd": {
                "mode": "internal",
                # It reads its own certificate for each connection, but whom to trust only when it starts. The chart
                # annotates no pod of etcd.
                "podLabels": {AUTHORITY_LABEL: fingerprints.authority},
                "internal": {
                    # More never become ready (docs/decisions/0114).
                    "replicaCount": 1,
                    "image": {"tag": KARMADA_ETCD},
                    # The chart's default is a hostPath, which is lost with the node.
                    "storageType": "pvc",
                    "pvc": {"storageClass": karmada.etcd.storage_class, "size": karmada.etcd.size},
                },
            },
        }
    )


def encryption_given(values: Mapping[str, Any]) -> str | None:
    """The fingerprint of the encryption's configuration that API servers have by a release's values."""
    found: str | None = ((values.get("apiServer") or {}).get("podAnnotations") or {}).get(ENCRYPTION_ANNOTATION)
    return found


def label_value(fingerprint: str) -> str:
    """A fingerprint as a label: 63 characters at most, and never a number, since the chart puts no quotes around it."""
    return f"sha256-{fingerprint[:40]}"


def _replicated(app: str, replicas: int) -> dict[str, Any]:
    if replicas == 1:
        return {}
    return {"replicaCount": replicas, "affinity": disruptions.affinity({"app": app})} | _budgeted(replicas)


def _budgeted(replicas: int) -> dict[str, Any]:
    return {"podDisruptionBudget": dict(disruptions.BUDGET)} if replicas > 1 else {}


def _relieved() -> dict[str, Any]:
    # By the chart's defaults the one that runs has to be wholly gone before the next is given its node, for a minute.
    return {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "affinity": disruptions.one_a_node({"app": API_SERVER}),
    }


def _controller_manager(karmada: Karmada) -> dict[str, Any]:
    # The chart turns PropagateDeps off although Karmada's code has it on. Failover is the gate of ClusterTaintPolicies;
    # that NoExecute taints evict is another option, which stays off: eviction is the job's (fleet/karmada/failover.py).
    return {"featureGates": {"PropagateDeps": True, "Failover": karmada.failover.enabled}}


def _job_images() -> dict[str, Any]:
    """Hooks mint nothing in custom mode, but jobs and init containers still run in these two, tagged latest."""
    images = {"kubectl": KUBECTL_IMAGE, "cfssl": CFSSL_IMAGE}
    return {
        name: {"image": {"registry": pin.registry, "repository": pin.repository, "tag": pin.tag}}
        for name, pin in images.items()
    }
