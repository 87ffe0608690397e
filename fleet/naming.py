"""Pure names and labels: the same inputs always give the same strings, and nothing here talks to Pulumi."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

KARMADA: Final = "karmada"
"""What Karmada's own API is called where clusters are told apart by their names."""
RESERVED_NAMES: Final[Mapping[str, str]] = {KARMADA: "Karmada's own API, beside the clusters"}
"""What Fleet gives a name to where clusters have theirs, and so no cluster can have it."""
KARMADA_NAMESPACE: Final = "karmada-system"
KARMADA_CLUSTER_NAMESPACE: Final = "karmada-cluster"
"""Where Karmada keeps what it knows of its members (pkg/util/names, NamespaceKarmadaCluster)."""
ISTIO_NAMESPACE: Final = "istio-system"
DEFAULT_NAMESPACE: Final = "default"
"""Where a workload is that names no namespace; every cluster has it."""
OWN_NAMESPACES: Final = ("kube-", "istio-", "karmada-")
"""How the names of namespaces begin in which Kubernetes, Istio and Karmada run themselves."""
INGRESS_GATEWAY: Final = "istio-ingressgateway"
EAST_WEST_GATEWAY: Final = "istio-eastwestgateway"
CALLERS_OF_INGRESS: Final = "ingress"
"""What might be meant for the ingress gateways among callers, which no workload is called."""
DEFAULT_ROOT: Final = "root"
"""The mesh's root where the config names none."""
NETWORK_LABEL: Final = "topology.istio.io/network"
BALANCERS: Final = "192.168.255.0/24"
"""Where NodeBalancers come from, with calls and with health checks, in Linode's private network of a region."""
SUFFIX_LENGTH: Final = 4
"""Characters of the random suffix on everything that Linode bills."""


def billed_label(name: str, suffix: str) -> str:
    """The label of something that Linode bills: ``us`` and ``x4f2`` give ``us-x4f2``."""
    return f"{name}-{suffix}"


def linode_tags(tags: Mapping[str, str]) -> list[str]:
    """Linode's tags are plain strings: ``{"owner": "web"}`` gives ``["owner:web"]``, in order of their keys."""
    return [f"{key}:{value}" for key, value in sorted(tags.items())]


AGENT: Final = "fleet-karmada-agent"
"""An agent's Deployment in its member, and all that belongs to it. Karmada's chart has the name karmada-agent."""
AGENT_KUBECONFIG: Final = f"{AGENT}-kubeconfig"
"""The Secret with an agent's credentials in Karmada, and the key in it is `kubeconfig`."""


FAILOVER: Final = "karmada-failover"
"""The CronJob that evicts from lost members, and its Secret on the manager."""
BACKUP: Final = "karmada-backup"
"""The CronJob that backs Karmada up, and all that belongs to it on the manager."""


def backup_prefix(stack: str) -> str:
    """What the names of a stack's backups of Karmada begin with in their bucket."""
    return f"karmada/{stack}/"


def signing_region(endpoint: str) -> str:
    """The region that requests to an S3 endpoint are signed for ("us-ord-1"); any will do where it is not Linode's."""
    host = urlsplit(endpoint).hostname or ""
    return host.partition(".")[0] if host.endswith(".linodeobjects.com") else "us-east-1"


def execution_namespace(member: str) -> str:
    """Where Karmada puts the Work objects of one member (pkg/util/names, GenerateExecutionSpaceName)."""
    return f"karmada-es-{member}"


def remote_secret(member: str) -> str:
    """The secret that lets another member's istiod read this one, as ``istioctl create-remote-secret`` names it."""
    return f"istio-remote-secret-{member}"


def service_host(name: str, namespace: str) -> str:
    """The whole name of a Service, as Istio's rules have it."""
    return f"{name}.{namespace}.svc.cluster.local"


def workload_identity(workload: str, member: str) -> str:
    """The service account of a workload or gateway in one member, so that authorization can tell regions apart."""
    return f"{workload}-{member}"
