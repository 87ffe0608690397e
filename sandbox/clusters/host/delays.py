"""How much longer things take than this machine needs, for whoever wants to wait as with an account."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.errors import SandboxError

DETACHING_SECONDS: Final = 10.0


class WrongDelaysError(SandboxError):
    """Delays that cannot be had."""


class Delays(BaseModel):
    """In seconds, each bounded by the most that anybody waits for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: Annotated[float, Field(ge=0, le=10)] = 0
    """Before every answer of the API."""
    node: Annotated[float, Field(ge=0, le=600)] = 0
    """Before a new node's machine boots."""
    detach: Annotated[float, Field(ge=0, le=600)] = DETACHING_SECONDS
    """Until a volume that nobody uses any more is detached, which Linode does in the background."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Delays as they are written: "answer=0.3,node=60"; nothing is the default of each.

        Raises WrongDelaysError if one is unknown, no number, or out of its bounds.
        """
        parts = [part.partition("=") for part in text.split(",") if part]
        try:
            return cls.model_validate({name.strip(): seconds for name, _, seconds in parts})
        except ValidationError as error:
            [mistake, *_] = error.errors()
            raise WrongDelaysError(
                what=f"The delays {text!r} cannot be had",
                why=f"{mistake['loc'][0]}: {mistake['msg']}",
                remedy=f"Give seconds for any of {', '.join(cls.model_fields)}, as in node=60,answer=0.3",
            ) from error
