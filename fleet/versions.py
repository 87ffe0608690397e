"""Every version that Fleet deploys, in one place, each with its reason when it is not simply the newest.

Python packages are pinned in requirements.txt, and the sandbox's tools in its go.mod files.
"""

from typing import Final

KARMADA: Final = "v1.18.2"
"""Karmada's images: the newest stable release."""

KARMADA_CHART: Final = "v1.18.1"
"""The newest chart of the 1.18 line in the project's chart repository; it differs from 1.18.2 by image tags."""

KARMADA_KUBERNETES: Final = "v1.35.2"
"""kube-apiserver and kube-controller-manager inside Karmada: what its 1.18 chart was released with."""

KARMADA_ETCD: Final = "3.6.6-0"
"""etcd inside Karmada: what its 1.18 chart was released with."""

ISTIO_CHART: Final = "1.31.0"
"""All of Istio's charts; 1.30 before 1.30.4 loses endpoints when a remote secret rotates (istio#61043)."""

KUBECTL_IMAGE: Final = ("docker.io", "alpine/k8s", "1.34.1")
"""Registry, repository and tag of the image in which Karmada's jobs run bash and kubectl, and failover's jq too.

The chart's default, bitnamisecure/kubectl, is published under the tag latest alone.
"""

CFSSL_IMAGE: Final = ("docker.io", "cfssl/cfssl", "v1.6.5")
"""Registry, repository and tag of the image in which Karmada's init containers run bash and curl."""

AGE_IMAGE: Final = ("ghcr.io", "helmfile/helmfile", "v1.7.4")
"""Registry, repository and tag of the image in which backups are encrypted and sent: age 1.2.1, bash and curl.

age has no image of its own. This one is Helmfile's official, which has age for its secrets, and a tag for each release.
"""

PODINFO_IMAGE: Final = "docker.io/stefanprodan/podinfo:6.9.2"
"""The hello workload of the article; the release whose Go module the sandbox builds."""

CURL_IMAGE: Final = "docker.io/curlimages/curl:8.16.0"
"""The sleep workload of the article."""

DEFAULT_KUBERNETES: Final = "1.35"
"""LKE takes a minor version and runs its newest patch."""

KUBERNETES_BY_KARMADA: Final[dict[str, frozenset[str]]] = {
    "1.17": frozenset({"1.26", "1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35"}),
    "1.18": frozenset({"1.26", "1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35"}),
}
"""Kubernetes minors by Karmada minor (the compatibility table of Karmada's README)."""

KUBERNETES_BY_ISTIO: Final[dict[str, frozenset[str]]] = {
    "1.30": frozenset({"1.32", "1.33", "1.34", "1.35", "1.36"}),
    "1.31": frozenset({"1.32", "1.33", "1.34", "1.35", "1.36"}),
}
"""Kubernetes minors by Istio minor (istio.io, "Support status of Istio releases")."""
