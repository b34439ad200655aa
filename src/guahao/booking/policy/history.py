"""What the rules must know of a person's other appointments."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from guahao.booking.models import AppointmentState

UNPAID_COUNTS_FOR = timedelta(days=1)
MOVES_COUNT_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One appointment that is alive or was made within thirty days; moving it keeps `made_at`."""

    appointment_id: UUID
    hospital_id: int
    session_id: UUID
    department_id: UUID
    date: dt.date
    starts_at: datetime
    ends_at: datetime
    state: AppointmentState
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a person holds and has booked lately, and until when they are blocked at this hospital.

    `unpaid_at` are the moments of the last day at which a hold of theirs ended unpaid here, `moved_at` those
    at which they moved a booking online here without need, newest first; only a move asks for those.
    """

    standing: tuple[Standing, ...] = ()
    unpaid_at: tuple[datetime, ...] = ()
    moved_at: tuple[datetime, ...] = ()
    blocked_until: datetime | None = None
