"""How Chinese text is written on a Latin keyboard."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files

from pypinyin import Style, lazy_pinyin, load_phrases_dict


@cache
def _surnames() -> Mapping[str, str]:
    """Surnames by their reading; at the first call the phrases are told to the library as well."""
    source = files("guahao.catalog").joinpath("readings.csv").read_text("utf-8")
    rows = list(csv.DictReader(source.splitlines()))
    phrases = [row for row in rows if row["kind"] == "phrase"]
    load_phrases_dict({row["text"]: [[part] for part in row["pinyin"].split()] for row in phrases})
    return {row["text"]: row["pinyin"] for row in rows if row["kind"] == "surname"}


def normalised(text: str) -> str:
    """Fold widths and case and drop white space, so that equal-looking texts are equal."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


@lru_cache(maxsize=20_000)
def spelled(text: str, *, is_person: bool = False) -> tuple[str, str]:
    """The pinyin of a normalised text without tones, and its initials.

    What is not Chinese stays as it is. A surname with several readings is read as a surname.
    """
    surname = _surnames().get(text[:1])
    if surname is None or not is_person:
        syllables = lazy_pinyin(text, style=Style.NORMAL)
    else:
        syllables = [surname, *lazy_pinyin(text[1:], style=Style.NORMAL)]
    return "".join(syllables), "".join(part if part in text else part[:1] for part in syllables)
