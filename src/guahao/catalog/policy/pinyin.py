"""How Chinese text is written on a Latin keyboard: all ways in which a name may be read."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import product

from pypinyin import Style, lazy_pinyin, load_phrases_dict, pinyin

from guahao.kernel.value.search import search_form

_READINGS_AT_MOST = 24
"""A name of four characters with two readings each has sixteen."""

_SURNAME_READINGS, _OTHER_READINGS = 5, 3
"""The dictionary tells common readings first; behind these stand those of old books."""

_LONGEST_READ_IN_ALL_WAYS = 5


@dataclass(frozen=True, slots=True)
class Spelling:
    """One reading of a text in pinyin without tones, and its initials."""

    pinyin: str
    initials: str


@cache
def _surnames() -> Mapping[str, Sequence[str]]:
    """Readings of surnames, the usual first; the first call gives the library the phrases as well."""
    source = files("guahao.catalog").joinpath("readings.csv").read_text("utf-8")
    rows = list(csv.DictReader(source.splitlines()))
    phrases = [row for row in rows if row["kind"] == "phrase"]
    load_phrases_dict({row["text"]: [[part] for part in row["pinyin"].split()] for row in phrases})
    return {row["text"]: row["pinyin"].split() for row in rows if row["kind"] == "surname"}


@lru_cache(maxsize=20_000)
def spelled(text: str) -> Spelling:
    """How a text in search form is read; what is not Chinese stays as it is."""
    return _spelling(text, _syllables(text))


def _syllables(text: str) -> Sequence[str]:
    _surnames()
    return lazy_pinyin(text, style=Style.NORMAL)


@lru_cache(maxsize=4_000)
def ways_to_type(name: str) -> frozenset[str]:
    """A name, whole and its parts from two syllables on, in Chinese and pinyin; its initials from four.

    From 云溪第一人民医院: 云溪, yunxi, yunxidiyi, diyirenminyiyuan, yxdyrmyy, yxdy.
    """
    text = search_form(name)
    syllables = _syllables(text)
    parts = [
        "".join(row[first:end])
        for row in (text, syllables)
        for first in range(len(row))
        for end in range(first + 2, len(row) + 1)
    ]
    letters = "".join(syllable[:1] for syllable in syllables)
    return frozenset([*parts, *(letters[:end] for end in range(4, len(letters) + 1))])


@lru_cache(maxsize=20_000)
def spellings_of_person(name: str) -> tuple[Spelling, ...]:
    """All ways in which a name in search form may be read, the likeliest first; at most 24.

    Surnames and given names alike: 曾 is Zeng and Ceng, 尉迟 is Yuchi and Weichi, 重 is Zhong and Chong.
    """
    syllables = [_readings(name, place) for place in range(len(name))]
    ways = product(*(list(enumerate(readings)) for readings in syllables))
    likeliest = sorted(ways, key=lambda way: sum(rank for rank, _ in way))
    found = (_spelling(name, [reading for _, reading in way]) for way in likeliest)
    return tuple(dict.fromkeys(found))[:_READINGS_AT_MOST]


def _readings(name: str, place: int) -> list[str]:
    """The readings of one character of a name; of long names, which are of other languages, one each."""
    sign = name[place]
    known = _known(sign)
    if place == 0:
        return list(dict.fromkeys((*_surnames().get(sign, ()), *known)))[:_SURNAME_READINGS]
    return known[: _OTHER_READINGS if len(name) <= _LONGEST_READ_IN_ALL_WAYS else 1]


@cache
def _known(sign: str) -> list[str]:
    return pinyin(sign, style=Style.NORMAL, heteronym=True)[0]


def _spelling(text: str, syllables: Sequence[str]) -> Spelling:
    initials = (part if part in text else part[:1] for part in syllables)
    return Spelling("".join(syllables), "".join(initials))
