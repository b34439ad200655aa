"""The one way to change an appointment's state: each change writes its event in the same statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    CTE,
    DateTime,
    Insert,
    Integer,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    column,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.selectable import TableValuedAlias

from guahao.booking.models import (
    ENDED,
    TRANSITIONS,
    Appointment,
    AppointmentEvent,
    AppointmentState,
    EventChannel,
    EventReason,
)
from guahao.kernel.db import BulkInsert, Json, table, together
from guahao.kernel.errors import Problem
from guahao.scheduling.queries.states import Bucket


class AppointmentEnded(Problem):
    """The appointment is over (`state` tells how); nothing can be done with it any more."""

    code = "appointment-ended"
    status = 409


def bucket_of(appointment: Appointment) -> Bucket:
    """The bucket of its slot in which a standing appointment's place is counted."""
    return Bucket.HELD if appointment.state is AppointmentState.HELD else Bucket.BOOKED


class StaleAppointment(Exception):
    """An appointment was changed without its row lock, or in a way that is not foreseen: a defect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of an appointment whose row is locked.

    `actor` is an audit actor. `number` is given when the place becomes the person's, `decide_by` when
    its session is suspended. `data` is what a history shows besides, see `AppointmentEvent`.
    """

    appointment: Appointment
    to: AppointmentState
    reason: EventReason
    actor: str = "system"
    channel: EventChannel = EventChannel.SYSTEM
    number: int | None = None
    decide_by: datetime | None = None
    data: Json = field(default_factory=dict)


FIRST_EVENT_INSERT = BulkInsert(
    AppointmentEvent,
    "hospital_id",
    "appointment_id",
    "seq",
    "to_state",
    "reason",
    "channel",
    "actor",
    "data",
)
"""For the statement that inserts appointments; bind with `first_event_values`."""


def first_event_values(
    appointment: Mapping[str, Any],
    *,
    reason: EventReason,
    channel: EventChannel,
    actor: str,
    data: Json,
) -> dict[str, Any]:
    """The event by which an appointment, given as values of its row, begins."""
    return {
        "hospital_id": appointment["hospital_id"],
        "appointment_id": appointment["id"],
        "seq": 1,
        "to_state": appointment["state"],
        "reason": reason,
        "channel": channel,
        "actor": actor,
        "data": msgspec.json.encode(data).decode(),
    }


_CHANGE_COLUMNS: dict[str, Any] = {
    "hospital_id": Integer(),
    "id": Uuid(),
    "seq": Integer(),
    "from_state": Text(),
    "to_state": Text(),
    "reason": Text(),
    "channel": Text(),
    "actor": Text(),
    "number": Integer(),
    "decide_by": DateTime(timezone=True),
    "data": Text(),
}
_ROW = table(Appointment).c
_NOW = func.statement_timestamp()
"""The database's clock, one moment for all rows of the statement; the rows were locked before it."""


def _changes() -> TableValuedAlias:
    arrays = [bindparam(f"change_{name}", type_=ARRAY(kind)) for name, kind in _CHANGE_COLUMNS.items()]
    columns = [column(name, kind) for name, kind in _CHANGE_COLUMNS.items()]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="change")


def _moved(change: TableValuedAlias) -> CTE:
    has_place = change.c.to_state.in_([AppointmentState.BOOKED.value, AppointmentState.SUSPENDED.value])
    is_over = change.c.to_state.in_([state.value for state in ENDED])
    is_suspended = change.c.to_state == AppointmentState.SUSPENDED.value
    return (
        update(table(Appointment))
        .where(_ROW.hospital_id == change.c.hospital_id, _ROW.id == change.c.id)
        .where(_ROW.event_seq == change.c.seq, cast(_ROW.state, Text) == change.c.from_state)
        .values(
            state=change.c.to_state,
            event_seq=_ROW.event_seq + 1,
            number=func.coalesce(change.c.number, _ROW.number),
            booked_at=case((has_place, func.coalesce(_ROW.booked_at, _NOW)), else_=_ROW.booked_at),
            ended_at=case((is_over, func.coalesce(_ROW.ended_at, _NOW))),
            decide_by=case((is_suspended, func.coalesce(change.c.decide_by, _ROW.decide_by))),
        )
        .returning(
            _ROW.hospital_id,
            _ROW.id,
            *(_ROW[name] for name in _CHANGED),
            change.c.from_state,
            change.c.reason,
            change.c.channel,
            change.c.actor,
            cast(change.c.data, JSONB).label("data"),
        )
        .cte("moved")
    )


_CHANGED = ("state", "event_seq", "number", "booked_at", "ended_at", "decide_by")


def _event_insert(moved: CTE) -> Insert:
    columns = {
        "hospital_id": moved.c.hospital_id,
        "appointment_id": moved.c.id,
        "seq": moved.c.event_seq,
        "from_state": moved.c.from_state,
        "to_state": moved.c.state,
        "reason": moved.c.reason,
        "channel": moved.c.channel,
        "actor": moved.c.actor,
        "data": moved.c.data,
    }
    return insert(table(AppointmentEvent)).from_select(list(columns), select(*columns.values()))


_MOVED = _moved(_changes())
_TRANSITION = together(
    _event_insert(_MOVED), answer=select(_MOVED.c.id, *(_MOVED.c[name] for name in _CHANGED))
)


async def transition(db: AsyncSession, *transitions: Transition) -> None:
    """Change appointments, each with its event, in one statement; their row locks are held.

    Times are the database's. Raises `AppointmentEnded` for what is over already.
    """
    if not transitions:
        return
    for one in transitions:
        _check(one)
    await db.flush()
    rows = (await db.execute(_TRANSITION, _params(transitions))).all()
    appointments = {one.appointment.id: one.appointment for one in transitions}
    if len(rows) != len(appointments):
        raise StaleAppointment(sorted(set(appointments) - {row.id for row in rows}))
    for row in rows:
        for name in _CHANGED:
            set_committed_value(appointments[row.id], name, getattr(row, name))


def _check(one: Transition) -> None:
    before = one.appointment.state
    if (before, one.to) in TRANSITIONS[one.reason]:
        return
    if before in ENDED:
        raise AppointmentEnded(state=before.value)
    raise StaleAppointment(one.reason, before, one.to)


def _params(transitions: Sequence[Transition]) -> dict[str, list[Any]]:
    rows = [
        (
            one.appointment.hospital_id,
            one.appointment.id,
            one.appointment.event_seq,
            one.appointment.state.value,
            one.to.value,
            one.reason.value,
            one.channel.value,
            one.actor,
            one.number,
            one.decide_by,
            msgspec.json.encode(one.data).decode(),
        )
        for one in transitions
    ]
    return {f"change_{name}": [row[place] for row in rows] for place, name in enumerate(_CHANGE_COLUMNS)}
