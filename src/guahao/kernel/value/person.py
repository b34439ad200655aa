"""Names of persons, as identity documents print them."""

from __future__ import annotations

import re

from guahao.kernel.value.signs import CONTROL, is_han, is_letter, narrow
from guahao.kernel.value.unfit import Unfit

NAME_LEAST, NAME_MOST = 2, 50
"""The State asks systems to take at least 50 characters."""

_DOT = "\u00b7"
"""U+00B7: what the State writes between the parts of a name of a nationality, and nothing else."""

DOTS = (
    "\u00b7\u02d9\u119e\u1427\u16eb\u2022\u2027\u2219\u22c5\u25cf\u25e6"
    "\u2981\u2e31\u2e33\u30fb\uff65\ua78f\U0001f784"
)
"""U+00B7 and what is typed instead of it."""

_DOTS = re.compile(f" *[{DOTS}][ {DOTS}]*")
_STOPS = ".\u3002\uff0e\uff61"
_FULL_STOP = re.compile(f"[ {_DOT}]*[{_STOPS}][ {_DOT}{_STOPS}]*")
ZEROS = str.maketrans(dict.fromkeys("\u25cb\u25ef\u2b58", "\u3007"))
"""Circles that are typed for the character 〇."""

_ALIKE = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201b\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u2032\u055a\ua78c`", "'")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
)
_MARKS = frozenset("\u00b7.'- ")


def read_person_name(typed: str) -> str:
    """Bring a person's name into its normal form.

    U+00B7 between the parts, no space between Chinese characters, one space elsewhere, plain
    apostrophes and hyphens. Raises `Unfit`.
    """
    name = person_name_form(typed)
    if not name:
        raise Unfit("name_empty")
    if CONTROL.search(typed.strip()):
        raise Unfit("control")
    _refuse_other_signs(name)
    if len(name) < NAME_LEAST:
        raise Unfit("name_short", least=NAME_LEAST)
    if len(name) > NAME_MOST:
        raise Unfit("too_long", limit=NAME_MOST, length=len(name))
    return name


def _refuse_other_signs(name: str) -> None:
    for place, sign in enumerate(name, 1):
        if not is_letter(sign) and sign not in _MARKS:
            raise Unfit("name_sign", place=place, sign=sign)
    if not is_letter(name[0]):
        raise Unfit("name_edge", sign=name[0])
    if name[-1] in (_DOT, "-") or (name[-1] == "." and is_han(name[-2])):
        raise Unfit("name_edge", sign=name[-1])


def person_name_form(typed: str) -> str:
    """The normal form of what may be a name; nothing is refused."""
    return with_state_dots(narrow(typed).translate(_ALIKE).translate(ZEROS))


def with_state_dots(name: str) -> str:
    """Write U+00B7 between the parts of a name and no space between Chinese characters."""
    name = _DOTS.sub(_DOT, name)
    name = _FULL_STOP.sub(lambda stop: _DOT if _is_between_han(name, stop) else stop[0], name)
    return re.sub(" +", lambda gap: "" if _is_between_han(name, gap) else gap[0], name)


def _is_between_han(name: str, match: re.Match[str]) -> bool:
    before, after = name[: match.start()][-1:], name[match.end() :][:1]
    return bool(before and after) and is_han(before) and is_han(after)
