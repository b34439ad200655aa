from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment
from guahao.booking.service.cancel import Canceller, cancel
from guahao.booking.service.credit import excuse
from guahao.booking.service.expire import end_hold, expire_holds
from guahao.booking.service.late import accept_late_money
from guahao.booking.service.notices import resend
from guahao.booking.service.reschedule import reschedule
from guahao.booking.service.suspension import refund_undecided, resume_appointments, suspend_appointments
from guahao.catalog.models import Campus, Hospital
from guahao.identity.models.person import DocumentType, Person
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions
from guahao.kernel.ids import new_id
from guahao.payment.service.order import payment_closed
from guahao.sandbox.keys import SandboxKeys
from guahao.scheduling.models import Slot
from guahao.scheduling.service.suspend import resume, suspend
from tests.factories.booking import (
    Booker,
    book,
    hold,
    make_booker,
    name_everybody,
    overdue,
    request_of,
)
from tests.factories.catalog import staff_headers
from tests.factories.days import years_before
from tests.factories.payment import open_payment, pay_late
from tests.factories.scheduling import make_clinic, make_slot
from tests.factories.till import Till

pytestmark = pytest.mark.anyio
PATH = "/api/v1/appointments"
CLERK = f"staff:{new_id()}"


@pytest.fixture
def till(app: FastAPI, client: httpx.AsyncClient, sessions: Sessions) -> Till:
    keys = SandboxKeys.load(app.state.settings.keys_path / "sandbox")
    return Till(app=app, client=client, sessions=sessions, keys=keys)


@pytest.fixture
def read(app: FastAPI, client: httpx.AsyncClient, db: AsyncSession) -> Any:
    async def page(booker: Booker, appointment_id: object) -> dict[str, Any]:
        await name_everybody(db, app.state.key_ring)
        answer = await client.get(f"{PATH}/{appointment_id}", headers=booker.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return page


def kinds(page: dict[str, Any]) -> list[str]:
    assert [one["at"] for one in page["timeline"]] == sorted(one["at"] for one in page["timeline"])
    return [one["kind"] for one in page["timeline"]]


def sentences(page: dict[str, Any]) -> list[str]:
    return [one["text"] for one in page["timeline"]]


async def test_the_page_tells_from_the_hold_to_the_refund(till: Till, client: httpx.AsyncClient) -> None:
    held = await till.booked()
    await till.cancel(held)
    await till.settle()

    page = (await client.get(f"{PATH}/{held.appointment_id}", headers=held.headers)).json()

    assert kinds(page) == [
        "held",
        "paid",
        "booked",
        "cancelled",
        "refund_requested",
        "refund_submitted",
        "refund_arrived",
    ]
    told = sentences(page)
    assert told[0].startswith("已为您留号，请在 ")
    assert told[1:4] == ["已支付 ¥50.00（微信支付）", "预约成功，就诊序号 1 号", "您取消了预约，号已放回"]
    assert told[-1] == "退款 ¥50.00：已退回原支付账户"
    assert page["bring"] == []


async def test_lists_have_no_history(app: FastAPI, client: httpx.AsyncClient, db: AsyncSession) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    await book(db, booker, slot.id)
    await name_everybody(db, app.state.key_ring)

    listed = (await client.get(PATH, headers=booker.headers)).json()["items"][0]

    assert {"timeline", "bring"} & listed.keys() == set()
    assert listed["fee_fen"] == 5000


async def test_a_move_is_told_on_both_pages(read: Any, db: AsyncSession) -> None:
    booker, clinic = await make_booker(db), await make_clinic(db)
    slot = await make_slot(db, clinic=clinic)
    cheaper = await make_slot(db, clinic=clinic, days=5, fee_fen=2000)
    old = await book(db, booker, slot.id)
    await db.commit()
    new = await reschedule(db, appointment_id=old.id, request=request_of(booker, cheaper.id))

    before, after = await read(booker, old.id), await read(booker, new.appointment_id)

    assert kinds(before) == ["held", "paid", "booked", "rescheduled"]
    assert kinds(after) == ["paid", "moved_here", "refund_requested"]
    assert sentences(after)[1:] == [
        "已改约到这个时段，就诊序号 1 号",
        "退款 ¥30.00：已申请，正在提交给支付平台",
    ]
    assert (after["fee_fen"], after["order"]["amount_fen"]) == (2000, 5000)


async def test_histories_are_told_from_events_and_never_from_the_trail(
    app: FastAPI, client: httpx.AsyncClient, read: Any, db: AsyncSession
) -> None:
    booker, clinic = await make_booker(db), await make_clinic(db)
    slot, other = await make_slot(db, clinic=clinic), await make_slot(db, clinic=clinic, days=6)
    old = await book(db, booker, slot.id)
    await stop(db, slot)
    new = await reschedule(db, appointment_id=old.id, request=request_of(booker, other.id))
    await resend(db, new.appointment_id, actor=CLERK, now=utc_now())
    by = Canceller(actor=CLERK, is_staff=True)
    await cancel(db, appointment_id=new.appointment_id, by=by)
    await excuse(db, appointment_id=new.appointment_id, reason="家人住院", actor=CLERK, now=utc_now())
    staff = await staff_headers(db, hospital_id=clinic.hospital_id, role="desk")
    person = await db.get_one(Person, booker.person_id)
    person.document_sealed = app.state.key_ring.seal(
        "11010119900307803X", field="person.document_sealed", row=person.id
    )

    async def histories() -> list[Any]:
        ids = (old.id, new.appointment_id)
        pages = [(await read(booker, id_))["timeline"] for id_ in ids]
        files = [await client.get(f"/api/v1/staff/appointments/{id_}/file", headers=staff) for id_ in ids]
        assert [file.status_code for file in files] == [200, 200], files[0].text
        return [*pages, *(file.json()["timeline"] for file in files)]

    before = await histories()
    await db.execute(text("SET LOCAL session_replication_role = replica"))
    await db.execute(text("DELETE FROM audit_entry"))
    await db.commit()

    assert await histories() == before
    assert all(len(history) >= 4 for history in before)


async def stop(db: AsyncSession, slot: Slot) -> None:
    await suspend(db, slot.session_id, reason="医生生病", by=CLERK)
    await suspend_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)


