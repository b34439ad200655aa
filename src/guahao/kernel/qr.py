"""QR codes as images that a page can show without drawing anything itself."""

from __future__ import annotations

import segno

_SCALE = 8
"""Pixels of one module: a code of a link is some 300 pixels wide, sharp on a phone and on paper."""


def qr_image(content: str) -> str:
    """Answer a PNG of `content` as a `data:` URI, with its quiet zone; 15 % of it may be damaged."""
    image: str = segno.make(content, error="m", micro=False).png_data_uri(scale=_SCALE)
    return image
