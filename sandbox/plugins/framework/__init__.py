"""What every stand-in provider is built from; it knows Pulumi's protocol so that they need not.

`Provider`, `ResourceType` and `Function` are what to write, over plain dataclasses (requests.py) and plain
data (values.py). `serve` runs one as a plugin. docs/decisions/0020 tells why this is not built on
pulumi.provider.experimental.

This package imports neither gRPC nor Pulumi's messages, so that a provider can be tested without them;
serve.py, servicer.py, status.py and engine_log.py do.
"""

from sandbox.plugins.framework.cancellation import Cancellation, Deadline, DeadlineError
from sandbox.plugins.framework.diff import Change, Compared, Diff, PropertyDiff, compare, render
from sandbox.plugins.framework.errors import (
    CancelledError,
    CheckFailure,
    InitializationError,
    UnsupportedError,
)
from sandbox.plugins.framework.failure import ProviderError
from sandbox.plugins.framework.provider import Function, Provider, ResourceType
from sandbox.plugins.framework.requests import (
    CheckRequest,
    CheckResult,
    ConfigureRequest,
    Created,
    CreateRequest,
    DeleteRequest,
    DiffRequest,
    Found,
    InvokeRequest,
    Operation,
    ReadRequest,
    UpdateRequest,
)
from sandbox.plugins.framework.values import (
    UNKNOWN,
    Properties,
    Secret,
    Value,
    carry_secrets,
    has_unknown,
    reveal,
    secret,
)

__all__ = [
    "UNKNOWN",
    "Cancellation",
    "CancelledError",
    "Change",
    "CheckFailure",
    "CheckRequest",
    "CheckResult",
    "Compared",
    "ConfigureRequest",
    "CreateRequest",
    "Created",
    "Deadline",
    "DeadlineError",
    "DeleteRequest",
    "Diff",
    "DiffRequest",
    "Found",
    "Function",
    "InitializationError",
    "InvokeRequest",
    "Operation",
    "Properties",
    "PropertyDiff",
    "Provider",
    "ProviderError",
    "ReadRequest",
    "ResourceType",
    "Secret",
    "UnsupportedError",
    "UpdateRequest",
    "Value",
    "carry_secrets",
    "compare",
    "has_unknown",
    "render",
    "reveal",
    "secret",
]