async def test_a_suspension_that_the_patient_did_not_answer_is_told_to_its_end(
    read: Any, db: AsyncSession
) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    row = await book(db, booker, slot.id)
    await db.commit()
    await stop(db, slot)
    await db.execute(update(Appointment).values(decide_by=func.now() - timedelta(seconds=1)))
    await refund_undecided(db)

    page = await read(booker, row.id)

    assert kinds(page)[3:] == ["suspended", "cancelled", "refund_requested"]
    assert sentences(page)[4] == "医生停诊，医院取消了预约"


async def test_a_suspension_that_was_lifted_is_told(read: Any, db: AsyncSession) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    row = await book(db, booker, slot.id)
    await db.commit()
    await stop(db, slot)
    await resume(db, slot.session_id, by="staff:test")
    await resume_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)

    assert kinds(await read(booker, row.id))[2:] == ["booked", "suspended", "resumed"]


async def test_what_became_of_the_session_after_the_end_is_not_told(read: Any, db: AsyncSession) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    row = await book(db, booker, slot.id)
    await cancel(db, appointment_id=row.id, by=Canceller(actor="account:x", account_id=booker.account_id))
    await db.commit()
    await stop(db, slot)

    assert "suspended" not in kinds(await read(booker, row.id))


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        (Canceller(actor="staff:x", is_staff=True), "医院窗口按您的要求取消了预约"),
        (Canceller(actor="staff:x", is_staff=True, is_hospital_fault=True), "医院取消了预约"),
    ],
)
async def test_the_page_says_who_cancelled(read: Any, db: AsyncSession, by: Canceller, sentence: str) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    row = await book(db, booker, slot.id)
    await cancel(db, appointment_id=row.id, by=by)

    page = await read(booker, row.id)

    assert kinds(page)[3:] == ["cancelled", "refund_requested"]
    assert sentences(page)[3] == sentence


async def test_a_hold_that_expired_and_was_booked_by_late_money_tells_both(
    read: Any, db: AsyncSession
) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    plan = await hold(db, booker, slot.id)
    payment = await open_payment(db, plan.order_id)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)
    await payment_closed(db, payment_id=payment.id)
    await end_hold(db, order_id=plan.order_id)
    await db.commit()
    await pay_late(db, payment)
    await accept_late_money(db, order_id=plan.order_id)

    assert kinds(await read(booker, plan.appointment_id)) == ["held", "expired", "paid", "booked"]


