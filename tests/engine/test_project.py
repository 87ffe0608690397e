"""Reading a Pulumi project."""

from __future__ import annotations

import pytest

from sandbox.engine import Project
from sandbox.engine.project import CHECKOUT, ProjectError


def test_stacks_are_those_with_a_config_file(project: Project) -> None:
    (project.folder / "Pulumi.prod.yaml").write_text("config: {}\n")
    assert project.stacks == ("dev", "prod")


def test_an_unknown_stack_is_refused_with_the_stacks_there_are(project: Project) -> None:
    with pytest.raises(ProjectError, match=r"no stack called staging: .*config files for dev"):
        project.stack_settings("staging")


@pytest.mark.parametrize("content", ["config: [", "just text"])
def test_an_unreadable_config_is_named(project: Project, content: str) -> None:
    (project.folder / "Pulumi.dev.yaml").write_text(content)
    with pytest.raises(ProjectError, match=r"Pulumi\.dev\.yaml cannot be read"):
        project.stack_settings("dev")


def test_an_empty_config_is_a_config(project: Project) -> None:
    (project.folder / "Pulumi.dev.yaml").write_text("# nothing yet\n")
    assert project.stack_settings("dev") == {}


def test_a_member_called_no_is_called_so(project: Project) -> None:
    (project.folder / "Pulumi.dev.yaml").write_text("config:\n  little:clusters: {no: {on: 1, off: yes}}\n")
    assert project.stack_settings("dev") == {"config": {"little:clusters": {"no": {"on": "1", "off": "yes"}}}}


def test_a_folder_without_a_program_is_refused() -> None:
    with pytest.raises(ProjectError, match=r"Pulumi\.yaml cannot be read"):
        _ = Project(folder=CHECKOUT / "docs").name


def test_this_checkout_has_the_stacks_that_make_preview_offers() -> None:
    assert {"dev", "prod"} <= set(Project().stacks)
