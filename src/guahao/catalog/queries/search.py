"""Finding hospitals, departments, doctors and the department for a complaint."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, case, func, select, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from guahao.catalog.models import EntryKind, Hospital, SearchEntry
from guahao.catalog.policy.pinyin import spelled
from guahao.catalog.queries.lists import visible_to_patients
from guahao.kernel.paging import CursorInvalid, decode_cursor, encode_cursor
from guahao.kernel.value.search import search_form
from guahao.kernel.value.signs import is_han

SHOWN_AT_MOST = 200
_LONGEST_Q = 40
_ALIKE = 0.45
_WORD_LENGTHS = range(2, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One result; a disease leads to the department whose id it carries."""

    kind: EntryKind
    id: str
    name: str
    hospital_id: int
    hospital_name: str
    hint: str


async def search(
    db: AsyncSession, *, q: str, single_hospital: str | None, cursor: str | None, limit: int
) -> tuple[list[Hit], str | None]:
    """A page of results, best first and each thing once, and the cursor of the next; at most 200 in all.

    Understands Chinese, pinyin, initials, words of the same sound, slips in either, and a
    complaint inside a sentence. An empty `q` finds nothing. Raises CursorInvalid.
    """
    wanted = _Wanted.read(q)
    start = decode_cursor(cursor, int) if cursor is not None else 0
    if not 0 <= start < SHOWN_AT_MOST:
        raise CursorInvalid
    if not wanted.text:
        return [], None
    end = min(start + limit, SHOWN_AT_MOST)
    entry = aliased(SearchEntry, union(*_candidates(wanted, single_hospital)).subquery())
    score = case(*_ranks(entry, wanted), else_=_likeness(entry, wanted) * 50.0).label("score")
    key = (entry.hospital_id, entry.kind, entry.entity_id)
    best = (
        select(*key, entry.name, entry.hint, entry.position, Hospital.name.label("hospital_name"), score)
        .join(Hospital, Hospital.id == entry.hospital_id)
        .where(visible_to_patients(single_hospital))
        .ext(distinct_on(*key))
        .order_by(*key, score.desc(), entry.position, func.char_length(entry.name), entry.name)
        .subquery()
    ).c
    found = (
        select(best.kind, best.entity_id, best.name, best.hospital_id, best.hospital_name, best.hint)
        .order_by(best.score.desc(), best.position, func.char_length(best.name), best.name)
        .order_by(best.hospital_id, best.kind, best.entity_id)
        .offset(start)
        .limit(end - start + 1)
    )
    rows = (await db.execute(found)).all()
    hits = [
        Hit(kind=row[0], id=row[1], name=row[2], hospital_id=row[3], hospital_name=row[4], hint=row[5])
        for row in rows[: end - start]
    ]
    more = len(rows) > len(hits) and end < SHOWN_AT_MOST
    return hits, encode_cursor(end) if more else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What somebody typed, and how it sounds."""

    text: str
    sound: str

    @classmethod
    def read(cls, q: str) -> _Wanted:
        text = _between_marks(search_form(q))[:_LONGEST_Q]
        return cls(text=text, sound=spelled(text).pinyin)

    @property
    def is_latin(self) -> bool:
        return self.text == self.sound

    def words(self) -> list[str]:
        """Pieces of a sentence that may be a complaint."""
        return [
            self.text[start : start + length]
            for length in _WORD_LENGTHS
            if length < len(self.text)
            for start in range(len(self.text) - length + 1)
        ]


def _between_marks(text: str) -> str:
    """Leave out the marks around what somebody looks for, as 儿科， or “儿科” have them."""
    kept = [place for place, sign in enumerate(text) if sign.isalnum() or is_han(sign)]
    return text[kept[0] : kept[-1] + 1] if kept else ""


def _candidates(wanted: _Wanted, single_hospital: str | None) -> list[Select[SearchEntry]]:
    """One search for each way to match, so that each can use its index.

    Most slips change one syllable: the trigrams of the sound still agree.
    """
    entry = SearchEntry
    ways: list[ColumnElement[bool]] = [entry.text.contains(wanted.text, autoescape=True)]
    if wanted.is_latin:
        ways.append(entry.initials.startswith(wanted.text, autoescape=True))
        ways.append(entry.pinyin.startswith(wanted.sound, autoescape=True))
    if len(wanted.text) > 1:
        ways.append(entry.pinyin.contains(wanted.sound, autoescape=True))
        ways.append(entry.pinyin.bool_op("%")(wanted.sound) & (_likeness(entry, wanted) >= _ALIKE))
        ways.append(entry.text.in_(wanted.words()) & (entry.kind == EntryKind.DISEASE))
    if wanted.is_latin and len(wanted.text) > 1:
        ways.append(entry.initials.contains(wanted.text, autoescape=True))
    if single_hospital:
        own = select(Hospital.id).where(Hospital.code == single_hospital).scalar_subquery()
        ways = [way & (entry.hospital_id == own) for way in ways]
    return [select(entry).where(way) for way in ways]


def _ranks(entry: type[SearchEntry], wanted: _Wanted) -> list[tuple[ColumnElement[bool], float]]:
    """How well an entry matches, the best first."""
    return [
        (entry.text == wanted.text, 100.0),
        (entry.text.startswith(wanted.text, autoescape=True), 90.0),
        (entry.text.contains(wanted.text, autoescape=True), 80.0),
        (entry.initials == wanted.text, 78.0),
        (entry.pinyin == wanted.sound, 76.0),
        (entry.initials.startswith(wanted.text, autoescape=True), 70.0),
        (entry.pinyin.startswith(wanted.sound, autoescape=True), 66.0),
        (entry.text.in_(wanted.words()), 64.0),
        (entry.pinyin.contains(wanted.sound, autoescape=True), 60.0),
        (entry.initials.contains(wanted.text, autoescape=True), 58.0),
    ]


def _likeness(entry: type[SearchEntry], wanted: _Wanted) -> ColumnElement[float]:
    """How much alike two sounds are, from 0 to 1."""
    return func.similarity(entry.pinyin, wanted.sound)
