"""The stand-in for pulumi-random: RandomBytes, RandomId and RandomString."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.plugins.framework import Provider
from sandbox.plugins.random.bytes import RandomBytes
from sandbox.plugins.random.identifier import RandomId
from sandbox.plugins.random.string import RandomString

if TYPE_CHECKING:
    from collections.abc import Sequence


class RandomProvider(Provider):
    """Random values that stay the same until their inputs change. There is nothing to configure."""

    name = "random"

    def __init__(self, version: str) -> None:
        super().__init__(version=version, resources=(RandomBytes(), RandomId(), RandomString()))


def serve(version: str, arguments: Sequence[str]) -> None:
    """Run the plugin."""
    from sandbox.plugins.framework.serve import serve as serve_provider

    serve_provider(RandomProvider(version), arguments)
