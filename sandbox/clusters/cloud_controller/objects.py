"""How the cloud controller sees what the API server has."""

from __future__ import annotations

from typing import Any

Object = Any
"""An object of the official client. Its types make every field optional, while the API server fills in what is used."""
