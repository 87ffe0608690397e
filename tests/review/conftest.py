"""What the tests with the real engine share with those of the plugins."""

from tests.plugins.conftest import plugin_home

__all__ = ["plugin_home"]
