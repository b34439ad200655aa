"""Signs: which are seen, which are Chinese characters, which are letters; by ranges of the Unicode Standard.

The interpreter's own tables know the characters of its year only, and names are written with newer ones.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Signs that show nothing: joiners, marks of direction, fillers, variation selectors, tags."""

DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Signs that make a text look other than it is; also invisible."""

_KANGXI = range(0x2F00, 0x2FD6)
"""Radicals whose characters NFKC knows."""

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Control characters and what is no character at all; a line's end is one of them."""

LOST = "\ufffd"
"""Stands where a program could not read a character."""

SHORTENED = re.compile(r"[0-9](?:\.[0-9]+)?[Ee]\+[0-9]{2,}")
"""How spreadsheets shorten long numbers, in CSV files for good: 1.38E+10."""

_HAN = ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAD9), (0x20000, 0x3FFFD))
"""々〆〇, the ideographs of plane 0, and planes 2 and 3, which hold nothing else, so future ones as well."""

_LETTERS = (
    *(
        (0x41, 0x5A),
        (0x61, 0x7A),
        (0xC0, 0xD6),
        (0xD8, 0xF6),
        (0xF8, 0x2AF),
        (0x2BB, 0x2BF),
        (0x1E00, 0x1EFF),
    ),
    (0x2C60, 0x2C7F),  # more Latin
    *((0x370, 0x373), (0x376, 0x377), (0x37B, 0x37D), (0x37F, 0x37F), (0x386, 0x386), (0x388, 0x3FF)),
    *((0x1F00, 0x1FBC), (0x1FC2, 0x1FCC), (0x1FD0, 0x1FDB), (0x1FE0, 0x1FEC), (0x1FF2, 0x1FFC)),  # Greek
    *((0x400, 0x481), (0x48A, 0x52F), (0x531, 0x556), (0x560, 0x588)),  # Cyrillic, Armenian
    *((0x5B0, 0x5BD), (0x5D0, 0x5EA), (0x620, 0x65F), (0x66E, 0x6D3), (0x6D5, 0x6D5), (0x6FA, 0x6FC)),
    *((0x710, 0x74A), (0x750, 0x77F), (0x780, 0x7B1), (0x8A0, 0x8C9)),  # Hebrew, Arabic, Syriac, Thaana
    *((0x900, 0x963), (0x971, 0x9E3), (0xA01, 0xA5E), (0xA70, 0xA75), (0xA81, 0xAE3), (0xB01, 0xB63)),
    *(
        (0xB71, 0xB71),
        (0xB82, 0xBD7),
        (0xC00, 0xC63),
        (0xC80, 0xCE3),
        (0xD00, 0xD63),
        (0xD7A, 0xDDF),
    ),  # India
    *((0xE01, 0xE3A), (0xE40, 0xE4E), (0xE81, 0xECE), (0xF40, 0xFBC), (0x1000, 0x103F), (0x1050, 0x108F)),
    *((0x10A0, 0x10FF), (0x1100, 0x115E), (0x1161, 0x11FF), (0x1200, 0x135A)),  # Georgian, Hangul, Ethiopic
    *((0x13A0, 0x13FD), (0x1401, 0x166C), (0x1780, 0x17B3), (0x17B6, 0x17D3)),  # Cherokee, Cree, Khmer
    *((0x1820, 0x1878), (0x1880, 0x18AA), (0x1950, 0x1974), (0x1980, 0x19C9)),  # Mongolian, Tai
    *((0x3041, 0x3096), (0x30A1, 0x30FA), (0x30FC, 0x30FE), (0x3105, 0x312F)),  # kana, bopomofo
    *((0xA000, 0xA48C), (0xA4D0, 0xA4F7), (0xAC00, 0xD7A3)),  # Yi, Lisu, Hangul
)
"""Letters and vowel signs of the scripts that names are written with, without digits and punctuation."""


class _Ranges:
    """A set of code points, from ranges with both ends."""

    def __init__(self, ranges: tuple[tuple[int, int], ...]) -> None:
        ordered = sorted(ranges)
        self._starts = [start for start, _ in ordered]
        self._ends = [end for _, end in ordered]

    def __contains__(self, sign: str) -> bool:
        place = bisect_right(self._starts, ord(sign)) - 1
        return place >= 0 and ord(sign) <= self._ends[place]


_han, _letters = _Ranges(_HAN), _Ranges(_LETTERS)


def is_han(sign: str) -> bool:
    """Whether a sign is a Chinese character."""
    return sign in _han


def is_letter(sign: str) -> bool:
    """Whether a sign is a letter that a name can be written with."""
    return sign in _letters or sign in _han


@cache
def _characters() -> Mapping[int, str]:
    """Characters by the codes of signs that show them: private ones of GBK, and radicals."""
    folder = files("guahao.kernel.value")
    sources = [folder.joinpath(name).read_text("utf-8") for name in ("old_codes.txt", "radicals.txt")]
    lines = (line for source in sources for line in source.splitlines() if not line.startswith("#"))
    runs = (line.split() for line in lines)
    named = {int(first, 16) + place: sign for first, run in runs for place, sign in enumerate(run)}
    return named | {code: unicodedata.normalize("NFKC", chr(code)) for code in _KANGXI}


def visible(text: str) -> str:
    """Drop what shows nothing; give radicals and old private codes the character that they show."""
    return INVISIBLE.sub("", text).translate(_characters())


_APART = {0x02D9: "\u00b7", 0x00B4: "'"}
"""Signs typed as a dot and an apostrophe, which NFKC would take for a space and a mark."""


def narrow(text: str) -> str:
    """Fold what looks alike: full-width and other compatible forms (NFKC), white space to single spaces."""
    text = visible(text).translate(_APART)
    return " ".join(unicodedata.normalize("NFKC", text).split())
