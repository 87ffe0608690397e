"""How Pulumi reaches the bucket: backend URL and key, kept in one file that a shell reads.

The file is the only place where the secret is written. It is made with mode 0600 before anything is in it, and replaced
whole, so that an interrupted command leaves the earlier one.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from dotenv import dotenv_values

from fleet.naming import signing_region
from operations.errors import OperationError
from operations.files import write_private

_ACCESS_KEY: Final = "AWS_ACCESS_KEY_ID"
_SECRET_KEY: Final = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - the variable's name
_BACKEND: Final = "PULUMI_BACKEND_URL"
_ENDPOINT: Final = "AWS_ENDPOINT_URL_S3"
_REGION: Final = "AWS_REGION"
_BUCKET: Final = "FLEET_STATE_BUCKET"


@dataclass(frozen=True, kw_only=True, repr=False)
class Access:
    """A bucket and a key to it; not shown by repr, since the secret is in it."""

    bucket: str
    endpoint: str
    """With its scheme: "https://us-ord-1.linodeobjects.com"."""
    access_key: str
    secret_key: str

    @property
    def signing_region(self) -> str:
        """What requests are signed for: Linode's S3 hosts are named after it."""
        return signing_region(self.endpoint)

    @property
    def backend_url(self) -> str:
        """The bucket as PULUMI_BACKEND_URL and `pulumi login` take it; no secret is in it."""
        return backend_url(self.bucket, self.endpoint)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that Pulumi, and any other client of S3, reads."""
        return {
            _BACKEND: self.backend_url,
            _ACCESS_KEY: self.access_key,
            _SECRET_KEY: self.secret_key,
            _REGION: self.signing_region,
            _ENDPOINT: self.endpoint,
            # CLIs before 3.258 send what only Amazon's own S3 knows, and all warn where an answer has no checksum.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            _BUCKET: self.bucket,
        }


def backend_url(bucket: str, endpoint: str) -> str:
    """The address of a bucket in the form of gocloud.dev/blob/s3blob, which Pulumi's backend is built on."""
    query = {"endpoint": endpoint, "region": signing_region(endpoint), "s3ForcePathStyle": "true"}
    return f"s3://{bucket}?{urlencode(query, safe=':/')}"


def write(file: Path, access: Access) -> None:
    """Write the file, readable by its owner only.

    Raises:
        OperationError: the folder cannot be written.

    """
    lines = [f"{name}={shlex.quote(value)}" for name, value in access.environment.items()]
    text = "\n".join(
        ["# Where this fleet's state is kept, and the key to it. Keep it out of version control.", *lines, ""]
    )
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, text)
    except OSError as error:
        raise OperationError(
            what=f"Cannot write {file}", why=error.strerror or str(error), remedy="Name another file with --file"
        ) from error


def read(file: Path) -> Access | None:
    """What the file says; None where there is no such file.

    Raises:
        OperationError: it cannot be read, others may read it, or something is missing in it.

    """
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OperationError(
            what=f"Cannot read {file}", why=error.strerror or str(error), remedy="Name another file with --file"
        ) from error
    if mode & 0o077:
        raise OperationError(
            what=f"The key in {file} is not safe", why="others may read the file", remedy=f"Run chmod 600 {file}"
        )
    values = dotenv_values(file, interpolate=False)
    found = {name: values.get(name) or "" for name in (_BUCKET, _ENDPOINT, _ACCESS_KEY, _SECRET_KEY)}
    if missing := [name for name, value in found.items() if not value]:
        raise OperationError(
            what=f"{file} is not what `state bootstrap` wrote",
            why=f"it has no {', '.join(missing)}",
            remedy="Mend it, or move it away and run again for a new key",
        )
    return Access(
        bucket=found[_BUCKET], endpoint=found[_ENDPOINT], access_key=found[_ACCESS_KEY], secret_key=found[_SECRET_KEY]
    )


def default_file(bucket: str) -> Path:
    """`$XDG_CONFIG_HOME/fleet/state-BUCKET.env`, or the same in `~/.config` (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    home = Path(base) if Path(base).is_absolute() else Path.home() / ".config"
    return home / "fleet" / f"state-{bucket}.env"
