"""The article's workloads, which stand in the stacks' files and in no code of the program's."""

from functools import partial
from typing import Final

from fleet.config.reader import parse
from fleet.config.settings import FleetConfig
from operations.workloads import Call
from sandbox.verify import calls as from_pods
from tests.unit.configs import stack

HELLO: Final = "hello"
SLEEP: Final = "sleep"
HELLO_PORT: Final = 5000
CALLER: Final = f"deployment/{SLEEP}"
CALL: Final = Call(caller=SLEEP, caller_namespace="default", called=HELLO, namespace="default", port=HELLO_PORT)
"""sleep calls hello."""

calls = partial(from_pods.calls, call=CALL)
requests = partial(from_pods.requests, call=CALL)
passed_on = partial(from_pods.passed_on, call=CALL)
counted = partial(from_pods.counted, call=CALL)


def config(name: str = "sandbox") -> FleetConfig:
    """The config of a checked-in stack."""
    return parse(stack(name))


WORKLOADS: Final = config().workloads
