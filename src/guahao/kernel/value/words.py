"""Codes, names and texts that a hospital writes about itself, with the limits that every door reads here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from guahao.kernel.value.person import with_state_dots
from guahao.kernel.value.signs import CONTROL, DIRECTION, LOST, SHORTENED, narrow, visible
from guahao.kernel.value.unfit import Unfit

CODE_MOST = 32
NATIONAL_CODE_MOST = 8
NAME_MOST = 80
LEVEL_MOST = 20
TITLE_MOST = 40
LINE_MOST = 200
SKILLS_MOST = 2_000
PROSE_MOST = 5_000
WORD_MOST, WORDS_MOST = 40, 100
NOTICE_MOST, NOTICES_MOST = 500, 20
PHONES_MOST = 10
DEPARTMENTS_MOST = 20
ROOM_MOST = 40
STAFF_NAME_MOST = 50

_WIDE = {
    code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
}
_LINE_ENDS = re.compile("\r\n?|\u2028|\u2029")
_BETWEEN_WORDS = re.compile("[、，,；;\n]")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"\s*(?:[、，,；;\n]|$)')


def read_code(typed: str, *, limit: int = CODE_MOST) -> str:
    """A code by which a thing is known in files: no spaces, no `/`, full-width signs made ordinary.

    Any other sign may stand in it, for hospitals number things as they like. Raises `Unfit`.
    """
    _refuse_unseen(typed.strip())
    code = narrow(typed)
    if not code:
        raise Unfit("empty")
    _within(code, limit)
    if SHORTENED.fullmatch(code):
        raise Unfit("shortened", value=code)
    for place, sign in enumerate(code, 1):
        if sign.isspace() or sign == "/":
            raise Unfit("code_sign", place=place, sign=sign, limit=limit)
    return code


def read_national_code(typed: str) -> str:
    """A code of the national list of departments, such as 03.04; whether it is in it is judged later."""
    return read_code(typed, limit=NATIONAL_CODE_MOST)


def read_name(typed: str, *, limit: int = NAME_MOST) -> str:
    """A name that is shown, of a house, a department, a room: one line, may be empty.

    Full-width letters and digits become ordinary ones, Chinese punctuation stays. Raises `Unfit`.
    """
    return _within(read_line(typed, limit=None).translate(_WIDE), limit)


def read_doctor_name(typed: str) -> str:
    """A doctor's name as shown: U+00B7 between its parts, no space between Chinese characters.

    Titles and remarks may stand in it, unlike in the name of a patient. Raises `Unfit`.
    """
    return required(with_state_dots(read_name(typed)))


def read_line(typed: str, *, limit: int | None = LINE_MOST) -> str:
    """A text of one line, trimmed, with single spaces; may be empty. Raises `Unfit`."""
    line = typed.strip()
    if "\n" in line or "\r" in line:
        raise Unfit("line_end")
    line = line.replace("\t", " ")
    _refuse_unseen(line)
    return _within(" ".join(unicodedata.normalize("NFC", visible(line)).split()), limit)


def read_reason(typed: str, *, limit: int = LINE_MOST) -> str:
    """Why somebody does something: one line, whatever lines it was typed in. Raises `Unfit`."""
    return read_line(" ".join(_LINE_ENDS.sub("\n", typed).split("\n")), limit=limit)


def read_prose(typed: str, *, limit: int = PROSE_MOST) -> str:
    """A text of several lines, each ended by a line feed; may be empty. Raises `Unfit`."""
    prose = _LINE_ENDS.sub("\n", typed).replace("\t", " ").strip()
    _refuse_unseen(prose.replace("\n", ""))
    return _within(visible(prose).strip(), limit)


def read_word(typed: str) -> str:
    """One of a list, such as a disease. Raises `Unfit`."""
    return required(read_line(typed, limit=WORD_MOST))


def read_notice(typed: str) -> str:
    """One of the paragraphs of a notice: a line of its own. Raises `Unfit`."""
    return required(read_line(typed, limit=NOTICE_MOST))


def required(value: str) -> str:
    """The value, which must not be empty. Raises `Unfit`."""
    if not value:
        raise Unfit("empty")
    return value


def join_words(words: Iterable[str]) -> str:
    """Write a list into one cell: 、 between the items, and an item that holds a separator in `"`."""
    return "、".join(_quoted(word) for word in words)


def split_words(cell: str) -> list[str]:
    """Read a list from one cell as people write it: 、 ， , ； ; or a new line between the items.

    An item in `"` may hold these signs. Empty items and repetitions are left out.
    """
    words: list[str] = []
    rest = cell.strip()
    while rest:
        quoted = _QUOTED.match(rest)
        if quoted:
            words.append(quoted[1].replace('""', '"'))
            rest = rest[quoted.end() :].lstrip()
            continue
        word, *after = _BETWEEN_WORDS.split(rest, maxsplit=1)
        words.append(word.strip())
        rest = after[0].lstrip() if after else ""
    return list(dict.fromkeys(word for word in words if word))


def _quoted(word: str) -> str:
    if not _BETWEEN_WORDS.search(word) and not word.startswith('"'):
        return word
    return '"{}"'.format(word.replace('"', '""'))


def _within(value: str, limit: int | None) -> str:
    if limit is not None and len(value) > limit:
        raise Unfit("too_long", limit=limit, length=len(value))
    return value


def _refuse_unseen(value: str) -> None:
    """What is shown must be what is written: no control characters, no marks that turn the direction."""
    if CONTROL.search(value):
        raise Unfit("control")
    if DIRECTION.search(value):
        raise Unfit("direction")
    if LOST in value:
        raise Unfit("lost_sign", place=value.index(LOST) + 1)
