"""Which step may follow what is deployed (docs/decisions/0111), each refusal with the step that may."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
