"""A tiny chart, made by the tests that install it. With an image it has a Deployment, which is never ready."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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