async def test_a_free_booking_begins_with_its_number(read: Any, db: AsyncSession) -> None:
    booker, slot = await make_booker(db), await make_slot(db, fee_fen=0)
    row = await book(db, booker, slot.id)

    page = await read(booker, row.id)

    assert sentences(page) == ["预约成功，就诊序号 1 号"]


async def test_the_page_says_what_to_bring_by_document_age_and_rules(read: Any, db: AsyncSession) -> None:
    clinic = await make_clinic(db, rules={"check_in_opens_min": 45})
    slot = await make_slot(db, clinic=clinic, starts=time(8))
    grown, child = await make_booker(db), await make_booker(db)
    rows = [await book(db, who, slot.id) for who in (grown, child)]
    paper = {"document_type": DocumentType.BIRTH_CERTIFICATE, "birth_date": local_date(utc_now())}
    await db.execute(update(Person).where(Person.id == child.person_id).values(paper))

    pages = [await read(grown, rows[0].id), await read(child, rows[1].id)]

    usual = [
        "要用医保的，带上医保卡或医保电子凭证",
        "以前的病历、检查报告，和正在吃的药的名字",
        "07:15 起可以签到，请在 08:00 前到院；来晚了排在已签到的人后面",
    ]
    assert pages[0]["bring"] == ["就诊人的居民身份证", *usual]
    assert pages[1]["bring"] == [
        "就诊人的出生医学证明",
        "就诊人未满 18 周岁，请监护人带上自己的身份证件陪同",
        *usual,
    ]


@pytest.mark.parametrize(("years", "expected"), [(18, False), (17, True)])
async def test_a_guardian_comes_along_until_the_18th_birthday(
    read: Any, db: AsyncSession, years: int, *, expected: bool
) -> None:
    slot = await make_slot(db, days=3)
    visit = local_date(slot.starts_at)
    booker = await make_booker(db, birth_date=years_before(visit, years))
    row = await book(db, booker, slot.id)

    assert any("监护人" in line for line in (await read(booker, row.id))["bring"]) is expected


async def test_the_page_tells_whom_to_call_and_where_to_go(read: Any, db: AsyncSession) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    await db.execute(update(Hospital).values(phones=["025-8888 0000"]))
    row = await book(db, booker, slot.id)
    unknown = (await read(booker, row.id))["place"]["map_point"]
    await db.execute(update(Campus).values(latitude=32.06, longitude=118.79))

    page = await read(booker, row.id)

    assert unknown is None
    assert page["place"]["map_point"] == {"latitude": 32.06, "longitude": 118.79}
    assert page["hospital"]["phones"] == ["025-8888 0000"]


async def test_upcoming_is_what_stands_and_is_not_over_soonest_first(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, other, clinic = await make_booker(db), await make_booker(db), await make_clinic(db)
    slots = [await make_slot(db, clinic=clinic, days=days) for days in (5, 2, 9, 4, 1)]
    late, soon, held, cancelled, over = [await book(db, booker, slot.id) for slot in slots]
    await book(db, other, slots[0].id)
    gone = Canceller(actor="account:x", account_id=booker.account_id)
    await cancel(db, appointment_id=cancelled.id, by=gone)
    past = func.now() - timedelta(seconds=1)
    await db.execute(update(Appointment).where(Appointment.id == over.id).values(ends_at=past))
    await name_everybody(db, app.state.key_ring)

    async def listed(**params: str | int) -> dict[str, Any]:
        answer = await client.get(PATH, params={"upcoming": "true", **params}, headers=booker.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    whole = await listed()
    first = await listed(limit=2)
    second = await listed(limit=2, cursor=first["next_cursor"])

    assert [one["id"] for one in whole["items"]] == [str(soon.id), str(late.id), str(held.id)]
    assert [one["id"] for one in first["items"]] == [str(soon.id), str(late.id)]
    assert [one["id"] for one in second["items"]] == [str(held.id)]
    assert (whole["next_cursor"], second["next_cursor"]) == (None, None)


async def test_a_cursor_of_another_list_is_refused(client: httpx.AsyncClient, db: AsyncSession) -> None:
    booker = await make_booker(db)
    await db.commit()

    answer = await client.get(f"{PATH}?upcoming=true&cursor={booker.patient_id}", headers=booker.headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "cursor-invalid")
