"""Dated sessions: seen by day, added, published, suspended, resumed, given add-on places."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from guahao.catalog.queries import campuses_by_ids, departments_by_ids, doctors_by_ids
from guahao.catalog.service.conflict import EditConflict
from guahao.identity.access import Permission, StaffRef, staff
from guahao.kernel.http import Db, Now, Once, Page, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import hospital_of, parse_id
from guahao.scheduling.api_staff.plan import EDITED, SEEN, Planner, Viewer, own, own_doctor
from guahao.scheduling.api_staff.schemas import (
    AddonIn,
    AddonOut,
    Day,
    SessionDetail,
    SessionEditIn,
    SessionIn,
    SessionOut,
    SuspendIn,
)
from guahao.scheduling.policy.refusals import (
    CLOSED,
    DoctorBusy,
    FeeMissing,
    PlacesTaken,
    ReleaseAfterStart,
    RoomBusy,
    SessionInPast,
    SessionReleased,
    SessionStateConflict,
)
from guahao.scheduling.queries.lists import addons_of, session_with_slots, sessions_of_day
from guahao.scheduling.service.addon import AddonLimitReached, SlotOver, add_places
from guahao.scheduling.service.change_session import change_session
from guahao.scheduling.service.publish import add_session, publish_session
from guahao.scheduling.service.suspend import resume, suspend

router = APIRouter()

Suspender = Annotated[StaffRef, Depends(staff(Permission.SUSPEND_SESSION))]
Adder = Annotated[StaffRef, Depends(staff(Permission.ADD_PLACES))]


def _session(who: StaffRef, session_id: str) -> UUID:
    id_ = parse_id(session_id)
    who.require(hospital_of(id_))
    return id_


async def _own_session(db: Db, who: StaffRef, session_id: str, permission: Permission) -> UUID:
    """The id of a session of the caller's hospital, for a doctor one of their own. Raises `NotFound`."""
    id_ = _session(who, session_id)
    if who.own_doctor(permission) is not None:
        session, _ = await session_with_slots(db, id_)
        who.require_doctor(session.doctor_id, permission)
    return id_


async def _out(db: Db, session_id: UUID, now: Now) -> SessionDetail:
    session, slots = await session_with_slots(db, session_id)
    doctors = await doctors_by_ids(db, [session.doctor_id])
    departments = await departments_by_ids(db, [session.department_id])
    campuses = await campuses_by_ids(db, [session.campus_id])
    return SessionDetail(
        **dict(SessionOut.of(session, slots, now=now)),
        doctor_name=doctors[session.doctor_id].name,
        department_name=departments[session.department_id].name,
        campus_name=campuses[session.campus_id].name,
    )


@router.get("/hospitals/{hospital_id}/sessions", responses=problems(*SEEN))
async def list_sessions(
    hospital_id: str,
    db: Db,
    who: Viewer,
    now: Now,
    date: Annotated[Day, Query()],
    department_id: Annotated[UUID | None, Query()] = None,
) -> Page[SessionOut]:
    """A hospital's sessions of one day in any state, drafts included, with every counter of their slots.

    A doctor sees their own alone.
    """
    found = await sessions_of_day(
        db,
        hospital_id=own(who, hospital_id),
        day=date,
        department_id=department_id,
        doctor_id=own_doctor(who),
    )
    return Page(items=[SessionOut.of(session, slots, now=now) for session, slots in found])


@router.post(
    "/hospitals/{hospital_id}/sessions",
    status_code=201,
    responses=problems(*EDITED, DoctorBusy, RoomBusy, FeeMissing, SessionInPast, *CLOSED.values()),
)
async def create_session(hospital_id: str, body: SessionIn, db: Db, who: Planner, now: Now) -> SessionDetail:
    """Add a session that no template gives, on sale by the hospital's release rule or as a draft."""
    session = await add_session(
        db,
        body.wanted(),
        hospital_id=own(who, hospital_id),
        is_draft=body.is_draft,
        by=f"staff:{who.id}",
        now=now,
    )
    return await _out(db, session.id, now)


