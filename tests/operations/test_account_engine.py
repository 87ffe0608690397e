"""A check of an account as far as the real engine goes without clusters: its folder, plan, price and config."""

from __future__ import annotations

import io
import json
import os
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import yaml
from linode_api4 import LinodeClient
from pulumi.automation import CommandError, PulumiCommand
from rich.console import Console
from typer.testing import CliRunner

from operations.account import folder as folders
from operations.account.check import Check, Limits
from operations.account.claims import reached
from operations.account.commands import app
from operations.account.engine import Attended, Engine
from operations.errors import OperationError
from plan import prices
from sandbox.linode import LinodeApi
from sandbox.toolchain import tool_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, plugin_home: Path) -> Iterator[LinodeApi]:
    """An emulated account in the environment, and Pulumi with its plugins as a user has them installed."""
    with LinodeApi() as api:
        monkeypatch.setenv("LINODE_URL", api.url)
        monkeypatch.setenv("LINODE_TOKEN", api.token)
        monkeypatch.setenv("PULUMI_HOME", str(plugin_home))
        monkeypatch.setenv("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true")
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "that of the user's own stacks")
        monkeypatch.setenv("PATH", f"{tool_path('pulumi').parent}{os.pathsep}{os.environ['PATH']}")
        yield api


PROGRAM = """
import pulumi
import pulumi_random as random

config = pulumi.Config("fleet")
replicas = config.require_object("workloads")["hello"]["replicas"]
random.RandomId("pet", byte_length=4, keepers={"replicas": str(replicas)})
pulumi.export("replicas", replicas)
pulumi.export("tags", config.get_object("tags") or {})
"""


def little(folder: folders.Folder) -> folders.Folder:
    """The folder with a program of one resource in the place of the checkout's."""
    for path in folder.project.iterdir():
        if path.is_symlink():
            path.unlink()
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    (folder.project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "fleet", "runtime": runtime}))
    (folder.project / "__main__.py").write_text(PROGRAM)
    return folder


def test_the_check_is_planned_and_priced_and_nothing_is_made(account: LinodeApi, tmp_path: Path) -> None:
    folder = folders.make(folders.OWN_CONFIG, parent=tmp_path)
    said = io.StringIO()
    client = LinodeClient(account.token, base_url=f"{account.url}/v4")
    check = Check(
        stack=Engine(folder, say=print),
        folder=folder,
        client=client,
        console=Console(file=said, width=200),
        reached=reached,
    )
    limits = Limits(dollars=Decimal(1), minutes=60)
    assert check.agreed(limits, prices.fetch(account.url, account.token), lambda _question: True)
    # Three nodes at 0.036, four gateways at 0.015, and 10 GB for etcd at 0.00015.
    hourly = "0.1695 USD an hour (3 g6-standard-2, 10 GB of volumes, 4 nodebalancer)"
    assert hourly in said.getvalue()
    assert "at most 0.34 USD" in said.getvalue(), "two hours have begun after 90 minutes"
    assert list(client.lke.clusters()) == []
    config = yaml.safe_load((folder.project / "Pulumi.check.yaml").read_text())
    assert config["config"]["fleet:tags"] == {"check": folder.noted.tag}
    assert "encryptionsalt" in config
    assert not (folders.CHECKOUT / "Pulumi.check.yaml").exists(), "the checkout is only read"
    check.stack.destroy()
    client.session.close()


def test_the_command_refuses_what_is_too_dear_and_keeps_nothing(
    account: LinodeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    refused = CliRunner().invoke(app, ["check", "--yes", "--max-cost=0.33"])
    expected = "The check is too dear: it may cost 0.34 USD, and the limit is 0.33."
    assert str(refused.exception).startswith(expected), refused.output
    assert list((tmp_path / "fleet" / "checks").iterdir()) == []


def test_updates_are_summed_up_and_config_is_as_the_program_needs_it(account: LinodeApi, tmp_path: Path) -> None:
    folder = little(folders.make(folders.OWN_CONFIG, parent=tmp_path))
    engine = Engine(folder, say=print)
    engine.set("fleet:workloads.hello.replicas", "3")
    engine.set("fleet:tags.check", folder.noted.tag)
    assert engine.up() == {"create": 2}
    assert engine.outputs() == {"replicas": 3, "tags": {"check": folder.noted.tag}}, "a number, and a text"
    assert engine.up() == {"same": 2}
    engine.set("fleet:workloads.hello.replicas", "4")
    assert engine.up() == {"replace": 1, "same": 1}
    assert {name: entry.replicas for name, entry in engine.workloads().items()} == {"hello": 4, "sleep": 2}
    engine.destroy()
    assert engine.up()["create"] == 2, "nothing was left"
    engine.destroy()


def test_what_a_killed_engine_locked_is_destroyed_all_the_same(account: LinodeApi, tmp_path: Path) -> None:
    folder = little(folders.make(folders.OWN_CONFIG, parent=tmp_path))
    Engine(folder, say=print).up()
    locks = folder.path / "backend" / ".pulumi" / "locks" / "organization" / "fleet" / "check"
    locks.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 1, "username": "root", "hostname": "gone", "timestamp": "2026-01-01T00:00:00Z"}
    (locks / "11111111-1111-4111-8111-111111111111.json").write_text(json.dumps(lock))
    again = Engine(folders.opened(folder.path), say=print)
    with pytest.raises(OperationError, match="currently locked"):
        again.up()
    assert "currently locked" in folder.log.read_text(), "all that Pulumi said is kept"
    again.destroy()
    assert again.up()["create"] == 2


def test_an_interruption_lets_pulumi_end_before_anything_else_happens(account: LinodeApi, tmp_path: Path) -> None:
    log = tmp_path / "ended"
    script = tmp_path / "bin" / "pulumi"
    script.parent.mkdir()
    # It interrupts its caller once it is ready to be interrupted itself.
    steps = (
        f"trap 'sleep 0.3; echo ended > {log}; exit 255' INT",
        f"kill -INT {os.getpid()}",
        "while :; do sleep 0.1; done",
    )
    script.write_text("\n".join(["#!/bin/sh", *steps, ""]))
    script.chmod(0o700)
    command: PulumiCommand = Attended()
    command.command = str(script)
    with pytest.raises(KeyboardInterrupt):
        command.run(["up"], cwd=str(tmp_path), additional_env={})
    assert log.read_text() == "ended\n", "it was left before it had ended"


def test_what_pulumi_says_when_it_fails_is_told_and_kept(account: LinodeApi, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="unknown command"):
        Attended().run(["dance"], cwd=str(tmp_path), additional_env={})
