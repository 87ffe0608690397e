"""Waiting as with an account."""

from __future__ import annotations

import time

import pytest
from linode_api4 import LinodeClient

from sandbox.clusters.host.delays import Delays, WrongDelaysError
from sandbox.linode.limits import UNLIMITED
from sandbox.linode.server import LinodeApi, LinodeApiArgs


def test_delays_are_named_and_what_is_not_named_is_as_ever() -> None:
    assert Delays.parse("") == Delays()
    assert Delays.parse("node=60,answer=0.3") == Delays(node=60, answer=0.3)


@pytest.mark.parametrize(
    ("text", "named"),
    [("boot=3", "boot"), ("node=soon", "node"), ("node=601", "node"), ("answer=-1", "answer"), ("node", "node")],
)
def test_a_delay_that_cannot_be_had_is_refused_by_its_name_with_those_there_are(text: str, named: str) -> None:
    with pytest.raises(WrongDelaysError) as refused:
        Delays.parse(text)
    assert refused.value.why.startswith(f"{named}: ")
    assert "answer, node, detach" in refused.value.remedy


def test_the_api_takes_its_time_for_every_answer() -> None:
    with LinodeApi(LinodeApiArgs(limits=UNLIMITED, answer_seconds=0.4)) as api:
        client = LinodeClient(api.token, base_url=f"{api.url}/v4")
        begin = time.monotonic()
        client.profile()
        assert time.monotonic() - begin >= 0.4
