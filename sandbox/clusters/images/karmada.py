"""The images that Karmada's chart and Fleet's own jobs beside it run, under the names and tags of fleet/versions.py."""

from __future__ import annotations

from typing import Final

from fleet.versions import AGE_IMAGE, CFSSL_IMAGE, KARMADA, KARMADA_ETCD, KARMADA_KUBERNETES, KUBECTL_IMAGE
from sandbox.clusters.images.bases import BASE, BUSYBOX
from sandbox.clusters.images.model import BuiltTool, Dynamic, Image, Layer, Program

# The chart's jobs and init containers run their scripts by bash.
_BASH: Final[Layer] = {"/bin/bash": Dynamic(Program("bash"))}
_COMPONENTS: Final = ("agent", "aggregated-apiserver", "controller-manager", "scheduler", "webhook")


def _of_kubernetes(program: str) -> Image:
    return Image(
        name=f"registry.k8s.io/{program}:{KARMADA_KUBERNETES}",
        layers=(BASE, {f"/usr/local/bin/{program}": BuiltTool(program)}),
        entrypoint=(f"/usr/local/bin/{program}",),
    )


KARMADA_IMAGES: Final = (
    *(
        Image(
            name=f"docker.io/karmada/karmada-{component}:{KARMADA}",
            layers=(BASE, {f"/bin/karmada-{component}": BuiltTool(f"karmada-{component}")}),
            command=(f"/bin/karmada-{component}",),
        )
        for component in _COMPONENTS
    ),
    _of_kubernetes("kube-apiserver"),
    _of_kubernetes("kube-controller-manager"),
    Image(
        name=f"registry.k8s.io/etcd:{KARMADA_ETCD}",
        layers=(BASE, {f"/usr/local/bin/{program}": BuiltTool(program) for program in ("etcd", "etcdctl", "etcdutl")}),
        command=("/usr/local/bin/etcd",),
    ),
    Image(
        name=str(KUBECTL_IMAGE),
        layers=(
            BASE,
            BUSYBOX,
            _BASH,
            {"/usr/bin/kubectl": BuiltTool("kubectl"), "/usr/bin/jq": Dynamic(Program("jq"))},
        ),
        command=("bash",),
    ),
    Image(
        name=str(CFSSL_IMAGE),
        layers=(BASE, BUSYBOX, _BASH, {"/usr/bin/curl": Dynamic(Program("curl"))}),
        command=("bash",),
    ),
    Image(
        name=str(AGE_IMAGE),
        layers=(
            BASE,
            BUSYBOX,
            _BASH,
            {"/usr/local/bin/age": BuiltTool("age"), "/usr/bin/curl": Dynamic(Program("curl"))},
        ),
        command=("bash",),
    ),
)
