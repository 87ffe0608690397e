"""Secrets of the stack's config on their way through the real engine and Helm: into the cluster, and nowhere else."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from tests.plugins.kubernetes.charts import write_chart
from tests.unit.configs import fleet_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.engine import Stack

pytestmark = pytest.mark.engine

HIDDEN = ("a-password-that-nobody-may-see", 'with "quotes" and \\ in it', "another-password-to-hide")
NAMED = {"secret": "password"}
VALUES = {
    "greeting": "plain",
    "password": NAMED,
    "deeper": {"list": [{"key": NAMED}, "plain too"]},
    "alike": {"kind": "Secret", "annotations": {"key": NAMED}},
}
PROGRAM = """
    from cluster import *
    from fleet import charts
    from fleet.config import reader, secrets

    settings = reader.load()
    settings = secrets.filled(settings, settings.secrets)
    source, values = settings.charts.istio, settings.mesh.istiod_values
    args = charts.ReleaseArgs(
        chart=charts.Chart(source=source, name="tiny", version="1.2.3"),
        release_name="app", namespace=space, values=values, timeout_seconds=4)
    app = charts.release("app", args, on_cluster)
    pulumi.export("values", app.values)
    pulumi.export("status", app.status)
"""


@pytest.fixture
def stack(kubernetes_stack: Stack, tmp_path: Path) -> Stack:
    """A stack whose program makes one of the fleet's releases from the fleet's config."""
    write_chart(tmp_path / "charts")
    stack = kubernetes_stack
    stack.program(PROGRAM)
    for section, content in fleet_of(1, charts={"istio": str(tmp_path / "charts")}).items():
        stack.config(f"fleet:{section}", json.dumps(content))
    return stack


def configure(stack: Stack, hidden: str, values: dict[str, Any] = VALUES) -> None:
    stack.command("config", "set", "--secret", "--path", "fleet:secrets.password", "--", hidden)
    stack.config("fleet:mesh", json.dumps({"istiodValues": values}))


def readable(stack: Stack, *shown: str) -> list[str]:
    """Which secrets stand in the state, its history, the project's files, an export of the state or what was shown."""
    text = "\n".join([stack.stored_text, stack.command("stack", "export"), *shown])
    forms = {form for secret in HIDDEN for form in (secret, json.dumps(secret)[1:-1])}
    encoded = {base64.b64encode(secret.encode()).decode() for secret in HIDDEN}
    return [form for form in forms | encoded if form in text]


def test_a_secret_of_the_config_reaches_its_chart_and_is_readable_nowhere_else(
    stack: Stack, api: client.ApiClient, space: str
) -> None:
    first, second, third = HIDDEN
    configure(stack, first)
    preview, created = stack.preview(), stack.up()
    assert in_cluster(api, space) == first
    assert readable(stack, preview.output, str(preview.events), created.output, str(created.events)) == []
    for values in (stack.outputs["values"], stack.resources["app"]["inputs"]["values"]):
        assert first in json.dumps(values), "the search is for what is there"
    assert stack.up().operations == {"app": ["same"]}

    configure(stack, second)
    changed = stack.up()
    assert in_cluster(api, space) == second
    refreshed, same = stack.refresh(), stack.up()
    assert same.operations == {"app": ["same"]}
    assert readable(stack, changed.output, str(changed.events), refreshed.output, str(refreshed.events)) == []

    configure(stack, third, {**VALUES, "image": "broken"})
    failed = stack.failing_up()
    assert readable(stack, failed.output, str(failed.events)) == [], "a release that fails is recorded too"
    assert readable(stack, stack.destroy().output) == []


def test_a_secret_in_another_section_is_refused_before_anything_is_made(stack: Stack) -> None:
    stack.command("config", "set", "--secret", "--path", "fleet:mesh.istiodValues.password", HIDDEN[0])
    failed = stack.failing_up()
    (error,) = failed.errors
    assert "mesh: holds a `secure:` value" in error
    assert "`pulumi config set --secret --path 'fleet:secrets.NAME'`" in error
    assert stack.resources == {}
    assert readable(stack, failed.output, str(failed.events)) == []


def test_a_secret_that_is_not_encrypted_is_refused_and_not_shown(stack: Stack) -> None:
    stack.command("config", "set", "--plaintext", "--path", "fleet:secrets.password", HIDDEN[0])
    stack.config("fleet:mesh", json.dumps({"istiodValues": VALUES}))
    failed = stack.failing_up()
    (error,) = failed.errors
    assert "secrets.password: is not encrypted" in error
    assert HIDDEN[0] not in failed.output


def in_cluster(api: client.ApiClient, space: str) -> str:
    (found,) = (one for one in client.CoreV1Api(api).list_namespaced_secret(space).items if one.type == "Opaque")
    return base64.b64decode((found.data or {})["password"]).decode()
