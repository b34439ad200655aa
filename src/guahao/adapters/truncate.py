"""Cuts texts to what a provider takes, as it counts: in bytes."""

from __future__ import annotations


def to_bytes(text: str, most: int) -> str:
    """The longest beginning of a text with at most `most` bytes of UTF-8, of whole characters.

    A Chinese character has three bytes, so 80 bytes are 26 of them.
    """
    return text.encode()[:most].decode(errors="ignore")
