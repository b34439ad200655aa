"""Finding hospitals, departments, doctors and the department for a complaint."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import EntryKind, Hospital, SearchEntry
from guahao.catalog.policy.pinyin import normalised, spelled
from guahao.catalog.queries.lists import visible_to_patients
from guahao.kernel.paging import CursorInvalid, decode_cursor, encode_cursor

SHOWN_AT_MOST = 200
_LONGEST_Q = 40
_SIMILAR = 0.45
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
    """A page of results, best first, and the cursor of the next; at most 200 in all.

    Understands Chinese, pinyin, initials, words of the same sound, slips in either, and a
    complaint inside a sentence. An empty `q` finds nothing. Raises CursorInvalid.
    """
    wanted = normalised(q)[:_LONGEST_Q]
    start = decode_cursor(cursor, int) if cursor is not None else 0
    if not 0 <= start < SHOWN_AT_MOST:
        raise CursorInvalid
    if not wanted:
        return [], None
    end = min(start + limit, SHOWN_AT_MOST)
    ranks = _ranks(wanted)
    score = func.max(case(*ranks, else_=_similarity(wanted))).label("score")
    entry = SearchEntry
    found = (
        select(
            entry.hospital_id, entry.kind, entry.entity_id, entry.name, func.min(entry.hint), Hospital.name
        )
        .join(Hospital, Hospital.id == entry.hospital_id)
        .where(
            visible_to_patients(single_hospital), or_(*(matches for matches, _ in ranks), _is_similar(wanted))
        )
        .group_by(entry.hospital_id, entry.kind, entry.entity_id, entry.name, Hospital.name)
        .order_by(score.desc(), func.min(entry.position), func.char_length(entry.name))
        .order_by(entry.hospital_id, entry.kind, entry.entity_id, entry.name)
        .offset(start)
        .limit(end - start + 1)
    )
    rows = (await db.execute(found)).all()
    hits = [
        Hit(hospital_id=row[0], kind=row[1], id=row[2], name=row[3], hint=row[4], hospital_name=row[5])
        for row in rows[: end - start]
    ]
    more = len(rows) > len(hits) and end < SHOWN_AT_MOST
    return hits, encode_cursor(end) if more else None


def _ranks(wanted: str) -> list[tuple[ColumnElement[bool], float]]:
    """Ways in which an entry may match, best first, each with its score."""
    entry = SearchEntry
    sound, _ = spelled(wanted)
    ranks: list[tuple[ColumnElement[bool], float]] = [
        (entry.text == wanted, 100),
        (entry.text.startswith(wanted, autoescape=True), 90),
        (entry.text.contains(wanted, autoescape=True), 80),
    ]
    if sound == wanted:
        ranks += [
            (entry.initials == wanted, 78),
            (entry.pinyin == sound, 76),
            (entry.initials.startswith(wanted, autoescape=True), 70),
            (entry.pinyin.startswith(sound, autoescape=True), 66),
        ]
    if len(wanted) > 1:
        ranks.append((entry.text.in_(_words(wanted)) & (entry.kind == EntryKind.DISEASE), 64))
        ranks.append((entry.pinyin.contains(sound, autoescape=True), 60))
    if sound == wanted and len(wanted) > 1:
        ranks.append((entry.initials.contains(wanted, autoescape=True), 58))
    return ranks


def _words(wanted: str) -> list[str]:
    """Pieces of a sentence that may be a complaint."""
    return [
        wanted[start : start + length]
        for length in _WORD_LENGTHS
        for start in range(len(wanted) - length + 1)
        if length < len(wanted)
    ]


def _similarity(wanted: str) -> ColumnElement[float]:
    return func.similarity(SearchEntry.pinyin, spelled(wanted)[0]) * literal(50.0)


def _is_similar(wanted: str) -> ColumnElement[bool]:
    """Most slips change one syllable; trigrams of the sound still agree. `%` can use the index."""
    sound, _ = spelled(wanted)
    return SearchEntry.pinyin.bool_op("%")(sound) & (func.similarity(SearchEntry.pinyin, sound) >= _SIMILAR)
