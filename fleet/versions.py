"""Every version that Fleet deploys, in one place, each with its reason when it is not simply the newest.

Images and charts say besides who publishes them, and when that version came out; `make check-pins` asks whether it is
still to be had (operations/pins). Python packages are pinned in requirements.txt, and the sandbox's tools in its
go.mod files.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

DOCKER_HUB: Final = "docker.io"


@dataclass(frozen=True, kw_only=True)
class ImagePin:
    """An image at a version."""

    registry: str
    repository: str
    tag: str
    digest: str = ""
    """For an image whose tag its makers may move: sha256:..."""
    source: str
    """Where its makers announce it."""
    released: date

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}:{self.tag}{f'@{self.digest}' if self.digest else ''}"


@dataclass(frozen=True, kw_only=True)
class ChartPin:
    """A chart at a version, in a repository's address or below an oci:// one."""

    repository: str
    name: str
    version: str
    source: str
    """Where its makers announce it."""
    released: date

    def __str__(self) -> str:
        return f"{self.name} {self.version} of {self.repository}"


KARMADA: Final = "v1.18.2"
"""Karmada's images: the newest stable release."""

KARMADA_CHART: Final = "v1.18.1"
"""The newest chart of the 1.18 line in the project's chart repository; it differs from 1.18.2 by image tags."""

KARMADA_CHARTS: Final = "https://raw.githubusercontent.com/karmada-io/karmada/master/charts"
"""Where Karmada's charts come from by default."""

KARMADA_KUBERNETES: Final = "v1.35.2"
"""kube-apiserver and kube-controller-manager inside Karmada: what its 1.18 chart was released with."""

KARMADA_ETCD: Final = "3.6.6-0"
"""etcd inside Karmada: what its 1.18 chart was released with."""

ISTIO_CHART: Final = "1.31.0"
"""All of Istio's charts; 1.30 before 1.30.4 loses endpoints when a remote secret rotates (istio#61043).

There are later patches: 1.31.1 mends a BackendTLSPolicy that falls back to plain text (GHSA-qm8v-g4f9-qhjx), of which
Fleet makes none. The newest sources that the Go module proxy serves are from before 1.31.0 (the module of the sandbox's
toolchain), so that no later patch was run by Fleet's tests: the default is what was. `fleet:versions.istio` takes one.
"""

ISTIO_CHARTS: Final = "https://blob.istio.io/istio-release/charts"
"""Where Istio's charts come from by default.

Neither 1.31 nor anything later is at istio-release.storage.googleapis.com (upgrade notes of 1.31, "Deprecation of GCP
infrastructure and hosting"); what is there goes in December 2026.
"""

ISTIO_HUB: Final = f"{DOCKER_HUB}/istio"
"""Where Istio's images come from by default; registry.istio.io and gcr.io/istio-release have none since 1.31."""

KUBECTL_IMAGE: Final = ImagePin(
    registry=DOCKER_HUB,
    repository="alpine/k8s",
    tag="1.34.1",
    source="https://github.com/alpine-docker/k8s",
    released=date(2025, 9, 9),
)
"""The image in which Karmada's jobs run bash and kubectl, and failover's jq too; it came out with its kubectl.

The chart's default, bitnamisecure/kubectl, is published under the tag latest alone.
"""

CFSSL_IMAGE: Final = ImagePin(
    registry=DOCKER_HUB,
    repository="cfssl/cfssl",
    tag="v1.6.5",
    source="https://github.com/cloudflare/cfssl/releases",
    released=date(2024, 3, 5),
)
"""The image in which Karmada's init containers run bash and curl."""

AGE_IMAGE: Final = ImagePin(
    registry="ghcr.io",
    repository="helmfile/helmfile",
    tag="v1.7.4",
    source="https://github.com/helmfile/helmfile/releases",
    released=date(2026, 8, 16),
)
"""The image in which backups are encrypted and sent: age 1.2.1, bash and curl.

age has no image of its own. This one is Helmfile's official, which has age for its secrets, and a tag for each release.
"""

PODINFO: Final = ImagePin(
    registry=DOCKER_HUB,
    repository="stefanprodan/podinfo",
    tag="6.9.2",
    source="https://github.com/stefanprodan/podinfo/releases",
    released=date(2025, 9, 10),
)
PODINFO_IMAGE: Final = str(PODINFO)
"""What is called in the article, as the stacks' files have it; the release whose Go module the sandbox builds."""

CURL: Final = ImagePin(
    registry=DOCKER_HUB,
    repository="curlimages/curl",
    tag="8.16.0",
    source="https://github.com/curl/curl-container/releases",
    released=date(2025, 9, 10),
)
CURL_IMAGE: Final = str(CURL)
"""From where it is called, as the stacks' files have it."""

_KARMADAS: Final = ("agent", "aggregated-apiserver", "controller-manager", "scheduler", "webhook")
_KARMADA_RELEASES: Final = "https://github.com/karmada-io/karmada/releases"
_ISTIO_RELEASE: Final = "https://istio.io/latest/news/releases/1.31.x/announcing-1.31/"
_ISTIO_RELEASED: Final = date(2026, 8, 31)

IMAGES: Final = (
    *(
        ImagePin(
            registry=DOCKER_HUB,
            repository=f"karmada/karmada-{component}",
            tag=KARMADA,
            source=_KARMADA_RELEASES,
            released=date(2026, 7, 21),
        )
        for component in _KARMADAS
    ),
    *(
        ImagePin(
            registry="registry.k8s.io",
            repository=program,
            tag=KARMADA_KUBERNETES,
            source="https://github.com/kubernetes/kubernetes/releases",
            released=date(2026, 2, 26),
        )
        for program in ("kube-apiserver", "kube-controller-manager")
    ),
    ImagePin(
        registry="registry.k8s.io",
        repository="etcd",
        tag=KARMADA_ETCD,
        source="https://github.com/etcd-io/etcd/releases",
        released=date(2025, 11, 12),
    ),
    *(
        ImagePin(
            registry=DOCKER_HUB,
            repository=f"istio/{program}",
            tag=ISTIO_CHART,
            source=_ISTIO_RELEASE,
            released=_ISTIO_RELEASED,
        )
        for program in ("pilot", "proxyv2")
    ),
    KUBECTL_IMAGE,
    CFSSL_IMAGE,
    AGE_IMAGE,
    PODINFO,
    CURL,
)
"""Every image that a fleet of the stacks' files runs."""

CHARTS: Final = (
    ChartPin(
        repository=KARMADA_CHARTS,
        name="karmada",
        version=KARMADA_CHART,
        source=_KARMADA_RELEASES,
        released=date(2026, 6, 29),
    ),
    *(
        ChartPin(
            repository=ISTIO_CHARTS,
            name=name,
            version=ISTIO_CHART,
            source=_ISTIO_RELEASE,
            released=_ISTIO_RELEASED,
        )
        for name in ("base", "istiod", "gateway")
    ),
)
"""Every chart that a fleet is made of by default."""

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
