"""What pods meet on a node at Linode, and meet here: programs that reach others, room, policies, volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.kubernetes.images.bases import NETWORK_CLIENTS
from tests.e2e.clients import Cluster, web

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.privileged

_SERVER = "site.default.svc.cluster.local"
# What each does with a machine that has an HTTP server on port 8080 and nothing else.
_CALLS = {
    "wget": (f"wget -q -O - -T 2 http://{_SERVER}:8080/", "site-"),
    "nc": (f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 {_SERVER} 8080", "site-"),
    "telnet": (f"sleep 1 | telnet {_SERVER} 8080", f"Connected to {_SERVER}"),
    "nslookup": (f"nslookup {_SERVER}", f"Name:\t{_SERVER}"),
    "ping": (f"ping -c 1 -W 2 {_SERVER}", "1 packets received"),
    "traceroute": (f"traceroute -n -m 4 -q 1 -w 1 {_SERVER}", f"traceroute to {_SERVER}"),
    "ftpget": (f"ftpget {_SERVER} /tmp/file file", "Connection refused"),
    "ftpput": (f"ftpput {_SERVER} file /etc/passwd", "Connection refused"),
    "tftp": (f"timeout 2 tftp -g -r file {_SERVER}; test $? -lt 128 && echo ended", "ended"),
}


@pytest.fixture(scope="module")
def site(eu: Cluster) -> Iterator[Cluster]:
    """A pod that answers on port 8080 with its name, and the name `site` for it."""
    headless = {"clusterIP": "None", "selector": {"app": "site"}}
    eu.apply(web("site"), {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "site"}, "spec": headless})
    eu.kubectl("rollout", "status", "deployment/site", "--timeout=90s")
    yield eu
    eu.kubectl("delete", "deployment/site", "service/site")


@pytest.mark.parametrize("applet", ["wget", *NETWORK_CLIENTS])
def test_every_program_of_the_images_that_calls_others_does_so_by_name(site: Cluster, applet: str) -> None:
    script, expected = _CALLS[applet]
    [pod] = site.get("pods", "--selector=app=site")["items"]
    # A signal would end the script's last command with 128 or more, and say nothing.
    said = site.run(pod["metadata"]["name"], "sh", "-c", f"({script}) 2>&1; echo code $?")
    assert expected in said
    assert int(said.rpartition("code ")[2]) < 128, f"{applet} was ended by a signal"
