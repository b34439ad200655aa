from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.booking.models import Appointment, AppointmentState
from guahao.catalog.models import Department
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.scheduling.models import Bucket, ClinicSession, HolidayRule, Slot
from guahao.scheduling.service.materialise import materialise
from guahao.scheduling.service.templates import upsert_template
from tests.factories.booking import appointment, book, make_booker
from tests.factories.catalog import make_department, staff_headers
from tests.factories.scheduling import Clinic, make_clinic, make_session, slots_of, template_row
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio
STAFF = "/api/v1/staff"
DAYS = 3


class Office:
    """A clinic with one session in which two people booked, and an office that edits its catalogue."""

    def __init__(self, db: AsyncSession, client: httpx.AsyncClient, clinic: Clinic, session: Any) -> None:
        self.db = db
        self.client = client
        self.clinic = clinic
        self.session: ClinicSession = session
        self.headers: dict[str, str] = {}
        self.booked: list[Appointment] = []

    async def get(self, path: str) -> Any:
        return (await self.client.get(f"{STAFF}{path}", headers=self.headers)).json()

    async def item(self, path: str, id_: object) -> dict[str, Any]:
        (found,) = [one for one in (await self.get(path))["items"] if one["id"] == str(id_)]
        return dict(found)

    async def put(self, path: str, body: dict[str, Any], confirm: str | None) -> httpx.Response:
        return await self.send("PUT", path, body, confirm)

    async def send(self, method: str, path: str, body: dict[str, Any], confirm: str | None) -> httpx.Response:
        params = {"confirm": confirm} if confirm else {}
        body = {name: value for name, value in body.items() if name not in {"id", "doctor_name"}}
        return await self.client.request(
            method, f"{STAFF}{path}", json=body, params=params, headers=self.headers
        )


Edit = Callable[[Office, str | None], Awaitable[httpx.Response]]


async def open_office(db: AsyncSession, client: httpx.AsyncClient, *, people: int = 2) -> Office:
    clinic = await make_clinic(db, fee_fen=0)
    weekday = (local_date(utc_now()) + timedelta(days=DAYS)).weekday()
    row = template_row(clinic, weekday=weekday, on_holidays=HolidayRule.OPEN)
    template_id = await upsert_template(db, row, by="system", now=utc_now())
    session = await make_session(
        db, clinic=clinic, fee_fen=0, days=DAYS, slots=2, capacity=5, template_id=template_id
    )
    office = Office(db, client, clinic, session)
    office.headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    slot = (await slots_of(db, session))[0]
    office.booked = [await book(db, await make_booker(db), slot.id) for _ in range(people)]
    await db.commit()
    return office


async def close_hospital(office: Office, confirm: str | None) -> httpx.Response:
    path = f"/hospitals/{office.clinic.hospital_id}"
    return await office.put(path, await office.get(path) | {"state": "closed"}, confirm)


async def close_campus(office: Office, confirm: str | None) -> httpx.Response:
    of = f"/hospitals/{office.clinic.hospital_id}/campuses"
    campus = await office.item(of, office.clinic.campus_id)
    return await office.put(f"/campuses/{campus['id']}", campus | {"is_active": False}, confirm)


async def department_of(office: Office) -> dict[str, Any]:
    of = f"/hospitals/{office.clinic.hospital_id}/departments"
    return await office.item(of, office.clinic.department_id)


async def close_department(office: Office, confirm: str | None) -> httpx.Response:
    department = await department_of(office)
    return await office.put(f"/departments/{department['id']}", department | {"is_active": False}, confirm)


async def move_below_closed(office: Office, confirm: str | None) -> httpx.Response:
    department = await department_of(office)
    of_hospital = Department.hospital_id == office.clinic.hospital_id
    closed = await office.db.scalar(select(Department.id).where(of_hospital, ~Department.is_active))
    if closed is None:
        closed = await make_department(office.db, hospital_id=office.clinic.hospital_id, is_active=False)
        await office.db.commit()
    body = {"version": department["version"], "parent_id": str(closed)}
    return await office.send("POST", f"/departments/{department['id']}/move", body, confirm)


def change_doctor(**values: Any) -> Edit:
    async def edit(office: Office, confirm: str | None) -> httpx.Response:
        path = f"/doctors/{office.clinic.doctor_id}"
        return await office.put(path, await office.get(path) | values, confirm)

    return edit


async def end_template(office: Office, confirm: str | None) -> httpx.Response:
    of = f"/hospitals/{office.clinic.hospital_id}/templates"
    template = await office.item(of, office.session.template_id)
    last = {"valid_until": (local_date(utc_now()) + timedelta(days=1)).isoformat()}
    return await office.put(f"/templates/{template['id']}", template | last, confirm)


