"""The images that the sandbox makes, under their official names. To add one: its name, its files, its entry point."""

from __future__ import annotations

from typing import Final

from sandbox.kubernetes.images.model import Folder, Image, Layer, Link, Program, Text, Tool
from sandbox.kubernetes.node_files import PAUSE_IMAGE

# What images inherit from a base such as distroless: users, a folder for temporary files.
_BASE: Final[Layer] = {
    "/etc/passwd": Text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"),
    "/etc/group": Text("root:x:0:\nnogroup:x:65534:\n"),
    "/tmp": Folder(0o1777),  # noqa: S108  # the image's own
}
# The applets that people and charts use; busybox takes the one by whose name it is called.
_APPLETS: Final = """
    sh ash awk base64 basename cat chmod chown clear cp cut date dd df dirname du echo env expr false find
    grep gunzip gzip head hostname httpd id install ip kill ln ls md5sum mkdir mktemp mv nc nslookup od ping
    printenv printf ps pwd readlink realpath rm rmdir sed seq sha256sum sleep sort stat sync tail tar tee
    test time timeout top touch tr true tty uname uniq unzip vi wc wget which whoami xargs yes
"""
BUSYBOX: Final[Layer] = {
    "/bin/busybox": Program("busybox"),
    **{f"/bin/{applet}": Link("busybox") for applet in _APPLETS.split()},
}

IMAGES: Final = (
    # As the official pause does, catatonit waits and collects orphans.
    Image(name=PAUSE_IMAGE, layers=({"/pause": Program("catatonit")},), entrypoint=("/pause", "-P")),
    Image(
        name="registry.k8s.io/coredns/coredns:v1.15.0",
        layers=(_BASE, {"/coredns": Tool("coredns")}),
        entrypoint=("/coredns",),
        user="65534:65534",
    ),
    Image(
        name="registry.k8s.io/metrics-server/metrics-server:v0.9.0",
        layers=(_BASE, {"/metrics-server": Tool("metrics-server")}),
        entrypoint=("/metrics-server",),
        user="65534:65534",
    ),
    Image(name="docker.io/library/busybox:1.36", layers=(_BASE, BUSYBOX), command=("sh",)),
)
