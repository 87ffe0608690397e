"""Why a tool cannot be had, each with what to do about it. The next run repairs: nothing half is left."""

from __future__ import annotations

from sandbox.errors import SandboxError


class ToolchainError(SandboxError):
    """A tool cannot be had."""


class UnknownToolError(ToolchainError):
    """No tool of that name stands in the table."""


class NoGoError(ToolchainError):
    """Neither PATH nor the package index has a Go that is new enough."""


class ModuleUnavailableError(ToolchainError):
    """A Go module cannot be fetched, or is not what the lock says."""


class BuildError(ToolchainError):
    """Go was there, the modules were there, and the build still failed."""


class DiskFullError(ToolchainError):
    """There is no room for the build or its result."""


class CacheUnusableError(ToolchainError):
    """The cache folder cannot be read or written."""


class ArchiveError(ToolchainError):
    """Built tools cannot be put into a file, or not be taken from one."""
