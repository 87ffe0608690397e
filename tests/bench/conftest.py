"""A stack for the real engine, as the plugins' tests have it."""

from tests.plugins.conftest import plugin_home, stack

__all__ = ["plugin_home", "stack"]
