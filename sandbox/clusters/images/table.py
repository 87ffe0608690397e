"""The images that the sandbox makes, under their official names. To add one: its name, its files, its entry point."""

from __future__ import annotations

from typing import Final

from sandbox.clusters.images.bases import BASE, BUSYBOX, PAUSE_IMAGE
from sandbox.clusters.images.karmada import KARMADA_IMAGES
from sandbox.clusters.images.mesh import MESH_IMAGES
from sandbox.clusters.images.model import BuiltTool, Image, Program

IMAGES: Final = (
    # As the official pause does, catatonit waits and collects orphans.
    Image(name=PAUSE_IMAGE, layers=({"/pause": Program("catatonit")},), entrypoint=("/pause", "-P")),
    Image(
        name="registry.k8s.io/coredns/coredns:v1.14.7",
        layers=(BASE, {"/coredns": BuiltTool("coredns")}),
        entrypoint=("/coredns",),
        user="65534:65534",
    ),
    Image(name="docker.io/library/busybox:1.36", layers=(BASE, BUSYBOX), command=("sh",)),
    *KARMADA_IMAGES,
    *MESH_IMAGES,
)
