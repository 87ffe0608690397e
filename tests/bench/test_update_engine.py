"""The critical path of an update by the real engine: its events, in its order, and its state."""

from __future__ import annotations

import itertools
import json
import time
from typing import TYPE_CHECKING

import pytest

from bench.critical_path import critical_path, steps, waited_for, waits_for
from bench.event_log import followed

if TYPE_CHECKING:
    from tests.plugins.engine import Stack

pytestmark = pytest.mark.engine

_PROGRAM = """
    import pulumi
    import pulumi_random as random
    import pulumi_tls as tls

    class Authority(pulumi.ComponentResource):
        def __init__(self):
            super().__init__("test:index:Authority", "authority")
            child = pulumi.ResourceOptions(parent=self)
            key = tls.PrivateKey("key", algorithm="RSA", rsa_bits=4096, opts=child)
            self.root = tls.SelfSignedCert(
                "root",
                private_key_pem=key.private_key_pem,
                allowed_uses=["cert_signing"],
                subject=tls.SelfSignedCertSubjectArgs(common_name="root"),
                validity_period_hours=100,
                opts=child,
            )
            self.register_outputs({})

    random.RandomId("elsewhere", byte_length=4)
    random.RandomId("last", byte_length=4, opts=pulumi.ResourceOptions(depends_on=[Authority()]))
"""


def test_each_link_of_an_update_began_when_the_one_before_it_had_ended(stack: Stack) -> None:
    stack.program(_PROGRAM)
    begin = time.monotonic()
    with followed(stack.folder / "events.json") as events:
        stack.up()
    wall = time.monotonic() - begin
    taken = steps(events)
    before = waits_for(json.loads(stack.command("stack", "export"))["deployment"]["resources"])
    last = next(urn for urn in taken if urn.endswith("::last"))

    links = waited_for(taken, before, last)
    assert [link.urn.rpartition("::")[2] for link in links][-3:] == ["key", "root", "last"]
    assert all(later.began >= earlier.ended for earlier, later in itertools.pairwise(links))
    path = critical_path(taken, before, last)
    assert path == pytest.approx(sum(link.seconds for link in links)), "a single chain leads there"
    assert 0.0 < path < taken[last].ended < wall
