"""How often a day staff may look for people their hospital does not know, and see values in full."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.person import PersonLookUp, PersonQuota
from guahao.identity.policy.finding import look_up_index, proves_person
from guahao.kernel.clock import CHINA, local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import affected
from guahao.kernel.errors import Problem
from guahao.kernel.settings import Settings

_KEEP = timedelta(days=31)


class QuotaKind(StrEnum):
    """What is counted."""

    LOOK_UP = "look_up"
    REVEAL = "reveal"


class PersonQuotaSpent(Problem):
    """Too many people were looked for, or values seen, today (`kind`); `holder` may do so `limit` times."""

    code = "person-quota-spent"
    status = 429
    retry_after_s = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many a day in China: for one member of staff, and for their hospital."""

    kind: QuotaKind
    per_staff: int
    per_hospital: int


async def spend_quota(
    db: AsyncSession, *, quota: Quota, hospital_id: int, staff_id: UUID, now: datetime
) -> None:
    """Count one for the hospital and for a member of its staff; exact for any number at once.

    Locks the hospital's counter of the day first, then the member's, until the transaction ends. Raises
    `PersonQuotaSpent`, which counts nothing.
    """
    await _count(db, quota, hospital_id, holder="hospital", limit=quota.per_hospital, now=now)
    await _count(db, quota, hospital_id, holder=f"staff:{staff_id}", limit=quota.per_staff, now=now)


async def _count(
    db: AsyncSession, quota: Quota, hospital_id: int, *, holder: str, limit: int, now: datetime
) -> None:
    first = insert(PersonQuota).values(
        hospital_id=hospital_id, day=local_date(now), kind=quota.kind.value, holder=holder, count=1
    )
    counted = await db.scalar(
        first.on_conflict_do_update(
            constraint="person_quota_pkey",
            set_={"count": PersonQuota.count + 1},
            where=PersonQuota.count < limit,
        ).returning(PersonQuota.count)
    )
    if counted is None:
        raise PersonQuotaSpent(
            kind=quota.kind.value,
            holder="hospital" if holder == "hospital" else "staff",
            limit=limit,
            retry_after_s=_until_tomorrow_s(now),
        )


def look_up_quota(settings: Settings) -> Quota:
    """How many look-ups of people not known to a hospital there may be in a day."""
    return Quota(
        kind=QuotaKind.LOOK_UP,
        per_staff=settings.look_ups_per_staff,
        per_hospital=settings.look_ups_per_hospital,
    )


async def note_miss(
    db: AsyncSession, *, hospital_id: int, staff_id: UUID, settings: Settings, now: datetime
) -> None:
    """Count an enrolment that was refused since the document is known under another name, and record it.

    Raises `PersonQuotaSpent`.
    """
    quota = look_up_quota(settings)
    await spend_quota(db, quota=quota, hospital_id=hospital_id, staff_id=staff_id, now=now)
    await record(
        db,
        AuditEntry(
            hospital_id=hospital_id,
            actor=f"staff:{staff_id}",
            action="person.miss",
            subject=f"hospital:{hospital_id}",
        ),
    )


async def note_look_up(
    db: AsyncSession,
    *,
    hospital_id: int,
    staff_id: UUID,
    number: str,
    has_found: bool,
    key_ring: KeyRing,
    now: datetime,
) -> None:
    """Remember a look-up that `return_look_ups` gives back.

    One that found somebody by their phone stays counted: an enrolment of anybody could name that phone.
    """
    if has_found and not proves_person(number):
        return
    row = insert(PersonLookUp).values(
        hospital_id=hospital_id,
        day=local_date(now),
        staff_id=staff_id,
        sought=look_up_index(key_ring, number),
    )
    await db.execute(row.on_conflict_do_nothing())


async def return_look_ups(
    db: AsyncSession,
    *,
    hospital_id: int,
    staff_id: UUID,
    numbers: Collection[str],
    key_ring: KeyRing,
    now: datetime,
) -> None:
    """Give back the look-ups of today that ended with this very person enrolled, each once.

    The first of the day stays counted.
    """
    today = local_date(now)
    done = await db.execute(
        delete(PersonLookUp).where(
            PersonLookUp.hospital_id == hospital_id,
            PersonLookUp.day == today,
            PersonLookUp.staff_id == staff_id,
            PersonLookUp.sought.in_([look_up_index(key_ring, number) for number in numbers]),
        )
    )
    if not (count := affected(done)):
        return
    for holder in ("hospital", f"staff:{staff_id}"):  # in the order of `spend_quota`
        await db.execute(
            update(PersonQuota)
            .where(
                PersonQuota.hospital_id == hospital_id,
                PersonQuota.day == today,
                PersonQuota.kind == QuotaKind.LOOK_UP.value,
                PersonQuota.holder == holder,
            )
            .values(count=func.greatest(PersonQuota.count - count, 1))
            .execution_options(synchronize_session=False)
        )


def _until_tomorrow_s(now: datetime) -> int:
    tomorrow = datetime.combine(local_date(now) + timedelta(days=1), time(), CHINA)
    return max(1, round((tomorrow - now).total_seconds()))


async def forget_old_quotas(db: AsyncSession, *, now: datetime) -> None:
    """Delete the counters of days long over, and what was looked for before today."""
    await db.execute(delete(PersonLookUp).where(PersonLookUp.day < local_date(now)))
    await db.execute(delete(PersonQuota).where(PersonQuota.day < local_date(now - _KEEP)))