async def end_template_by_name(office: Office, confirm: str | None) -> httpx.Response:
    of = f"/hospitals/{office.clinic.hospital_id}/templates"
    template = await office.item(of, office.session.template_id)
    del template["version"]
    last = {"valid_until": (local_date(utc_now()) + timedelta(days=1)).isoformat()}
    return await office.put(of, template | last, confirm)


CLOSING: dict[str, tuple[str, Edit]] = {
    "hospital closed": ("hospital-closed", close_hospital),
    "campus inactive": ("campus-closed", close_campus),
    "department inactive": ("department-closed", close_department),
    "department below an inactive one": ("department-closed", move_below_closed),
    "doctor inactive": ("doctor-inactive", change_doctor(is_active=False)),
    "doctor moved": ("doctor-not-in-department", change_doctor(department_codes=[])),
    "level changed": ("level-differs", change_doctor(level="special")),
    "template ended": ("template-ended", end_template),
    "template ended by its names": ("template-ended", end_template_by_name),
}


async def closed_by(office: Office) -> set[str | None]:
    slots = select(Slot.closed_by).where(Slot.session_id == office.session.id)
    return set(await office.db.scalars(slots.execution_options(populate_existing=True)))


async def entries(office: Office) -> list[dict[str, Any]]:
    wanted = select(AuditEntryRow.data).where(AuditEntryRow.action == "schedule.touch")
    return [dict(data) for data in await office.db.scalars(wanted)]


@pytest.mark.parametrize("way", CLOSING)
async def test_an_edit_tells_whom_it_touches_and_is_saved_when_exactly_that_is_confirmed(
    db: AsyncSession, client: httpx.AsyncClient, way: str
) -> None:
    code, edit = CLOSING[way]
    office = await open_office(db, client)
    day = office.session.date.isoformat()

    told = await edit(office, None)
    before = (await closed_by(office), await entries(office))
    confirmed = await edit(office, told.json()["confirm"])

    assert told.status_code == 409
    assert {name: told.json()[name] for name in ("code", "sessions", "people", "places")} == {
        "code": "edit-touches-sessions",
        "sessions": 1,
        "people": 2,
        "places": 8,
    }
    assert [told.json()["first_day"], told.json()["last_day"]] == [day, day]
    on = f"{office.session.date.month}月{office.session.date.day}日"
    assert told.json()["consequences"] == [
        f"{on}的 1 次出诊不再放号，8 个没有约出的号停止预约。",
        (
            "其中 2 位患者已经预约或正在付款：他们的预约照旧有效，不会自动取消，也不会收到通知；"
            "需要的话请随后办理停诊或替他们改约。"
        ),
    ]
    assert before == ({None}, [])
    assert (confirmed.status_code, await closed_by(office)) == (200, {code})
    assert [(await appointment(db, one.id)).state for one in office.booked] == [AppointmentState.BOOKED] * 2
    assert await entries(office) == [
        {"closed": 1, "withdrawn": 0, "kept": 0, "narrowed": 0, "people": 2, "places": 8}
    ]


@pytest.mark.parametrize("way", CLOSING)
async def test_an_edit_is_told_again_when_somebody_booked_after_the_look(
    db: AsyncSession, client: httpx.AsyncClient, way: str
) -> None:
    _, edit = CLOSING[way]
    office = await open_office(db, client)
    told = await edit(office, None)
    await book(db, await make_booker(db), (await slots_of(db, office.session))[1].id)
    await db.commit()

    again = await edit(office, told.json()["confirm"])
    unchanged = await closed_by(office)
    last = await edit(office, again.json()["confirm"])

    assert [again.status_code, again.json()["people"], again.json()["places"]] == [409, 3, 7]
    assert (unchanged, last.status_code) == ({None}, 200)


