from __future__ import annotations

import base64

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState
from guahao.booking.service.cancel import Canceller, cancel
from guahao.booking.service.check_in import appointment_id_of, check_in_code
from guahao.booking.service.suspension import suspend_appointments
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import new_id
from guahao.kernel.qr import qr_image
from guahao.scheduling.service.suspend import suspend
from tests.factories.booking import Booker, book, hold, make_booker, name_everybody
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import make_slot

pytestmark = pytest.mark.anyio
PNG = b"\x89PNG\r\n\x1a\n"
STAFF = "/api/v1/staff/check-in-codes"


async def asked(client: httpx.AsyncClient, booker: Booker, appointment_id: object) -> httpx.Response:
    return await client.get(f"/api/v1/appointments/{appointment_id}/check-in-code", headers=booker.headers)


async def booked(app: FastAPI, db: AsyncSession) -> tuple[Booker, Appointment]:
    booker, slot = await make_booker(db), await make_slot(db)
    row = await book(db, booker, slot.id)
    await name_everybody(db, app.state.key_ring)
    return booker, row


async def test_the_desk_reads_what_the_patient_shows(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, row = await booked(app, db)
    nurse = await staff_headers(db, hospital_id=row.hospital_id, role="nurse")
    await db.commit()

    shown = (await asked(client, booker, row.id)).json()
    again = (await asked(client, booker, row.id)).json()
    read = await client.get(f"{STAFF}/{shown['code']}", headers=nurse)

    assert shown == again
    assert len(shown["code"]) == 32
    head, _, content = shown["image"].partition(",")
    assert (head, base64.b64decode(content)[:8]) == ("data:image/png;base64", PNG)
    assert shown["image"] == qr_image(shown["code"])
    assert (read.status_code, read.json()["id"], read.json()["state"]) == (200, str(row.id), "booked")


async def test_a_code_is_read_by_the_hospitals_own_staff_only(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, row = await booked(app, db)
    elsewhere = (await make_slot(db)).hospital_id
    foreign = await staff_headers(db, hospital_id=elsewhere, role="desk")
    finance = await staff_headers(db, hospital_id=row.hospital_id, role="finance")
    await db.commit()
    code = (await asked(client, booker, row.id)).json()["code"]

    answers = [await client.get(f"{STAFF}/{code}", headers=headers) for headers in (foreign, finance, {})]

    assert [answer.status_code for answer in answers] == [404, 403, 401]


@pytest.mark.parametrize("position", [0, 15, 16, 23])
async def test_a_forged_code_names_nothing(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession, position: int
) -> None:
    booker, row = await booked(app, db)
    desk = await staff_headers(db, hospital_id=row.hospital_id, role="desk")
    await db.commit()
    code = (await asked(client, booker, row.id)).json()["code"]
    signed = bytearray(base64.urlsafe_b64decode(code))
    signed[position] ^= 1

    answer = await client.get(f"{STAFF}/{base64.urlsafe_b64encode(signed).decode()}", headers=desk)

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("code", ["", "x", "码" * 32, "A" * 31, "A" * 36, "=" * 32, "+/" * 16])
async def test_what_is_no_code_names_nothing(app: FastAPI, code: str) -> None:
    with pytest.raises(NotFound):
        appointment_id_of(code, keys=app.state.key_ring)


async def test_a_code_that_was_signed_for_an_unknown_appointment_names_nothing(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    desk = await staff_headers(db, hospital_id=(await make_slot(db)).hospital_id, role="desk")
    await db.commit()
    gone = Appointment(id=new_id(1), state=AppointmentState.BOOKED)

    answer = await client.get(f"{STAFF}/{check_in_code(gone, keys=app.state.key_ring)}", headers=desk)

    assert answer.status_code == 404


async def test_another_accounts_code_does_not_exist(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    _, row = await booked(app, db)
    stranger = await make_booker(db)
    await db.commit()

    assert (await asked(client, stranger, row.id)).status_code == 404


async def test_only_a_booked_appointment_has_a_code(client: httpx.AsyncClient, db: AsyncSession) -> None:
    slots = [await make_slot(db) for _ in range(3)]
    bookers = [await make_booker(db) for _ in slots]
    held = (await hold(db, bookers[0], slots[0].id)).appointment_id
    stopped = (await book(db, bookers[1], slots[1].id)).id
    gone = (await book(db, bookers[2], slots[2].id)).id
    await suspend(db, slots[1].session_id, reason="医生生病", by="staff:test")
    await suspend_appointments(db, hospital_id=slots[1].hospital_id, session_id=slots[1].session_id)
    await cancel(db, appointment_id=gone, by=Canceller(actor="x", account_id=bookers[2].account_id))
    await db.commit()

    answers = [
        await asked(client, booker, id_) for booker, id_ in zip(bookers, (held, stopped, gone), strict=True)
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "appointment-not-paid"),
        (409, "session-suspended"),
        (409, "appointment-ended"),
    ]


async def test_a_code_that_was_shown_still_tells_the_desk_that_the_appointment_was_cancelled(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, row = await booked(app, db)
    desk = await staff_headers(db, hospital_id=row.hospital_id, role="desk")
    await db.commit()
    code = (await asked(client, booker, row.id)).json()["code"]
    await client.post(f"/api/v1/appointments/{row.id}/cancel", headers=booker.headers)

    read = await client.get(f"{STAFF}/{code}", headers=desk)

    assert (read.status_code, read.json()["state"]) == (200, "cancelled_by_patient")
