"""Whose silence Karmada may act on after a restore: nobody's, before it was heard once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
import urllib3

from operations.errors import OperationError
from operations.karmada import members

if TYPE_CHECKING:
    from operations.karmada.apis import Karmada


class _Karmada:
    """Karmada as it answers, one time after the other; the last answer stays."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self._answers = list(answers)

    def renewals(self) -> dict[str, Any]:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "_PAUSE_SECONDS", 0.0)


def _wait(*answers: dict[str, Any] | Exception, lost: tuple[str, ...] = ()) -> list[str]:
    said: list[str] = []
    members.wait_for_reports(cast("Karmada", _Karmada(*answers)), lost, say=said.append)
    return said


def test_every_member_is_waited_for_until_its_lease_is_another_than_the_snapshots() -> None:
    old: dict[str, Any] = {"eu": "yesterday", "us": "yesterday", "ap": None}
    one = old | {"us": "now"}
    said = _wait(old, old, one, one | {"eu": "now", "ap": "now"})
    assert said[0].startswith("waiting for ap, eu, us,")
    assert said[1:] == ["us: reports", "ap: reports", "eu: reports"]


def test_an_api_server_that_has_just_been_started_may_fail_to_answer() -> None:
    away = urllib3.exceptions.HTTPError("connection refused")
    assert _wait(away, {"eu": 1}, away, {"eu": 2})[1:] == ["eu: reports"]


def test_a_silent_member_keeps_the_controllers_stopped_unless_it_is_named_as_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {"eu": 1, "us": 1}, {"eu": 2, "us": 1}
    assert _wait(*answers, lost=("us",))[1:] == ["eu: reports"]
    monkeypatch.setattr(members, "LIMIT_SECONDS", 0.2)
    with pytest.raises(OperationError, match=r"no agent reports from us, .* --lost"):
        _wait(*answers)


def test_a_karmada_that_never_answers_keeps_the_controllers_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "LIMIT_SECONDS", 0.2)
    with pytest.raises(OperationError, match="no agent reports from any member"):
        _wait(OSError("no route to host"))


def test_a_karmada_without_members_has_nobody_to_wait_for() -> None:
    assert _wait({}) == []
