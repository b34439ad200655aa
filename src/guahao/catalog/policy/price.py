"""How far one person may change a price alone."""

from __future__ import annotations

MOST_ALONE_FEN = 5000
"""Fifty yuan, or half of the price if that is less."""


def needs_second_person(*, before_fen: int, after_fen: int) -> bool:
    """Whether a price moves further, up or down, than one person may decide."""
    return abs(after_fen - before_fen) > min(MOST_ALONE_FEN, before_fen // 2)
