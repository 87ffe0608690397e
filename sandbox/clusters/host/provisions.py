"""What `up` was given, found or made for a sandbox, for its long-lived process, which builds nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, FilePath

from sandbox.clusters.host.delays import Delays
from sandbox.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path


class Provisions(BaseModel):
    """Where the executables and the images are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    programs: dict[str, FilePath]
    """Executables of the toolchain, by name."""
    images: str
    """The folder of the image store."""
    delays: Delays = Delays()

    @staticmethod
    def read(path: Path) -> Provisions:
        """What was written. Raises OSError or ValueError if there is no such file, or what it names is gone."""
        return Provisions.model_validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Keep it."""
        write_whole(path, self.model_dump_json(indent=1))
