"""A Pulumi project of its own for each test."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from sandbox.engine import Project, Workspace
from sandbox.engine.workspace import PASSPHRASE_VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import os
import pulumi
import pulumi_random as random

config = pulumi.Config()
pet = random.RandomId("pet", byte_length=4)
pulumi.export("who", config.require("who"))
pulumi.export("api", os.environ["LINODE_URL"])
"""
OFFLINE = "the official Kubernetes provider, stand-ins for the other plugins (asked for)"
"""What a command says of its plugins where it was told to ask nothing on the network."""
STACK_CONFIG = "# Comments and order are the user's.\nconfig:\n  little:who: world\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A program with one resource, and a stack `dev`; the user has neither account nor passphrase."""
    for name in (*PASSPHRASE_VARIABLES, "LINODE_TOKEN", "LINODE_URL", "PULUMI_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "checkout"
    folder.mkdir()
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "little", "runtime": runtime}))
    (folder / "Pulumi.dev.yaml").write_text(STACK_CONFIG)
    (folder / "__main__.py").write_text(PROGRAM)
    return Project(folder=folder)


@pytest.fixture
def workspace(project: Project, tmp_path: Path) -> Workspace:
    return Workspace(project=project, folder=tmp_path / "state")
