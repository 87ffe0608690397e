"""Tools that are found on PATH or built from Go modules, and the cache of them."""

from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.resolver import tool_path

__all__ = ["ToolchainError", "tool_path"]
