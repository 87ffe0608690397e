"""The inputs of helm.sh/v3:Release, as the official SDK declares them. A test compares the two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.plugins.framework.schema import Kind, Property, Use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.plugins.framework.schema import Schema

DEFAULT_TIMEOUT_SECONDS: Final = 300

_FLAG: Final = Property(kind=Kind.BOOLEAN)
_TEXT: Final = Property(kind=Kind.STRING)

REPOSITORY: Final[Schema] = {
    "repo": _TEXT,
    "caFile": _TEXT,
    "certFile": _TEXT,
    "keyFile": _TEXT,
    "username": _TEXT,
    "password": _TEXT,
}

INPUTS: Final[Schema] = {
    "chart": Property(kind=Kind.STRING, use=Use.REQUIRED),
    "name": Property(kind=Kind.STRING, use=Use.FILLED, force_new=True),
    "namespace": Property(kind=Kind.STRING, use=Use.FILLED, force_new=True),
    "version": Property(kind=Kind.STRING, use=Use.FILLED),
    "repositoryOpts": Property(kind=Kind.OBJECT, fields=REPOSITORY),
    "atomic": _FLAG,
    "cleanupOnFail": _FLAG,
    "createNamespace": _FLAG,
    "dependencyUpdate": _FLAG,
    "description": _TEXT,
    "devel": _FLAG,
    "disableCRDHooks": _FLAG,
    "disableOpenapiValidation": _FLAG,
    "disableWebhooks": _FLAG,
    "forceUpdate": _FLAG,
    "keyring": _TEXT,
    "lint": _FLAG,
    "maxHistory": Property(kind=Kind.INTEGER),
    "postrender": _TEXT,
    "renderSubchartNotes": _FLAG,
    "replace": _FLAG,
    "resetValues": _FLAG,
    "reuseValues": _FLAG,
    "skipAwait": _FLAG,
    "skipCrds": _FLAG,
    "takeOwnership": _FLAG,
    "timeout": Property(kind=Kind.INTEGER, use=Use.FILLED),
    "verify": _FLAG,
    "waitForJobs": _FLAG,
}
"""What has a fixed form."""

FREE_FORM: Final = frozenset({"values", "valueYamlFiles"})
"""What a chart defines, and the files that the same comes from."""

WITHOUT_EFFECT: Final = frozenset({"allowNullValues", "compat", "manifest", "resourceNames"})
"""What the official provider takes and does nothing with, or drops."""

UNSUPPORTED: Final[Mapping[str, str]] = {
    "recreatePods": "Helm 3 has no such option; change an annotation of the Pod template instead",
}

OUTPUTS: Final = frozenset({"status", "resourceNames"})
"""What the release adds to its inputs."""
