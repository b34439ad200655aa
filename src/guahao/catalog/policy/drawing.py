"""Making a picture anew out of its pixels; for a confined process, since strangers made the picture."""

from __future__ import annotations

import io
import struct
import warnings

from PIL import Image, ImageOps

LONGEST_SIDE = 1200
MOST_PIXELS = 40_000_000
_READ = ("JPEG", "PNG", "WEBP")
"""What phones and office programs make; the decoder looks at the content, never at a name."""

_QUALITY = 85

SIZE = struct.Struct(">II")
"""Width and height, before the JPEG."""

UNREADABLE, TOO_LARGE = b"unreadable", b"too large"


def draw_confined(content: bytes) -> bytes:
    """The size and a JPEG of a picture's pixels, or UNREADABLE or TOO_LARGE."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes are judged below, and damaged notes beside pixels dropped
            with Image.open(io.BytesIO(content), formats=_READ) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    return TOO_LARGE
                return _drawn(picture)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # decoders raise whatever a damaged file makes them
        return UNREADABLE


def _drawn(picture: Image.Image) -> bytes:
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(picture)
    plain = _on_white(upright) if upright.has_transparency_data else upright.convert("RGB")
    fresh = Image.new("RGB", plain.size)
    fresh.paste(plain)
    out = io.BytesIO()
    fresh.save(out, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    return SIZE.pack(*fresh.size) + out.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    layered = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
