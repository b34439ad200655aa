"""Where a scanned code leads: a hospital, a department, a doctor, or a room with those who sit in it."""

from __future__ import annotations

import datetime as dt
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import DoctorLevel, doctors_by_ids, rules_of
from guahao.catalog.queries.lists import (
    department_for_patients,
    doctor_for_patients,
    hospital_for_patients,
)
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AppSettings, Db, Now, problems
from guahao.scheduling.api_patient.board import TheBoard
from guahao.scheduling.policy.scene import Scene, SceneKind, read_scene
from guahao.scheduling.queries.days import DayState, day_state
from guahao.scheduling.queries.directory import HospitalNames
from guahao.scheduling.queries.rooms import Room, room_of
from guahao.scheduling.queries.states import Period

router = APIRouter()


class NamedPart(BaseModel):
    """Something with a name."""

    id: str
    name: str


class CampusPart(NamedPart):
    """Where the room is."""

    address: str


class SittingDoctor(NamedPart):
    """Who sits in the room."""

    title: str
    level: DoctorLevel


class RoomSession(BaseModel):
    """One session in the room; `state` is the word that a department's list has for it."""

    id: str
    date: dt.date
    period: Period
    starts_at: datetime
    ends_at: datetime
    state: DayState
    release_at: datetime
    fee_fen: int
    free: int
    doctor: SittingDoctor
    department: NamedPart


class RoomPart(BaseModel):
    """A room with its sessions of today and the next 14 days that are not over, by time."""

    hospital: NamedPart
    campus: CampusPart
    name: str
    sessions: list[RoomSession]


class SceneOut(BaseModel):
    """What a code leads to; the `id` of a room is that of its campus, and only a room has `room`."""

    kind: SceneKind
    hospital_id: str
    id: str
    name: str
    room: RoomPart | None = None


@router.get("/scenes/{scene}", responses=problems(NotFound))
async def open_scene(scene: str, board: TheBoard, db: Db, settings: AppSettings, now: Now) -> SceneOut:
    """Tell where the scene of a scanned code leads."""
    wanted = read_scene(scene)
    if wanted.kind is SceneKind.ROOM:
        names = await board.directory.of(db, wanted.hospital_id)
        return await _room(db, wanted, names, only=settings.single_hospital, now=now)
    id_, name = await _named(db, wanted, only=settings.single_hospital)
    return SceneOut(kind=wanted.kind, hospital_id=str(wanted.hospital_id), id=id_, name=name)


async def _named(db: AsyncSession, wanted: Scene, *, only: str | None) -> tuple[str, str]:
    """Id and name of what is no room. Raises `NotFound`."""
    if wanted.id is None:
        hospital, _ = await hospital_for_patients(db, hospital_id=wanted.hospital_id, single_hospital=only)
        return str(hospital.id), hospital.name
    if wanted.kind is SceneKind.DOCTOR:
        doctor = (await doctor_for_patients(db, doctor_id=wanted.id, single_hospital=only)).doctor
        return str(doctor.id), doctor.name
    view = await department_for_patients(db, department_id=wanted.id, single_hospital=only)
    return str(view.department.id), view.department.name


async def _room(
    db: AsyncSession, wanted: Scene, names: HospitalNames, *, only: str | None, now: datetime
) -> SceneOut:
    assert wanted.id is not None
    assert wanted.room_digest is not None
    campus = names.campuses.get(wanted.id)
    if campus is None:
        raise NotFound
    hospital, _ = await hospital_for_patients(db, hospital_id=wanted.hospital_id, single_hospital=only)
    room = await room_of(
        db, campus_id=campus.id, digest=wanted.room_digest, departments=names.departments.keys(), now=now
    )
    if room is None:
        raise NotFound
    part = RoomPart(
        hospital=NamedPart(id=str(hospital.id), name=hospital.name),
        campus=CampusPart(id=str(campus.id), name=campus.name, address=campus.address),
        name=room.name,
        sessions=await _sessions(db, wanted.hospital_id, room, names, now=now),
    )
    return SceneOut(
        kind=wanted.kind,
        hospital_id=str(wanted.hospital_id),
        id=str(campus.id),
        name=room.name,
        room=part,
    )


async def _sessions(
    db: AsyncSession, hospital_id: int, room: Room, names: HospitalNames, *, now: datetime
) -> list[RoomSession]:
    doctors = await doctors_by_ids(db, {row.doctor_id for row in room.sessions})
    rules = (await rules_of(db, hospital_id=hospital_id, now=now)).rules
    return [
        RoomSession(
            id=str(row.id),
            date=row.date,
            period=row.period,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            state=day_state(row, rules, now=now),
            release_at=row.release_at,
            fee_fen=row.fee_fen,
            free=row.free,
            doctor=SittingDoctor(
                id=str(row.doctor_id),
                name=doctors[row.doctor_id].name,
                title=doctors[row.doctor_id].title,
                level=doctors[row.doctor_id].level,
            ),
            department=NamedPart(id=str(row.department_id), name=names.departments[row.department_id].name),
        )
        for row in room.sessions
    ]
