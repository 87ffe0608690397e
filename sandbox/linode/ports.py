"""The ports of a firewall's rule, as Linode writes them: "22-24, 80"."""

from __future__ import annotations


def port_ranges(text: str) -> list[tuple[int, int]]:
    """The first and the last port of each piece; none at all for an empty text, which stands for all ports."""
    pieces = (piece.strip().partition("-") for piece in text.split(",") if piece)
    return [(int(first), int(last or first)) for first, _, last in pieces]