async def test_a_booking_that_waits_for_a_confirmed_edit_is_refused_and_one_before_it_is_told(
    db: AsyncSession, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    office = await open_office(db, client)
    confirm = (await close_department(office, None)).json()["confirm"]
    slot = (await slots_of(db, office.session))[1]
    booker = await make_booker(db)
    await db.commit()

    async with transaction(sessions) as booking:
        await book(booking, booker, slot.id)
        edit = asyncio.create_task(close_department(office, confirm))
        await until_somebody_waits(sessions)
    told = await edit

    assert [told.status_code, told.json()["people"]] == [409, 3]
    assert await closed_by(office) == {None}


async def test_an_edit_that_closes_nothing_is_saved_at_once(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    renamed = await change_doctor(title="主任医师")(office, None)
    told = await close_department(office, None)
    await close_department(office, told.json()["confirm"])
    once_more = await close_department(office, None)
    campus_too = await close_campus(office, None)

    assert [answer.status_code for answer in (renamed, once_more, campus_too)] == [200, 200, 200]
    assert await closed_by(office) == {"campus-closed"}


async def test_a_department_that_sees_fewer_people_tells_of_those_who_booked(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    department = await department_of(office)
    path, women = f"/departments/{department['id']}", department | {"sex_limit": "female"}

    told = await office.put(path, women, None)
    confirmed = await office.put(path, women, told.json()["confirm"])
    wider = await office.put(path, confirmed.json() | {"sex_limit": None}, None)

    on = f"{office.session.date.month}月{office.session.date.day}日"
    assert {name: told.json()[name] for name in ("code", "sessions", "people", "places")} == {
        "code": "edit-touches-sessions",
        "sessions": 1,
        "people": 2,
        "places": 0,
    }
    assert told.json()["consequences"] == [
        (
            f"{on}的 1 次出诊改按新的性别和年龄限制接受预约；已经预约或正在付款的 2 位患者照旧有效，"
            "不会自动取消，请核对其中有没有不符合新限制的人。"
        )
    ]
    assert [confirmed.status_code, wider.status_code] == [200, 200]
    assert await closed_by(office) == {None}


async def test_people_of_a_suspended_session_are_not_told_of_again(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    suspended = await client.post(
        f"{STAFF}/sessions/{office.session.id}/suspend", json={"reason": "进修"}, headers=office.headers
    )
    closed = await close_department(office, None)

    assert [suspended.status_code, closed.status_code] == [200, 200]


async def test_a_changed_template_tells_of_people_who_stay_and_of_sessions_taken_away(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    await materialise(db, hospital_id=office.clinic.hospital_id, now=utc_now())
    await db.commit()
    of = f"/hospitals/{office.clinic.hospital_id}/templates"
    template = await office.item(of, office.session.template_id)
    path, other = f"/templates/{template['id']}", (template["weekday"] + 1) % 7
    untouched = await coming(office)

    room = await office.put(path, template | {"room": "会诊室"}, None)
    moved = await office.put(path, template | {"weekday": other}, None)
    kept = await coming(office)
    saved = await office.put(path, template | {"weekday": other}, moved.json()["confirm"])

    on = f"{office.session.date.month}月{office.session.date.day}日"
    stays = (
        f"{on}的 1 次出诊已有 2 位患者预约，不跟着改，仍按现在的医生、时间、诊室和号数出诊；"
        "要改请到“排班”里逐个处理，不能照常出诊的请办理停诊。"
    )
    assert [room.status_code, room.json()["consequences"]] == [409, [stays]]
    assert [moved.json()["sessions"], moved.json()["people"]] == [untouched, 2]
    assert moved.json()["consequences"][-1] == stays
    assert f"的 {untouched - 1} 次没有人预约的出诊撤下" in moved.json()["consequences"][0]
    assert (kept, saved.status_code, await coming(office)) == (untouched, 200, 1)


async def test_a_clinic_that_rests_on_holidays_from_now_on_tells_of_people_booked_on_one(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client, people=0)
    of = f"/hospitals/{office.clinic.hospital_id}/templates"
    template = await office.item(of, office.session.template_id)
    may_day = dt.date(local_date(utc_now()).year + 1, 5, 1)
    for date in (may_day, may_day + timedelta(days=14)):
        await make_session(
            db,
            clinic=office.clinic,
            date=date,
            template_id=office.session.template_id,
            pools={Bucket.BOOKED: 1},
        )
    await db.commit()

    rests = template | {"on_holidays": "closed"}
    told = await office.put(f"/templates/{template['id']}", rests, None)
    saved = await office.put(f"/templates/{template['id']}", rests, told.json()["confirm"])

    assert (told.status_code, told.json()["people"]) == (409, 1)
    assert told.json()["consequences"][-1].startswith("5月1日的 1 次出诊已有 1 位患者预约，不跟着改")
    assert saved.status_code == 200


async def coming(office: Office) -> int:
    counted = select(func.count()).where(ClinicSession.hospital_id == office.clinic.hospital_id)
    return await office.db.scalar(counted) or 0


async def test_an_unknown_hospital_has_no_sessions_to_tell_of(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    body = await office.get(f"/hospitals/{office.clinic.hospital_id}")
    headers = await staff_headers(db, hospital_id=None, role="platform_admin")
    await db.commit()
    del body["id"]

    answer = await client.put(f"{STAFF}/hospitals/999", json=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
