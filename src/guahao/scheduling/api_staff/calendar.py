"""The calendar of those who plan."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Response

from guahao.identity.service.recognition import NO_DOCTOR
from guahao.kernel.errors import Invalid
from guahao.kernel.http import Db, Now, problems
from guahao.scheduling.api_patient.board import RangeTooLong
from guahao.scheduling.api_staff.plan import SEEN, Viewer, own, own_doctor
from guahao.scheduling.api_staff.schemas import Day
from guahao.scheduling.queries.calendar import Calendar, calendar

router = APIRouter()

MOST_DAYS = 42
"""Six weeks: a month with the ends of its first and last week."""

_encode = msgspec.json.Encoder().encode


@router.get(
    "/hospitals/{hospital_id}/calendar",
    response_model=Calendar,
    responses=problems(*SEEN, Invalid, RangeTooLong),
)
async def show_calendar(
    hospital_id: str,
    db: Db,
    who: Viewer,
    now: Now,
    since: Annotated[Day, Query(alias="from")],
    until: Annotated[Day, Query(alias="to")],
    department_id: Annotated[UUID | None, Query()] = None,
    doctor_id: Annotated[UUID | None, Query()] = None,
) -> Response:
    """Doctors by days with every session and how full it is; both days included, at most 42.

    A doctor sees the own line alone.
    """
    id_ = own(who, hospital_id)
    if not 0 <= (until - since).days < MOST_DAYS:
        raise RangeTooLong(days=MOST_DAYS)
    only = own_doctor(who)
    found = await calendar(
        db,
        hospital_id=id_,
        since=since,
        until=until,
        department_id=department_id,
        doctor_id=doctor_id if only is None else _own(only, doctor_id),
        now=now,
    )
    return Response(_encode(found), media_type="application/json")


def _own(only: UUID, doctor_id: UUID | None) -> UUID:
    """The doctor that is read: the caller, and nobody when another one is asked for."""
    return only if doctor_id in {None, only} else NO_DOCTOR
