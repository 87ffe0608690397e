"""The GitHub workflows: well-formed, pinned, and with no way for foreign code to a secret or a writing token."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sandbox.engine.project import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
OWN = "github.event.pull_request.head.repo.full_name == github.repository"
FOREIGN_WORDS = re.compile(r"\$\{\{[^}]*github\.(event|head_ref)")
"""Text that whoever opens a pull request chooses; in a script it would be run."""


def workflow(name: str) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads its key `on` as true."""
    loaded: dict[Any, Any] = yaml.safe_load((CHECKOUT / ".github" / "workflows" / name).read_text())
    return {"on" if key is True else key: value for key, value in loaded.items()}


WORKFLOWS = {file.name: workflow(file.name) for file in FILES}


def jobs() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every job with its name and its workflow."""
    for file, content in WORKFLOWS.items():
        for name, job in content["jobs"].items():
            yield f"{file}: {name}", job, content


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job, _ in jobs():
        for step in job["steps"]:
            yield name, step


def check(schema: str, *files: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    checked = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def secrets_of(job: dict[str, Any]) -> set[str]:
    return set(re.findall(r"secrets\.(\w+)", yaml.safe_dump(job)))


def test_there_are_workflows_to_check() -> None:
    assert set(WORKFLOWS) == {"check.yml", "drift.yml", "e2e.yml", "pins.yml", "review.yml"}


def test_githubs_own_schema_accepts_them() -> None:
    check("vendor.github-workflows", *FILES)


def test_newer_versions_are_proposed_for_every_lock() -> None:
    file = CHECKOUT / ".github" / "dependabot.yml"
    check("vendor.dependabot", file)
    updates = {entry["package-ecosystem"]: entry for entry in yaml.safe_load(file.read_text())["updates"]}
    modules = {f"/{lock.parent.relative_to(CHECKOUT)}" for lock in (CHECKOUT / "sandbox").rglob("go.mod")}
    assert set(updates["gomod"]["directories"]) == modules


def test_a_run_at_night_waits_for_no_reviewer_and_no_pull_request_has_its_token() -> None:
    environments = {name: job["environment"] for name, job, _ in jobs() if "environment" in job}
    assert environments == {
        "drift.yml: look": "${{ matrix.stack }}-drift",
        "review.yml: deployed": "${{ matrix.stack }}-preview",
    }


def test_nothing_of_a_pull_request_runs_where_the_control_planes_let_it_in() -> None:
    inside = {name for name, job, _ in jobs() if "vars.RUNNER" in job["runs-on"]}
    assert inside == {"drift.yml: look"}
    assert "pull_request" not in WORKFLOWS["drift.yml"]["on"]


def test_every_action_is_pinned_to_a_commit_and_says_which_release_that_is() -> None:
    lines = [line.strip() for file in FILES for line in file.read_text().splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert re.fullmatch(r"(- )?uses: [\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_no_workflow_runs_foreign_code_with_the_rights_of_the_repository() -> None:
    for name, content in WORKFLOWS.items():
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(content["on"]), name


def test_nothing_may_write_by_default() -> None:
    for name, content in WORKFLOWS.items():
        assert content["permissions"] == {"contents": "read"}, name


def test_only_the_comment_and_the_issue_may_be_written() -> None:
    writing = {
        (name, right)
        for name, job, _ in jobs()
        for right, level in job.get("permissions", {}).items()
        if level == "write" and right != "id-token"
    }
    assert writing == {("review.yml: tell", "pull-requests"), ("drift.yml: look", "issues")}


def test_the_job_that_comments_runs_no_code_of_the_pull_request() -> None:
    tell = WORKFLOWS["review.yml"]["jobs"]["tell"]
    assert not any("checkout" in step.get("uses", "") for step in tell["steps"])
    assert [step["run"] for step in tell["steps"] if "run" in step] == ['cat reports/*.md >> "$GITHUB_STEP_SUMMARY"']


def test_a_pull_request_from_a_fork_reaches_no_secret_and_writes_no_comment() -> None:
    for name, job, content in jobs():
        if "pull_request" in content["on"] and (secrets_of(job) or "environment" in job):
            assert OWN in job["if"], name
    comments = [step for _, step in steps() if "sticky-pull-request-comment" in step.get("uses", "")]
    assert [step["if"] for step in comments] == [OWN]


def test_a_push_updates_the_comment_that_is_there() -> None:
    (comment,) = (step for _, step in steps() if "sticky-pull-request-comment" in step.get("uses", ""))
    assert comment["with"]["header"] == "fleet-review"
    assert "recreate" not in comment["with"]


def test_a_checkout_leaves_no_token_behind() -> None:
    for name, step in steps():
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False, name


def test_no_script_contains_words_that_a_stranger_chooses() -> None:
    for name, step in steps():
        assert not FOREIGN_WORDS.search(step.get("run", "")), name


def test_every_job_ends_by_itself() -> None:
    for name, job, _ in jobs():
        # A build of every tool and all live tests are in one of them.
        assert job["timeout-minutes"] <= (240 if name == "e2e.yml: fleet" else 120), name


def test_one_run_takes_the_privileged_tests_by_sudo_and_keeps_the_tools_before_them() -> None:
    done = [step.get("run", step.get("uses", "")) for name, step in steps() if name.startswith("e2e.yml")]
    tools, tests = done.index("make tools"), done.index("make e2e")
    assert "actions/cache/save@" in done[tools + 1], "a failed test costs no build"
    assert tools < tests
    assert not any("sudo make" in line for line in done), "make asks for root itself"


def test_the_engine_is_the_release_of_the_programs_sdk() -> None:
    installed = [step["with"]["pulumi-version"] for _, step in steps() if "pulumi/actions" in step.get("uses", "")]
    assert installed
    assert set(installed) == {version("pulumi")}


def test_every_target_that_a_workflow_makes_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    for name, step in steps():
        for words in re.findall(r"^make ([^\n]+)", step.get("run", ""), re.MULTILINE):
            asked = {word for word in words.split() if "=" not in word}
            assert asked <= targets, name


@pytest.mark.parametrize("failed", ["failure", "cancelled"])
def test_one_check_fails_if_any_part_of_the_review_does(failed: str) -> None:
    review = WORKFLOWS["review.yml"]["jobs"]
    assert set(review["reviewed"]["needs"]) == set(review) - {"reviewed"}
    assert f"contains(needs.*.result, '{failed}')" in review["reviewed"]["steps"][0]["if"]
