"""What images are put on: the files that a base such as distroless brings, and a shell for those that have one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.clusters.images.model import Dynamic, Folder, Link, Program, Text

if TYPE_CHECKING:
    from sandbox.clusters.images.model import Layer

BASE: Final[Layer] = {
    "/etc/passwd": Text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"),
    "/etc/group": Text("root:x:0:\nnogroup:x:65534:\n"),
    "/tmp": Folder(0o1777),  # noqa: S108  # the image's own
}
"""Users, and a folder for temporary files."""

NETWORK_CLIENTS: Final = ("ftpget", "ftpput", "nc", "nslookup", "ping", "telnet", "tftp", "traceroute")
"""The applets that take another machine's name or address."""
# The other applets that people and charts use; busybox takes the one by whose name it is called.
_APPLETS: Final = """
    ash awk base64 basename cat chmod chown clear cp cut date dd df dirname du echo env expr false find
    grep gunzip gzip head hostname httpd id ip kill ln ls md5sum mkdir mktemp mv netstat od
    printf ps pwd readlink realpath rm rmdir sed seq sha256sum sleep sort stat sync tail tar tee
    test time timeout top touch tr true tty uname uniq unzip vi wc which whoami xargs yes
"""
BUSYBOX: Final[Layer] = {
    "/bin/busybox": Program("busybox"),
    **{f"/bin/{applet}": Link("busybox") for applet in (*NETWORK_CLIENTS, *_APPLETS.split())},
    # busybox's own takes its applets before any program of that name, and so wget below.
    "/bin/sh": Dynamic(Program("dash")),
    # GNU's, which takes the same options. Debian's busybox before 1.36.1-5 was built without FEATURE_WGET_TIMEOUT, and
    # its wget ends with a segmentation fault when it is given -T.
    "/bin/wget": Dynamic(Program("wget")),
    # As busybox's, it asks once.
    "/etc/wgetrc": Text("tries = 1\n"),
}
"""A shell and small tools."""
PAUSE_IMAGE: Final = "registry.k8s.io/pause:3.10.1"
