"""Whether the catalogue closes sessions: asked of sessions to be made, counted of those that are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Date,
    DateTime,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    null,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.scheduling.models import ClinicSession, ClosedBy, SessionState, Slot


class SessionPlace(Protocol):
    """Where, when and by whom a session is held, as far as the catalogue can close it."""

    @property
    def campus_id(self) -> UUID:
        """The campus."""
        ...

    @property
    def department_id(self) -> UUID:
        """The department."""
        ...

    @property
    def doctor_id(self) -> UUID:
        """The doctor."""
        ...

    @property
    def level(self) -> str:
        """The level that decides the fee."""
        ...

    @property
    def own_level(self) -> bool:
        """Whether somebody chose the level knowing that it is not the doctor's."""
        ...

    @property
    def template_id(self) -> UUID | None:
        """The weekly template, if one gives it."""
        ...

    @property
    def date(self) -> dt.date:
        """The local day."""
        ...


_ARRAYS = {
    "number": Integer,
    "campus_id": Uuid,
    "department_id": Uuid,
    "doctor_id": Uuid,
    "level": Text,
    "own_level": Boolean,
    "template_id": Uuid,
    "date": Date,
}
_place = (
    func.unnest(*[bindparam(f"{name}s", type_=ARRAY(kind())) for name, kind in _ARRAYS.items()])
    .table_valued(*[column(name, kind()) for name, kind in _ARRAYS.items()])
    .render_derived(name="place")
)
_JUDGED = select(
    _place.c.number,
    func.session_closed_by(
        bindparam("hospital_id", type_=Integer()),
        _place.c.campus_id,
        _place.c.department_id,
        _place.c.doctor_id,
        _place.c.level,
        _place.c.own_level,
        _place.c.template_id,
        _place.c.date,
    ).label("code"),
).order_by(_place.c.number)


async def closed_by(
    db: AsyncSession, places: Sequence[SessionPlace], *, hospital_id: int
) -> list[ClosedBy | None]:
    """By what each session of a hospital would be closed at this moment, None where it is open; one read.

    The rule is the database's function `session_closed_by`, by which triggers close what exists.
    """
    if not places:
        return []
    values = {f"{name}s": [getattr(place, name) for place in places] for name in _ARRAYS if name != "number"}
    rows = await db.execute(
        _JUDGED, {**values, "numbers": list(range(len(places))), "hospital_id": hospital_id}
    )
    return [row.code and ClosedBy(row.code) for row in rows]


def people_of_closed(hospital_id: int) -> Select[int, datetime | None]:
    """How many people have a place in coming slots that the catalogue has closed, and nobody suspended."""
    people = func.coalesce(func.sum(Slot.held + Slot.booked), 0).cast(Integer)
    return (
        select(people, null().cast(DateTime(timezone=True)))
        .select_from(Slot)
        .join(
            ClinicSession,
            (ClinicSession.hospital_id == Slot.hospital_id) & (ClinicSession.id == Slot.session_id),
        )
        .where(
            Slot.hospital_id == hospital_id,
            Slot.closed_by.is_not(None),
            Slot.starts_at > func.now(),
            ClinicSession.state == SessionState.PUBLISHED,
        )
    )
