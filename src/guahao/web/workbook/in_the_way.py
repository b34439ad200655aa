"""Weekly clinics of a file that cannot be held on some days, since a session stands there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import CHINA
from guahao.kernel.i18n import text
from guahao.scheduling.queries.overlaps import Overlap, TemplateKey, overlaps_of
from guahao.scheduling.service.templates import TemplateRow
from guahao.web.workbook.rows import Fault, Key, ScheduleRow, key_of, row_fault

_PLACE_AND_TIME = ("campus", "room", "starts", "ends", "on_holidays", "valid_until")


def is_moved(row: ScheduleRow, before: Mapping[Key, ScheduleRow]) -> bool:
    """Whether the row is new or takes another time or room than before: else it is in nobody's way anew."""
    old = before.get(key_of("schedule", row))
    return old is None or any(getattr(row, name) != getattr(old, name) for name in _PLACE_AND_TIME)


async def faults_of_overlaps(
    db: AsyncSession,
    rows: Iterable[tuple[ScheduleRow, TemplateRow]],
    *,
    doctors: Mapping[UUID, str],
    hospital_id: int,
    now: datetime,
) -> list[Fault]:
    """Tell of each row, once for its doctor and once for its room, the first session in its way.

    `doctors` are all of the hospital, as they are to be named. The rows were written as these templates.
    """
    row_of = {_key(template): row for row, template in rows}
    overlaps = await overlaps_of(db, row_of.keys(), hospital_id=hospital_id, now=now)
    by_kind = attrgetter("key", "is_doctor")
    overlaps.sort(key=lambda one: (*by_kind(one), one.other.starts_at))
    groups = (list(group) for _, group in groupby(overlaps, key=by_kind))
    return [_fault(row_of[group[0].key], group, doctors) for group in groups]


def _key(template: TemplateRow) -> TemplateKey:
    return (
        template.doctor_id,
        template.department_id,
        template.weekday,
        template.period,
        template.valid_from,
    )


def _fault(row: ScheduleRow, overlaps: Sequence[Overlap], doctors: Mapping[UUID, str]) -> Fault:
    first = overlaps[0]
    other, planned = first.other, first.planned
    starts, ends = other.starts_at.astimezone(CHINA), other.ends_at.astimezone(CHINA)
    days = len({overlap.planned.date for overlap in overlaps})
    return row_fault(
        "schedule",
        row,
        "doctor" if first.is_doctor else "room",
        "doctor_has_session" if first.is_doctor else "room_has_session",
        doctor=doctors[other.doctor_id],
        room=other.room,
        date=f"{starts:%Y-%m-%d}",
        hours=f"{starts:%H:%M}-{ends:%H:%M}",
        own_doctor=doctors[planned.doctor_id],
        own_room=planned.room,
        own=f"{planned.starts_at.astimezone(CHINA):%H:%M}-{planned.ends_at.astimezone(CHINA):%H:%M}",
        more=text("workbook.more_days", days=days) if days > 1 else "",
    )
