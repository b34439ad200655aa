"""What staff send and see when they plan sessions."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from guahao.catalog.queries import DoctorLevel
from guahao.kernel.errors import Problem
from guahao.kernel.http import Body
from guahao.kernel.value.fields import ClockTime, EndTime, Room, fault, reason_text
from guahao.kernel.value.numbers import DAY, PLACES_OF_SLOT, SLOT_MIN
from guahao.scheduling.models import (
    Bucket,
    ClinicSession,
    ClosedBy,
    Period,
    Slot,
)
from guahao.scheduling.policy.shown import ShownState, shown_state
from guahao.scheduling.service.change_session import SessionEdit
from guahao.scheduling.service.publish import ExtraSession
from guahao.scheduling.service.shape import Shape

Day = Annotated[dt.date, Field(ge=DAY[0], le=DAY[1])]
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=dt.UTC), le=datetime(2199, 12, 31, tzinfo=dt.UTC)),
]
Weekday = Annotated[int, Field(ge=0, le=6, description="Monday is 0")]
SlotMin = Annotated[int, Field(ge=SLOT_MIN[0], le=SLOT_MIN[1], description="Minutes of one slot")]
Places = Annotated[int, Field(ge=PLACES_OF_SLOT[0], le=PLACES_OF_SLOT[1], description="Places of one slot")]
Kept = Annotated[int, Field(ge=0, le=100)]
Reason = Annotated[str, reason_text(least=1)]


class Clinic(Body):
    """Who sees patients where, from when to when."""

    doctor_id: UUID
    department_id: UUID
    campus_id: UUID
    period: Period
    starts: ClockTime
    ends: EndTime
    slot_min: SlotMin
    capacity_per_slot: Places
    room: Room
    level: DoctorLevel
    own_level: Annotated[
        bool, Field(description="Say that the level, which decides the fee, is meant though not the doctor's")
    ] = False

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        check_times(self.starts, self.ends)
        return self


class Refusal(BaseModel):
    """Why something cannot be: a stable code and a sentence; `session_id` names a session in the way."""

    code: str
    title: str
    session_id: str | None = None

    @classmethod
    def of(cls, problem: Problem | None) -> Refusal | None:
        """Show a problem."""
        if problem is None:
            return None
        other = problem.extra.get("session_id")
        return cls(code=problem.code, title=problem.title, session_id=None if other is None else str(other))


class SessionIn(Clinic):
    """A session outside the weekly templates; a draft is not shown until it is published."""

    date: Day
    is_draft: bool = False

    def wanted(self) -> ExtraSession:
        """The session for the service."""
        values = dict(self)
        del values["is_draft"]
        return ExtraSession(**values)


class PoolsIn(Body):
    """Places of a slot kept for each pool; what is not kept or taken is on open sale."""

    desk: Kept
    elderly: Kept
    referral: Kept
    later: Kept


class SlotEdit(Body):
    """A slot's capacity without add-ons, and its pools; a draft's pools follow when it is published."""

    id: UUID
    capacity: Kept
    pools: PoolsIn | None = None


class SessionEditIn(Body):
    """A session as it shall be; slots that are left out stay. `version` is the one you opened."""

    version: Annotated[int, Field(ge=1)]
    room: Room
    release_at: Moment
    slots: Annotated[tuple[SlotEdit, ...], Field(max_length=400)] = ()

    def edit(self) -> SessionEdit:
        """The change for the service."""
        return SessionEdit(
            version=self.version,
            room=self.room,
            release_at=self.release_at,
            slots={slot.id: Shape(capacity=slot.capacity, pools=_pools(slot.pools)) for slot in self.slots},
        )


class SuspendIn(Body):
    """Why a session is suspended; patients see it."""

    reason: Reason


class AddonIn(Body):
    """Places to add to a slot."""

    slot_id: UUID
    places: Annotated[int, Field(ge=1, le=20)]
    reason: Reason


class AddonOut(BaseModel):
    """Add-on places: for which doctor's session, why, by whom, when."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    session_id: UUID
    slot_id: UUID
    doctor_id: UUID
    places: int
    reason: str
    added_by: str
    added_at: datetime


class SlotOut(BaseModel):
    """A slot with every counter: capacity + addons is the sum of the others."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int
    addons: int
    free: int
    held: int
    booked: int
    desk: int
    elderly: int
    referral: int
    later: int
    cooling: int
    frozen: int


class SessionOut(BaseModel):
    """A session as staff see it."""

    id: UUID
    doctor_id: UUID
    department_id: UUID
    campus_id: UUID
    template_id: UUID | None
    room: str
    level: str
    own_level: bool
    date: dt.date
    period: Period
    starts_at: datetime
    ends_at: datetime
    release_at: datetime
    fee_fen: int
    state: ShownState
    closed_by: ClosedBy | None
    suspended_reason: str | None
    version: int
    slots: list[SlotOut]

    @classmethod
    def of(cls, session: ClinicSession, slots: list[Slot], *, now: datetime) -> SessionOut:
        """Show a session with its slots."""
        own = {name: getattr(session, name) for name in cls.model_fields if name not in _OF_SLOTS}
        state = shown_state(session.state, release_at=session.release_at, ends_at=session.ends_at, now=now)
        return cls(
            **own,
            state=state,
            closed_by=slots[0].closed_by if slots else None,
            slots=[SlotOut.model_validate(slot) for slot in slots],
        )


_OF_SLOTS = {"state", "closed_by", "slots"}


class SessionDetail(SessionOut):
    """A session with the names of its doctor, department and campus."""

    doctor_name: str
    department_name: str
    campus_name: str


def _pools(pools: PoolsIn | None) -> dict[Bucket, int] | None:
    return None if pools is None else {Bucket(name): places for name, places in pools}


def check_times(starts: ClockTime, ends: EndTime) -> None:
    """Raise the fault of a day that ends before it starts."""
    if not ends.is_after(starts):
        raise fault("ends_before_start", field="ends", starts=f"{starts:%H:%M}", ends=str(ends))
