"""A tiny chart, made by the tests that install it. With an image it has a Deployment, which is never ready."""

from __future__ import annotations

import contextlib
import tarfile
import textwrap
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILES: Final = {
    "Chart.yaml": """
        apiVersion: v2
        name: tiny
        version: 1.2.3
    """,
    "values.yaml": """
        greeting: hello
        password: none
        image: ""
    """,
    "templates/objects.yaml": """
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: {{ .Release.Name }}
        data:
          greeting: {{ .Values.greeting | quote }}
        ---
        apiVersion: v1
        kind: Secret
        metadata:
          name: {{ .Release.Name }}
        stringData:
          password: {{ .Values.password | quote }}
        {{- if .Values.image }}
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: {{ .Release.Name }}
        spec:
          selector:
            matchLabels: {app: {{ .Release.Name }}}
          template:
            metadata:
              labels: {app: {{ .Release.Name }}}
            spec:
              containers:
                - name: main
                  image: {{ .Values.image }}
        {{- end }}
    """,
}


def write_chart(folder: Path) -> Path:
    """Write the chart into a folder of its own name; returns that."""
    chart = folder / "tiny"
    for name, content in _FILES.items():
        file = chart / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(content).lstrip())
    return chart


@contextlib.contextmanager
def repository(chart: Path) -> Iterator[str]:
    """The address below which there are two repositories, /former and /now, that have the chart."""
    served = chart.parent / "served"
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    for name in ("former", "now"):
        folder = served / name
        folder.mkdir(parents=True)
        with tarfile.open(folder / "chart.tgz", "w:gz") as archive:
            archive.add(chart, arcname=chart.name)
        index = {"apiVersion": "v1", "entries": {about["name"]: [{**about, "urls": ["chart.tgz"]}]}}
        (folder / "index.yaml").write_text(yaml.safe_dump(index))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=served)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
