"""What the rules must know of people's other appointments, read for many requests at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Uuid, and_, bindparam, column, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import ENDED, Appointment, BookingBlock
from guahao.booking.policy import History, Standing

_wanted = (
    func.unnest(
        bindparam("hospital_ids", type_=ARRAY(Integer())), bindparam("person_ids", type_=ARRAY(Uuid()))
    )
    .table_valued(column("hospital_id", Integer()), column("person_id", Uuid()))
    .render_derived(name="wanted")
)
_blocked_until = (
    select(func.max(BookingBlock.ends_at))
    .where(
        BookingBlock.hospital_id == _wanted.c.hospital_id,
        BookingBlock.person_id == _wanted.c.person_id,
        BookingBlock.lifted_at.is_(None),
        BookingBlock.starts_at <= func.now(),
        BookingBlock.ends_at > func.now(),
    )
    .correlate(_wanted)
    .scalar_subquery()
)
_HISTORY = select(
    _wanted.c.hospital_id.label("asked_hospital_id"),
    _wanted.c.person_id,
    _blocked_until.label("blocked_until"),
    Appointment.id.label("appointment_id"),
    Appointment.hospital_id,
    Appointment.session_id,
    Appointment.department_id,
    Appointment.date,
    Appointment.starts_at,
    Appointment.ends_at,
    Appointment.state,
    Appointment.created_at,
).join_from(
    _wanted,
    Appointment,
    and_(
        Appointment.person_id == _wanted.c.person_id,
        Appointment.state.not_in(ENDED),
        or_(Appointment.ends_at > func.now(), Appointment.created_at > func.now() - timedelta(days=30)),
    ),
    isouter=True,
)


async def histories(
    db: AsyncSession, people: Collection[tuple[int, UUID]]
) -> dict[tuple[int, UUID], History]:
    """Read the histories of (hospital, person) pairs in one round trip."""
    pairs = sorted(set(people))
    rows = await db.execute(
        _HISTORY,
        {"hospital_ids": [pair[0] for pair in pairs], "person_ids": [pair[1] for pair in pairs]},
    )
    standing: dict[tuple[int, UUID], list[Standing]] = {pair: [] for pair in pairs}
    blocked = dict.fromkeys(pairs)
    for row in rows:
        pair = (row.asked_hospital_id, row.person_id)
        blocked[pair] = row.blocked_until
        if row.appointment_id is not None:
            standing[pair].append(
                Standing(
                    appointment_id=row.appointment_id,
                    hospital_id=row.hospital_id,
                    session_id=row.session_id,
                    department_id=row.department_id,
                    date=row.date,
                    starts_at=row.starts_at,
                    ends_at=row.ends_at,
                    state=row.state,
                    created_at=row.created_at,
                )
            )
    return {pair: History(standing=tuple(standing[pair]), blocked_until=blocked[pair]) for pair in pairs}
