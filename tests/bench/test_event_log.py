"""Events and when they were written."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from bench.event_log import followed

if TYPE_CHECKING:
    from pathlib import Path

PAUSE_SECONDS = 0.3


def test_an_event_has_the_time_at_which_it_was_written(tmp_path: Path) -> None:
    log = tmp_path / "events.json"
    with followed(log) as events:
        time.sleep(PAUSE_SECONDS)
        with log.open("w") as file:
            print(json.dumps({"sequence": 1}), file=file, flush=True)
            time.sleep(PAUSE_SECONDS)
            # Half a line is no event yet.
            file.write('{"sequence"')
            file.flush()
            time.sleep(PAUSE_SECONDS)
            print(": 2}", file=file)
    assert [event.told["sequence"] for event in events] == [1, 2]
    first, second = (event.seconds for event in events)
    assert first >= PAUSE_SECONDS
    assert second - first >= PAUSE_SECONDS


def test_a_log_that_never_comes_has_no_events(tmp_path: Path) -> None:
    with followed(tmp_path / "events.json") as events:
        pass
    assert events == []
