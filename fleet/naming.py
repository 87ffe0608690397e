"""Pure names and labels: the same inputs always give the same strings, and nothing here talks to Pulumi."""

import re
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
WORKLOAD_NAMESPACE: Final = "default"
HELLO: Final = "hello"
SLEEP: Final = "sleep"
INGRESS_GATEWAY: Final = "istio-ingressgateway"
EAST_WEST_GATEWAY: Final = "istio-eastwestgateway"
HELLO_PORT: Final = 5000
DEFAULT_ROOT: Final = "root"
"""The mesh's root where the config names none."""
RBAC_GROUP: Final = "rbac.authorization.k8s.io"
NETWORK_LABEL: Final = "topology.istio.io/network"
REGION_LABEL: Final = "topology.kubernetes.io/region"
SUFFIX_LENGTH: Final = 4
"""Characters of the random suffix on everything that Linode bills."""

DNS_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123, section 2.1, as Kubernetes applies it to names."""
_DNS_SUBDOMAIN: Final = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_QUALIFIED_NAME: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
LABEL_VALUE: Final = re.compile(rf"({_QUALIFIED_NAME})?")
LABEL_KEY: Final = re.compile(rf"((?P<domain>{_DNS_SUBDOMAIN})/)?(?P<name>{_QUALIFIED_NAME})")
"""Kubernetes, "Labels and Selectors: Syntax and character set"."""
RESERVED_LABEL_DOMAINS: Final = ("kubernetes.io", "k8s.io", "linode.com")
"""Domains of labels and taints that are Kubernetes' and Linode's own: LKE takes none of them for a pool."""
LINODE_LABEL_LENGTH: Final = 32
"""The longest label of an LKE cluster (Linode API v4, POST /lke/clusters)."""
FIREWALL_ADDRESSES: Final = 255
"""Addresses and networks of a firewall's rule at most (Linode API v4, POST /networking/firewalls)."""
CLUSTER_NAME_LENGTH: Final = LINODE_LABEL_LENGTH - SUFFIX_LENGTH - 1


def billed_label(name: str, suffix: str) -> str:
    """The label of something that Linode bills: ``us`` and ``x4f2`` give ``us-x4f2``."""
    return f"{name}-{suffix}"


def linode_tags(tags: Mapping[str, str]) -> list[str]:
    """Linode's tags are plain strings: ``{"owner": "web"}`` gives ``["owner:web"]``, in order of their keys."""
    return [f"{key}:{value}" for key, value in sorted(tags.items())]


def agent_user(member: str) -> str:
    """The user name of a member's agent, as ``karmadactl register`` names it."""
    return f"system:karmada:agent:{member}"


AGENT: Final = "fleet-karmada-agent"
"""An agent's Deployment in its member, and all that belongs to it. Karmada's chart has the name karmada-agent."""
AGENT_KUBECONFIG: Final = f"{AGENT}-kubeconfig"
"""The Secret with an agent's credentials in Karmada, and the key in it is `kubeconfig`."""
AGENT_GROUP: Final = "system:karmada:agents"
"""The group of every agent, as ``karmadactl register`` names it."""


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


def workload_identity(workload: str, member: str) -> str:
    """The service account of a workload or gateway in one member, so that authorization can tell regions apart."""
    return f"{workload}-{member}"


def principal(namespace: str, service_account: str) -> str:
    """The SPIFFE principal of a service account, in the form that AuthorizationPolicy takes."""
    return f"cluster.local/ns/{namespace}/sa/{service_account}"


def node_labels(cluster_id: str) -> str:
    """A regular expression for the labels of a cluster's Linodes: LKE calls them ``lkeCLUSTER-POOL-HASH``."""
    return f"^lke{cluster_id}-"
