"""For how long a member was not Ready, by looks of which some failed, and how far apart its reports were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.e2e.readiness import Look, longest_look, longest_pause, silent_seconds, unready_seconds

READY, NOT_READY = {"eu": "True", "us": "True"}, {"eu": "True", "us": "False"}


def test_members_that_every_look_finds_ready_were_never_anything_else() -> None:
    looks: list[Look] = [(0.0, READY), (1.0, READY), (2.0, READY)]
    assert unready_seconds(looks, READY) == {"eu": 0.0, "us": 0.0}


def test_a_member_is_not_ready_from_the_look_that_says_so_to_the_next_that_tells() -> None:
    looks: list[Look] = [(0.0, READY), (1.0, NOT_READY), (2.0, None), (4.0, NOT_READY), (6.5, READY), (9.0, READY)]
    assert unready_seconds(looks, READY) == {"eu": 0.0, "us": 5.5}


def test_the_very_last_look_counts_too() -> None:
    assert unready_seconds([(0.0, READY), (1.0, {"eu": "Unknown", "us": "True"})], READY)["eu"] > 0


def test_a_member_that_is_not_there_is_not_ready() -> None:
    assert unready_seconds([(0.0, READY), (1.0, {"eu": "True"}), (3.0, READY)], READY) == {"eu": 0.0, "us": 2.0}
    assert unready_seconds([(0.0, READY), (1.0, {}), (3.0, READY)], READY) == {"eu": 2.0, "us": 2.0}


def test_what_karmada_does_not_answer_is_told_apart() -> None:
    looks: list[Look] = [(0.0, None), (1.0, READY), (2.0, None), (5.0, None), (6.0, READY)]
    assert unready_seconds(looks, READY) == {"eu": 0.0, "us": 0.0}
    assert silent_seconds(looks) == 4.0
    assert silent_seconds([]) == 0.0


def test_the_longest_pause_is_between_two_reports_that_follow_each_other() -> None:
    begun = datetime(2026, 11, 28, tzinfo=UTC)
    assert longest_pause({begun + timedelta(seconds=at) for at in (20, 0, 10, 37.5, 47.5)}) == 17.5


def test_a_pause_that_nobody_saw_the_end_of_is_no_short_one() -> None:
    assert longest_pause([datetime(2026, 11, 28, tzinfo=UTC)]) == float("inf")
    assert longest_look([]) == float("inf")
    assert longest_look([(0.0, READY), (1.0, None), (4.0, READY)]) == 3.0