@router.get("/sessions/{session_id}", responses=problems(*SEEN))
async def show_session(session_id: str, db: Db, who: Viewer, now: Now) -> SessionDetail:
    """One session with every counter of its slots."""
    return await _out(db, await _own_session(db, who, session_id, Permission.VIEW_SCHEDULE), now)


@router.put(
    "/sessions/{session_id}",
    responses=problems(
        *EDITED,
        EditConflict,
        SessionStateConflict,
        SessionReleased,
        ReleaseAfterStart,
        PlacesTaken,
        RoomBusy,
    ),
)
async def edit_session(session_id: str, body: SessionEditIn, db: Db, who: Planner, now: Now) -> SessionDetail:
    """Change a session's room, release, places and pools, never below what is taken.

    What its template would make of it later no longer reaches it.
    """
    id_ = _session(who, session_id)
    await change_session(db, id_, body.edit(), by=f"staff:{who.id}", now=now)
    return await _out(db, id_, now)


@router.post(
    "/sessions/{session_id}/publish",
    responses=problems(*SEEN, SessionStateConflict, SessionInPast, *CLOSED.values()),
)
async def publish_draft(session_id: str, db: Db, who: Planner, now: Now) -> SessionDetail:
    """Put a draft on sale; a published session stays as it is."""
    id_ = _session(who, session_id)
    await publish_session(db, id_, by=f"staff:{who.id}", now=now)
    return await _out(db, id_, now)


@router.post("/sessions/{session_id}/suspend", responses=problems(*EDITED, SessionStateConflict))
async def suspend_session(
    session_id: str, body: SuspendIn, db: Db, who: Suspender, now: Now
) -> SessionDetail:
    """Take a session off sale (停诊); its patients are told. Doing it twice changes nothing."""
    id_ = _session(who, session_id)
    await suspend(db, id_, reason=body.reason, by=f"staff:{who.id}")
    return await _out(db, id_, now)


@router.post(
    "/sessions/{session_id}/resume", responses=problems(*SEEN, SessionStateConflict, DoctorBusy, RoomBusy)
)
async def resume_session(session_id: str, db: Db, who: Suspender, now: Now) -> SessionDetail:
    """Put a suspended session back on sale. Doing it twice changes nothing."""
    id_ = _session(who, session_id)
    await resume(db, id_, by=f"staff:{who.id}")
    return await _out(db, id_, now)


@router.get("/sessions/{session_id}/addons", responses=problems(*SEEN))
async def list_addons(session_id: str, db: Db, who: Viewer) -> Page[AddonOut]:
    """A session's add-on places: who allowed them, when and why."""
    rows = await addons_of(db, await _own_session(db, who, session_id, Permission.VIEW_SCHEDULE))
    return Page(items=[AddonOut.model_validate(row) for row in rows])


@router.post(
    "/sessions/{session_id}/addons",
    status_code=201,
    response_model=AddonOut,
    responses=problems(
        *EDITED,
        SessionStateConflict,
        AddonLimitReached,
        SlotOver,
        *CLOSED.values(),
        RequestInProgress,
        IdempotencyKeyReused,
    ),
)
async def create_addon(session_id: str, body: AddonIn, db: Db, who: Adder, once: Once, now: Now) -> Response:
    """Add places to a slot for the desk to give out (加号); with an Idempotency-Key only once."""
    id_ = await _own_session(db, who, session_id, Permission.ADD_PLACES)
    claim = await once.claim(db, owner=f"staff:{who.id}")
    made = await add_places(
        db,
        body.slot_id,
        session_id=id_,
        places=body.places,
        reason=body.reason,
        by=f"staff:{who.id}",
        now=now,
    )
    return await claim.answer(AddonOut.model_validate(made), status=201)
