"""The store of the state fails in the middle of an update: nothing is lost, and the error says what it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from operations.state import bucket
from tests.operations.backend import BUCKET, CHECKPOINT, LOCKS, Held, access, empty, identities, names, stack_in
from tests.operations.s3 import Fault, FaultyS3, everything, writes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.engine import RunningOperation, Stack

pytestmark = pytest.mark.engine


@pytest.fixture
def stack(s3: FaultyS3, tmp_path: Path, plugin_home: Path) -> Stack:
    """A fresh stack in a bucket that `state bootstrap` has set up."""
    s3.client.create_bucket(Bucket=BUCKET)
    bucket.configure(access(s3), keep_days=30)
    return stack_in(s3, tmp_path, plugin_home)


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(tmp_path)


def _half_way(stack: Stack, held: Held) -> RunningOperation:
    """An update that has made the first of its two resources."""
    stack.program(held.source)
    running = stack.start("up", "--skip-preview")
    held.wait()
    return running


def test_a_moment_of_errors_and_slow_answers_is_not_even_seen(stack: Stack, held: Held, s3: FaultyS3) -> None:
    running = _half_way(stack, held)
    errors = s3.fail(Fault(status=503, times=2, when=everything))
    s3.fail(Fault(delay=1.0, times=3, when=everything))
    held.let_go()
    result = running.result()
    assert result.status == 0, result.output
    assert errors.met == 2


def test_where_the_store_answers_500_the_update_ends_before_it_makes_what_it_could_not_record(
    stack: Stack, held: Held, s3: FaultyS3
) -> None:
    running = _half_way(stack, held)
    fault = s3.fail(Fault(status=500, when=writes(CHECKPOINT)))
    held.let_go()
    result = running.result()
    assert result.status != 0
    assert fault.met > 2, "the engine tries more than once"
    assert any("failed to save snapshot" in error and "StatusCode: 500" in error for error in result.errors)
    s3.heal()
    assert names(s3, LOCKS) == []
    made = identities(stack)
    assert made.keys() == {"first"}
    assert stack.up().operations == {"first": ["same"], "second": ["create"]}
    assert identities(stack)["first"] == made["first"]


def test_where_the_key_is_revoked_between_intent_and_result_the_state_tells_what_may_exist(
    stack: Stack, held: Held, s3: FaultyS3
) -> None:
    _revoked_half_way(stack, held, s3)
    # The engine writes what it is about to make before it makes it.
    assert [_name(one) for one in _pending(stack)] == [("creating", "second")]
    # An update warns and makes it again, so whoever reads the error looks first whether it exists.
    told = stack.up()
    assert any("interrupted while creating" in warning and "second" in warning for warning in told.warnings)
    assert told.operations == {"first": ["same"], "second": ["create"]}


def test_what_exists_is_imported_once_a_refresh_has_let_go_of_its_creation_and_an_update_makes_nothing(
    stack: Stack, held: Held, s3: FaultyS3
) -> None:
    _revoked_half_way(stack, held, s3)
    made = "AAECAw"
    stack.command("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    stack.command(
        *("import", "random:index/randomId:RandomId", "second", made),
        *("--yes", "--skip-preview", "--protect=false", "--generate-code=false"),
    )
    assert _pending(stack) == []
    assert identities(stack)["second"] == made
    assert stack.up().operations == {"first": ["same"], "second": ["same"]}


def test_a_refresh_lets_go_of_what_does_not_exist_and_an_update_makes_it(
    stack: Stack, held: Held, s3: FaultyS3
) -> None:
    _revoked_half_way(stack, held, s3)
    stack.command("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    assert _pending(stack) == []
    told = stack.up()
    assert not any("interrupted while creating" in warning for warning in told.warnings)
    assert told.operations == {"first": ["same"], "second": ["create"]}


def _revoked_half_way(stack: Stack, held: Held, s3: FaultyS3) -> None:
    """Have an update fail after it wrote that it makes the second resource; the key is good again afterwards."""
    running = _half_way(stack, held)
    s3.fail(Fault(status=403, after=1, when=writes(CHECKPOINT)))
    held.let_go()
    result = running.result()
    assert result.status != 0
    assert any("AccessDenied" in error for error in result.errors)
    s3.heal()


def _pending(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(stack.command("stack", "export"))["deployment"].get(
        "pending_operations", []
    )
    return found


def _name(operation: dict[str, Any]) -> tuple[str, str]:
    return operation["type"], operation["resource"]["urn"].rsplit("::", 1)[-1]


def test_a_bucket_that_is_deleted_with_all_its_versions_comes_back_by_an_export(
    stack: Stack, held: Held, s3: FaultyS3, tmp_path: Path
) -> None:
    stack.program('import pulumi_random as random; random.RandomId("first", byte_length=4)')
    stack.up()
    exported, before = tmp_path / "export.json", identities(stack)
    stack.command("stack", "export", "--file", str(exported))
    running = _half_way(stack, held)
    empty(s3)
    held.let_go()
    result = running.result()
    assert result.status != 0
    assert any("NoSuchBucket" in error for error in result.errors)

    s3.client.create_bucket(Bucket=BUCKET)
    bucket.configure(access(s3), keep_days=30)
    stack.command("stack", "init", "test")
    stack.command("stack", "import", "--file", str(exported))
    assert identities(stack) == before
    assert stack.up().operations == {"first": ["same"], "second": ["create"]}
