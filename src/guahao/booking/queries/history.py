"""What the rules must know of people's other appointments, read for many requests at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Date,
    Integer,
    Uuid,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import (
    Appointment,
    AppointmentEvent,
    AppointmentState,
    BookingBlock,
    CreditEvent,
    CreditKind,
    EventChannel,
)
from guahao.booking.policy import MOVES_COUNT_FOR, UNPAID_COUNTS_FOR, History, Standing
from guahao.kernel.clock import CHINA
from guahao.kernel.db import HotStatement

_APPOINTMENT, _BLOCK, _CREDIT = Appointment.__table__.c, BookingBlock.__table__.c, CreditEvent.__table__.c
_wanted = (
    func.unnest(
        bindparam("hospital_ids", type_=ARRAY(Integer())), bindparam("person_ids", type_=ARRAY(Uuid()))
    )
    .table_valued(column("hospital_id", Integer()), column("person_id", Uuid()))
    .render_derived(name="wanted")
)
_blocked_until = (
    select(func.max(_BLOCK.ends_at))
    .where(
        _BLOCK.hospital_id == _wanted.c.hospital_id,
        _BLOCK.person_id == _wanted.c.person_id,
        _BLOCK.lifted_at.is_(None),
        _BLOCK.starts_at <= func.now(),
        _BLOCK.ends_at > func.now(),
    )
    .correlate(_wanted)
    .scalar_subquery()
)
_unpaid_at = (
    select(func.array_agg(aggregate_order_by(_CREDIT.occurred_at, _CREDIT.occurred_at.desc())))
    .where(
        _CREDIT.hospital_id == _wanted.c.hospital_id,
        _CREDIT.person_id == _wanted.c.person_id,
        _CREDIT.occurred_at > func.now() - UNPAID_COUNTS_FOR,
        _CREDIT.kind == literal_column(f"'{CreditKind.UNPAID.value}'"),
        _CREDIT.voided_at.is_(None),
    )
    .correlate(_wanted)
    .scalar_subquery()
)
_today = cast(func.timezone(CHINA.key, func.now()), Date)
_made_at = func.coalesce(_APPOINTMENT.first_made_at, _APPOINTMENT.created_at)
_HISTORY = HotStatement(
    select(
        _wanted.c.hospital_id.label("asked_hospital_id"),
        _wanted.c.person_id,
        _blocked_until.label("blocked_until"),
        _unpaid_at.label("unpaid_at"),
        _APPOINTMENT.id.label("appointment_id"),
        _APPOINTMENT.hospital_id,
        _APPOINTMENT.session_id,
        _APPOINTMENT.department_id,
        _APPOINTMENT.date,
        _APPOINTMENT.starts_at,
        _APPOINTMENT.ends_at,
        _APPOINTMENT.state,
        _made_at.label("made_at"),
    ).join_from(
        _wanted,
        Appointment.__table__,
        and_(
            _APPOINTMENT.person_id == _wanted.c.person_id,
            _APPOINTMENT.ended_at.is_(None),
            # whatever a limit of a day or of the last days may count, over or not
            or_(_APPOINTMENT.date >= _today, _made_at > func.now() - timedelta(days=30)),
        ),
        isouter=True,
    )
)


async def histories(
    db: AsyncSession, people: Collection[tuple[int, UUID]]
) -> dict[tuple[int, UUID], History]:
    """Read the histories of (hospital, person) pairs in one round trip."""
    pairs = sorted(set(people))
    rows = await _HISTORY.rows(
        db,
        {"hospital_ids": [pair[0] for pair in pairs], "person_ids": [pair[1] for pair in pairs]},
    )
    standing: dict[tuple[int, UUID], list[Standing]] = {pair: [] for pair in pairs}
    blocked = dict.fromkeys(pairs)
    unpaid: dict[tuple[int, UUID], tuple[datetime, ...]] = dict.fromkeys(pairs, ())
    for row in rows:
        pair = (row.asked_hospital_id, row.person_id)
        blocked[pair] = row.blocked_until
        unpaid[pair] = tuple(row.unpaid_at or ())
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
                    state=AppointmentState(row.state),
                    made_at=row.made_at,
                )
            )
    return {
        pair: History(standing=tuple(standing[pair]), unpaid_at=unpaid[pair], blocked_until=blocked[pair])
        for pair in pairs
    }


async def moves_lately(db: AsyncSession, *, hospital_id: int, person_id: UUID) -> tuple[datetime, ...]:
    """When a person moved bookings online at a hospital within the last day, newest first.

    Out of a suspended session, or at the desk, they did not do it themself.
    """
    rows = await db.scalars(
        select(AppointmentEvent.occurred_at)
        .join(
            Appointment,
            (Appointment.hospital_id == AppointmentEvent.hospital_id)
            & (Appointment.id == AppointmentEvent.appointment_id),
        )
        .where(Appointment.person_id == person_id, Appointment.hospital_id == hospital_id)
        .where(Appointment.ended_at > func.now() - MOVES_COUNT_FOR)
        .where(AppointmentEvent.to_state == AppointmentState.RESCHEDULED)
        .where(AppointmentEvent.from_state == AppointmentState.BOOKED)
        .where(AppointmentEvent.channel == EventChannel.ONLINE)
        .order_by(AppointmentEvent.occurred_at.desc())
    )
    return tuple(rows)
