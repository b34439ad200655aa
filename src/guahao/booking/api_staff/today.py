"""Routes of the page that staff begin their day with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from guahao.booking.queries import today as queries
from guahao.booking.queries.today import DayBookings, Need, NeedKind, SilentHospital
from guahao.catalog.queries import hospitals_by_ids
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AppSettings, Db, Now, problems
from guahao.kernel.ids import DIRECTORY, parse_hospital_id
from guahao.kernel.settings import Environment
from guahao.scheduling.queries.holidays import kept_on_holidays
from guahao.scheduling.queries.outlook import Fill, LowSession, Outlook, Release, next_release, outlook

router = APIRouter()

Anybody = Annotated[StaffRef, Depends(staff(Permission.VIEW_CATALOG))]

SEEN_BY: dict[NeedKind, set[Permission]] = {
    NeedKind.DEAD_LETTERS: {Permission.VIEW_EVENTS},
    NeedKind.FINANCE_CASES: {Permission.VIEW_BOOKS},
    NeedKind.REFUNDS_WAITING: {Permission.MANAGE_MONEY},
    NeedKind.FEE_CHANGES_WAITING: {Permission.APPROVE_FEE},
    NeedKind.UNVERIFIED_PATIENTS: {Permission.BOOK_FOR_PATIENT},
    NeedKind.DUPLICATE_PERSONS: {Permission.BOOK_FOR_PATIENT},
    NeedKind.LOW_PLACES: {Permission.EDIT_SCHEDULE},
    NeedKind.CLOSED_BOOKED: {Permission.EDIT_SCHEDULE, Permission.BOOK_FOR_PATIENT},
    NeedKind.HOLIDAY_SESSIONS: {Permission.EDIT_SCHEDULE},
    NeedKind.HOLIDAYS_UNKNOWN: {Permission.EDIT_SCHEDULE},
    NeedKind.NO_RELEASE: {Permission.CREATE_HOSPITAL},
    NeedKind.LOGIN_BURST: {Permission.MANAGE_STAFF},
    NeedKind.REQUEST_BURST: {Permission.MANAGE_STAFF},
    NeedKind.SIGNATURE_BURST: {Permission.VIEW_EVENTS},
    NeedKind.ONE_ADDRESS: {Permission.VIEW_EVENTS},
}
"""A need is told to those who can do something about it."""


class BookingsOut(BaseModel):
    """Bookings made, hour by hour: today and on the same weekday last week."""

    today: DayBookings
    last_week: DayBookings


class LowPlacesOut(BaseModel):
    """Departments of whose next seven days nothing can be booked, and sessions nearly full."""

    departments: list[Fill]
    sessions: list[LowSession]


class TodayOut(BaseModel):
    """A hospital's day; what the caller may not see is null."""

    as_of: datetime
    needs: list[Need]
    bookings_by_hour: BookingsOut | None = Field(description="For who may see bookings")
    fill_by_department: list[Fill] | None = Field(
        description="Of the next seven days, for who may see schedules"
    )
    low_places: LowPlacesOut | None = Field(description="For who may see schedules")
    next_release: Release | None = Field(
        description="For who may see schedules; also null when none is planned"
    )


class SilentHospitalOut(BaseModel):
    """An open hospital with nothing to go on sale; `last_release_at` is null when there never was any."""

    hospital_id: str
    name: str
    last_release_at: datetime | None

    @classmethod
    def of(cls, found: SilentHospital) -> SilentHospitalOut:
        """Show one."""
        return cls(hospital_id=str(found.hospital_id), name=found.name, last_release_at=found.last_release_at)


class PlatformTodayOut(BaseModel):
    """The platform's day."""

    as_of: datetime
    needs: list[Need]
    hospitals_without_release: list[SilentHospitalOut]


def _kinds(who: StaffRef) -> set[NeedKind]:
    return {kind for kind, permissions in SEEN_BY.items() if permissions & who.permissions}


@router.get("/hospitals/{hospital_id}/today", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def show_today(hospital_id: str, db: Db, who: Anybody, now: Now) -> TodayOut:
    """What needs a person now in a hospital and how its day goes, as far as the caller may see it."""
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    if id_ not in await hospitals_by_ids(db, {id_}):
        raise NotFound
    needs = await queries.needs_of_hospital(db, hospital_id=id_, kinds=_kinds(who))
    seen = await outlook(db, hospital_id=id_, now=now) if _sees_schedules(who) else None
    if seen is not None and seen.without_places and NeedKind.LOW_PLACES in _kinds(who):
        needs.append(Need(kind=NeedKind.LOW_PLACES, count=len(seen.without_places)))
    if NeedKind.HOLIDAY_SESSIONS in _kinds(who):
        kept = await kept_on_holidays(db, hospital_id=id_, now=now)
        needs += [Need(kind=NeedKind.HOLIDAY_SESSIONS, count=kept)] if kept else []
    return TodayOut(
        as_of=now,
        needs=needs,
        bookings_by_hour=await _bookings(db, who, id_, now),
        fill_by_department=None if seen is None else list(seen.fill),
        low_places=None if seen is None else _low_places(seen),
        next_release=None if seen is None else await next_release(db, hospital_id=id_, now=now),
    )


def _sees_schedules(who: StaffRef) -> bool:
    """Whether the whole hospital's schedule is seen; a doctor reads the own sessions of the day instead."""
    return Permission.VIEW_SCHEDULE in who.permissions and who.own_doctor(Permission.VIEW_SCHEDULE) is None


def _low_places(seen: Outlook) -> LowPlacesOut:
    return LowPlacesOut(departments=list(seen.without_places), sessions=list(seen.nearly_full))


async def _bookings(db: Db, who: StaffRef, hospital_id: int, now: datetime) -> BookingsOut | None:
    sees_all = who.own_doctor(Permission.VIEW_APPOINTMENTS) is None
    if Permission.VIEW_APPOINTMENTS not in who.permissions or not sees_all:
        return None
    today, last_week = await queries.bookings_by_hour(db, hospital_id=hospital_id, now=now)
    return BookingsOut(today=today, last_week=last_week)


@router.get("/platform/today", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def show_platform(db: Db, who: Anybody, settings: AppSettings, now: Now) -> PlatformTodayOut:
    """What needs the people of the platform now; for those of a hospital there is no such thing."""
    who.require(DIRECTORY)
    kinds = _kinds(who)
    if settings.environment is Environment.DEMO:  # where everybody sits at one machine
        kinds -= {NeedKind.ONE_ADDRESS}
    needs = await queries.needs_of_platform(db, kinds=kinds)
    silent = await queries.hospitals_without_release(db, now=now)
    if silent and NeedKind.NO_RELEASE in kinds:
        needs.append(Need(kind=NeedKind.NO_RELEASE, count=len(silent)))
    return PlatformTodayOut(
        as_of=now,
        needs=needs,
        hospitals_without_release=[SilentHospitalOut.of(one) for one in silent],
    )
