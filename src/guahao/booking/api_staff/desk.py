"""Routes of the desk: who stands at the counter, and which places the day still has."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking.api_staff.access import Booker, Viewer, own_doctor
from guahao.booking.api_staff.sought import sealed
from guahao.booking.queries.bookings import people_known_here, people_who_booked
from guahao.catalog.queries import (
    campuses_by_ids,
    departments_by_ids,
    doctors_by_ids,
    rules_of,
    spelled,
    spellings_of_person,
)
from guahao.identity.access import NotLoggedIn, PermissionMissing, StaffRef
from guahao.identity.queries.people import (
    DocumentType,
    FoundPeople,
    FoundPerson,
    enrolled_at,
    people_anywhere,
)
from guahao.identity.service.person_quota import PersonQuotaSpent, look_up_quota, note_look_up, spend_quota
from guahao.kernel.clock import age_on, local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AppSettings, Body, Db, Keys, Now, problems
from guahao.kernel.sex import Sex
from guahao.kernel.value.fields import SearchText, reason_text
from guahao.kernel.value.search import search_form
from guahao.scheduling.queries.desk import DeskSession, DeskSlot, desk_sessions
from guahao.scheduling.queries.states import Period

router = APIRouter()

_HospitalId = Annotated[int, Query(ge=1, le=16_777_215)]
_PROBLEMS = problems(NotLoggedIn, PermissionMissing, NotFound)


class PersonSearchIn(Body):
    """A whole name, phone or document number; it stays out of addresses and logs."""

    hospital_id: Annotated[int, Field(ge=1, le=16_777_215)]
    text: SearchText


class PersonOut(BaseModel):
    """A person, masked; `patient_id` is whom the desk books for, null until enrolled at a desk."""

    person_id: str
    patient_id: str | None
    name: str
    phone: str | None
    document_type: DocumentType
    document_number: str
    birth_date: dt.date
    age_years: int
    sex: Sex

    @classmethod
    def of(cls, found: FoundPerson, today: dt.date) -> PersonOut:
        """Show a person as of today."""
        return cls(
            person_id=str(found.person_id),
            patient_id=str(found.patient_id) if found.patient_id else None,
            name=found.name,
            phone=found.phone,
            document_type=found.document_type,
            document_number=found.document_number,
            birth_date=found.birth_date,
            age_years=age_on(today, birth_date=found.birth_date),
            sex=found.sex,
        )


class PeopleOut(BaseModel):
    """Who was found, at most 20; `has_more` says that there are others."""

    items: list[PersonOut]
    has_more: bool


class BookedPeopleOut(PeopleOut):
    """Who was found, at most 20; the list of bookings takes `sought` for the bookings of all of them."""

    sought: str


@router.post("/appointments/people", responses=_PROBLEMS)
async def find_people_with_bookings(
    body: PersonSearchIn, db: Db, keys: Keys, who: Viewer, now: Now
) -> BookedPeopleOut:
    """The people with this very name, phone or document number who ever booked at the hospital."""
    who.require(body.hospital_id)
    found = await people_who_booked(
        db, hospital_id=body.hospital_id, doctor_id=own_doctor(who), text=body.text, key_ring=keys
    )
    return BookedPeopleOut(
        items=[PersonOut.of(one, local_date(now)) for one in found.people],
        has_more=found.has_more,
        sought=sealed(body.text, hospital_id=body.hospital_id, keys=keys),
    )


class DeskSearchIn(PersonSearchIn):
    """A whole phone or document number; with a `reason` also of people whom other hospitals enrolled."""

    reason: Annotated[str, reason_text(least=4)] | None = None


@router.post("/desk/people", responses=problems(NotLoggedIn, PermissionMissing, NotFound, PersonQuotaSpent))
async def find_person_at_desk(
    body: DeskSearchIn, db: Db, keys: Keys, who: Booker, settings: AppSettings, now: Now
) -> PeopleOut:
    """The people enrolled or booked here whose document number or phone is exactly this.

    Whoever is not known here is looked for elsewhere when a reason is given. Such a look-up, and one that
    finds nobody, counts towards the day's quota and is in the trail of both hospitals. What it finds is
    masked and cannot be booked for: the person is enrolled here first, document in hand.
    """
    who.require(body.hospital_id)
    found = await people_known_here(db, hospital_id=body.hospital_id, text=body.text, key_ring=keys)
    if not found.people:
        await spend_quota(
            db,
            quota=look_up_quota(settings),
            hospital_id=body.hospital_id,
            staff_id=who.id,
            now=now,
        )
        found = await _elsewhere(db, body, keys)
        await note_look_up(
            db,
            hospital_id=body.hospital_id,
            staff_id=who.id,
            number=body.text,
            has_found=bool(found.people),
            key_ring=keys,
            now=now,
        )
    await record(db, *await _look_up_entries(db, body, who, found))
    return PeopleOut(
        items=[PersonOut.of(person, local_date(now)) for person in found.people], has_more=found.has_more
    )


async def _elsewhere(db: AsyncSession, body: DeskSearchIn, keys: KeyRing) -> FoundPeople:
    if body.reason is None:
        return FoundPeople(people=[], has_more=False)
    return await people_anywhere(db, text=body.text, hospital_id=body.hospital_id, key_ring=keys)


async def _look_up_entries(
    db: AsyncSession, body: DeskSearchIn, who: StaffRef, found: FoundPeople
) -> list[AuditEntry]:
    """Write down who was found by whom, or that nobody was; never what was typed."""
    actor, here = f"staff:{who.id}", body.hospital_id
    reason: dict[str, object] = {} if body.reason is None else {"reason": body.reason}
    if not found.people:
        subject = f"hospital:{here}"
        return [AuditEntry(hospital_id=here, actor=actor, action="person.miss", subject=subject, data=reason)]
    entries = []
    for person in found.people:
        subject = f"person:{person.person_id}"
        entries.append(
            AuditEntry(hospital_id=here, actor=actor, action="person.find", subject=subject, data=reason)
        )
        entries += [
            AuditEntry(
                hospital_id=other,
                actor=actor,
                action="person.find",
                subject=subject,
                data={**reason, "by_hospital": here},
            )
            for other in await enrolled_at(db, person_id=person.person_id)
            if other != here and body.reason is not None
        ]
    return entries


class DeskSlotOut(BaseModel):
    """A slot and what its pools have left; `reason` says why nothing of it can be given out."""

    id: str
    starts_at: datetime
    ends_at: datetime
    free: int
    desk: int
    elderly: int
    referral: int
    reason: str | None

    @classmethod
    def of(cls, slot: DeskSlot) -> DeskSlotOut:
        """Show a slot."""
        return cls(
            id=str(slot.id),
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            free=slot.free,
            desk=slot.desk,
            elderly=slot.elderly,
            referral=slot.referral,
            reason=slot.reason.value if slot.reason else None,
        )


class SpelledPart(BaseModel):
    """A name and how it is typed: in the likeliest reading, and in all the ways that may be meant."""

    id: str
    name: str
    pinyin: str
    initials: str
    readings: tuple[str, ...]

    @classmethod
    def of(cls, id_: object, name: str, *, is_person: bool = False) -> SpelledPart:
        """Spell a name; `readings` are its search form and every pinyin and initials."""
        form = search_form(name)
        ways = spellings_of_person(form) if is_person else (spelled(form),)
        readings = dict.fromkeys((form, *(text for way in ways for text in (way.pinyin, way.initials))))
        return cls(
            id=str(id_),
            name=name,
            pinyin=ways[0].pinyin,
            initials=ways[0].initials,
            readings=tuple(readings),
        )


class DeskSessionOut(BaseModel):
    """A session of the day with its slots in time order."""

    id: str
    department: SpelledPart
    doctor: SpelledPart
    doctor_title: str
    campus: str
    room: str
    level: str
    period: Period
    fee_fen: int
    starts_at: datetime
    ends_at: datetime
    slots: list[DeskSlotOut]


class DeskDayOut(BaseModel):
    """What the desk can give out on a day; `elderly_age_years` is from when on the kept places are theirs."""

    date: dt.date
    elderly_age_years: int
    sessions: list[DeskSessionOut]


@router.get("/desk/slots", responses=_PROBLEMS)
async def list_desk_slots(
    hospital_id: _HospitalId,
    date: Annotated[dt.date, Query(ge=dt.date(2000, 1, 1), le=dt.date(2100, 1, 1))],
    db: Db,
    who: Booker,
    now: Now,
) -> DeskDayOut:
    """Every slot of a day over all departments with what each pool has left, in the order of time."""
    who.require(hospital_id)
    rules = (await rules_of(db, hospital_id=hospital_id, now=now)).rules
    sessions = await desk_sessions(db, hospital_id=hospital_id, day=date, rules=rules, now=now)
    departments = await departments_by_ids(db, {one.department_id for one in sessions})
    doctors = await doctors_by_ids(db, {one.doctor_id for one in sessions})
    campuses = await campuses_by_ids(db, {one.campus_id for one in sessions})
    return DeskDayOut(
        date=date,
        elderly_age_years=rules.elderly_age_years,
        sessions=[
            _session(
                one,
                department=departments[one.department_id].name,
                doctor=doctors[one.doctor_id].name,
                title=doctors[one.doctor_id].title,
                campus=campuses[one.campus_id].name,
            )
            for one in sessions
        ],
    )


def _session(one: DeskSession, *, department: str, doctor: str, title: str, campus: str) -> DeskSessionOut:
    return DeskSessionOut(
        id=str(one.id),
        department=SpelledPart.of(one.department_id, department),
        doctor=SpelledPart.of(one.doctor_id, doctor, is_person=True),
        doctor_title=title,
        campus=campus,
        room=one.room,
        level=one.level,
        period=one.period,
        fee_fen=one.fee_fen,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        slots=[DeskSlotOut.of(slot) for slot in one.slots],
    )
