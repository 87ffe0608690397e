"""The review of what the real engine plans: on a deployed cluster, with secrets about, and from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from plan import events, prices
from plan.dangers import Harm
from review import comment, report
from sandbox.engine.project import CHECKOUT
from sandbox.engine.workspace import PASSPHRASE_VARIABLES
from sandbox.linode import LinodeApi
from sandbox.plugins.linode.api import connect
from sandbox.plugins.linode.settings import resolve
from tests.plugins.engine import Stack
from tests.review import logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

WORD = "hunter2-correct-horse"
PROGRAM = """
    import pulumi
    import pulumi_linode as linode
    import pulumi_random as random

    config = pulumi.Config()
    cluster = linode.LkeCluster(
        "us-cluster",
        label="us",
        region="us-east",
        k8s_version=linode.get_lke_versions().versions[0].id,
        pools=[linode.LkeClusterPoolArgs(label="main", type="g6-standard-2", count=config.require_int("nodes"))],
        control_plane=linode.LkeClusterControlPlaneArgs(high_availability=True),
    )
    kept = random.RandomString("kept", length=8, keepers={"word": config.require_secret("word")})
    pulumi.export("kubeconfig", cluster.kubeconfig)
    pulumi.export("word", config.require_secret("word"))
"""


@pytest.fixture
def api() -> Iterator[LinodeApi]:
    with LinodeApi() as running:
        yield running


@pytest.fixture
def stack(tmp_path: Path, plugin_home: Path, api: LinodeApi) -> Stack:
    """A stack with three nodes in one cluster, and secrets among its inputs, outputs and config."""
    poll = {"LINODE_EVENT_POLL_MS": "50", "LINODE_LKE_NODE_READY_POLL_MS": "50"}
    account = {"LINODE_TOKEN": api.token, "LINODE_URL": api.url}
    deployed = Stack(tmp_path / "stack", home=plugin_home, environment={**account, **poll})
    deployed.program(PROGRAM)
    deployed.config("nodes", "3")
    deployed.secret_config("word", WORD)
    deployed.up()
    return deployed


def test_a_deployed_pool_that_shrinks_loses_capacity_and_costs_less(stack: Stack, api: LinodeApi) -> None:
    stack.config("nodes", "2")
    stack.preview()
    found = report.build(events.read(stack.folder / "events.json"), prices.fetch(api.url, api.token))
    assert [danger.harm for danger in found.dangers] == [Harm.CAPACITY]
    assert found.cost is not None
    assert found.cost.before.total.expected == 60 + 3 * 24
    assert found.cost.difference.expected == -24
    assert "us-cluster (`pools[0].count: 3 → 2`)" in comment.markdown(found)
    assert found.counts == {"update": 1, "same": 2}


def test_no_secret_reaches_the_report_from_inputs_outputs_or_config(stack: Stack, api: LinodeApi) -> None:
    kubeconfig = stack.outputs["kubeconfig"]
    assert stack.outputs["word"] == WORD
    changed = WORD[::-1]
    stack.secret_config("word", changed)
    stack.preview()
    log = stack.folder / "events.json"
    text = comment.markdown(report.build(events.read(log), prices.fetch(api.url, api.token)))
    assert "kept" in text, "it is replaced, for its secret keeper changes"
    for secret in (WORD, changed, kubeconfig, api.token):
        assert secret not in text
        assert secret not in log.read_text(), "the log is kept on disk"


def test_what_was_changed_by_hand_fails_the_look_for_drift_and_is_in_the_report(stack: Stack, api: LinodeApi) -> None:
    look = ("preview", "--refresh", "--expect-no-changes")
    stack.operation(*look)
    path = f"/lke/clusters/{stack.resources['us-cluster']['id']}/pools"
    linode = connect(resolve({"token": api.token, "url": api.url}))
    linode.put(f"{path}/{linode.list(path)[0]['id']}", {"count": 5})
    stack.failing_operation(*look)
    found = report.build(events.read(stack.folder / "events.json"), prices.fetch(api.url, api.token))
    assert "us-cluster (`pools[0].count: 5 → 3`)" in comment.markdown(found), "what an update would put right"
    assert [danger.harm for danger in found.dangers] == [Harm.CAPACITY]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one resource, of a user with neither account nor passphrase."""
    for name in (*PASSPHRASE_VARIABLES, "LINODE_TOKEN", "LINODE_URL", "PULUMI_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "checkout"
    folder.mkdir()
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "little", "runtime": runtime}))
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text('import pulumi_random\n\npulumi_random.RandomString("pet", length=4)\n')
    return folder


def review(checkout: Path, *, stack: str = "dev") -> subprocess.CompletedProcess[str]:
    """`make review`, as a user types it, with the report written to a file as well."""
    place = ["--project", str(checkout), "--state", str(checkout.parent / "state"), "--plugins", "offline"]
    command = [sys.executable, "-m", "sandbox", "review", "--stack", stack, *place]
    return subprocess.run(
        [*command, "--markdown", str(checkout.parent / "report.md")],
        cwd=CHECKOUT,
        env=os.environ | {"COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_review_prints_the_report_and_writes_it_and_nothing_of_the_preview(checkout: Path) -> None:
    shown = review(checkout)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "dev: 2 to create" in shown.stdout
    assert "Previewing" not in shown.stdout
    text = (checkout.parent / "report.md").read_text()
    assert text.startswith("## dev: 2 to create\n")
    assert "| create 1 | random RandomString | pet |" in text


def test_a_program_that_fails_gets_a_report_that_says_why_and_an_exit_code(checkout: Path) -> None:
    (checkout / "__main__.py").write_text("raise ValueError('the program is wrong')\n")
    shown = review(checkout)
    assert shown.returncode == 1
    assert "the program is wrong" in (checkout.parent / "report.md").read_text()
    assert "not to be merged" in shown.stdout


def test_a_preview_that_never_starts_is_not_reported_by_the_events_of_an_earlier_one(checkout: Path) -> None:
    state = checkout.parent / "state"
    state.mkdir()
    logs.written(state / "events-dev.json", ending=logs.end())
    (checkout / "Pulumi.yaml").write_text("name: little\nruntime: {name: cobol}\n")
    shown = review(checkout)
    assert shown.returncode != 0
    assert "pulumi-language-cobol" in shown.stderr, "the user has to see what Pulumi said"
    assert not (checkout.parent / "report.md").exists()
