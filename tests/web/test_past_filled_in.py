"""What a database of an older release knows of its appointments and suspensions is filled in."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from guahao.kernel.ids import new_id
from guahao.web.migrate import upgrade_async
from tests.database import address_of, execute, server_dsn

pytestmark = pytest.mark.anyio

ENDS = {
    "held": ("now()", "NULL", "NULL", "NULL"),
    "booked": ("now()", "now()", "NULL", "1"),
    "suspended": ("now()", "now()", "NULL", "2"),
    "expired": ("now()", "NULL", "now()", "NULL"),
    "cancelled_by_patient": ("now()", "now()", "now()", "3"),
    "cancelled_by_hospital": ("now()", "NULL", "now()", "NULL"),
    "rescheduled": ("NULL", "now()", "now()", "4"),
}
"""Of a state: end of the hold, booked, ended, number."""


@pytest.fixture
async def older() -> AsyncIterator[str]:
    """Address of a database as the release before left it, empty."""
    server, name = server_dsn(), f"older_{secrets.token_hex(4)}"
    await execute(server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'")
    dsn = address_of(server, name)
    await upgrade_async(dsn, revision="0022_refund_destination")
    yield dsn
    await execute(server, f"DROP DATABASE {name} WITH (FORCE)")


async def fill(dsn: str) -> dict[str, UUID]:
    """One appointment in each state, the trail of two, notices of one, and a suspended session."""
    ids = {state: new_id(1) for state in ENDS}
    session, nobody = new_id(1), new_id()
    appointments = [
        "INSERT INTO appointment (hospital_id, id, account_id, patient_id, person_id, slot_id, session_id,"
        " department_id, doctor_id, order_id, date, starts_at, ends_at, state, channel, rule_version,"
        " hold_expires_at, booked_at, ended_at, number)"
        f" VALUES (1, '{ids[state]}', '{nobody}', '{nobody}', '{new_id()}', '{session}', '{session}',"
        f" '{nobody}', '{nobody}', '{new_id(1)}', current_date, now(), now() + interval '30 minutes',"
        f" '{state}', 'online', 1, {', '.join(values)})"
        for state, values in ENDS.items()
    ]
    off = (
        "INSERT INTO clinic_session (hospital_id, id, doctor_id, department_id, campus_id, room, level, date,"
        " period, starts_at, ends_at, release_at, fee_fen, state, suspended_reason)"
        f" VALUES (1, '{session}', '{nobody}', '{nobody}', '{nobody}', '1', 'general', current_date,"
        " 'morning', now(), now() + interval '1 hour', now(), 0, 'suspended', '医生生病')"
    )
    await execute(
        dsn,
        "SET session_replication_role = replica; "
        + "; ".join([off, *appointments, *_trail(ids, session), *_notices(ids)])
        + "; RESET session_replication_role",
    )
    return ids


def _trail(ids: dict[str, UUID], session: UUID) -> list[str]:
    return [
        "INSERT INTO audit_entry (hospital_id, id, actor, action, subject, data) VALUES"
        f" (1, '{new_id(1)}', '{actor}', '{action}', '{subject}', '{data}')"
        for actor, action, subject, data in (
            (
                "staff:1",
                "appointment.cancel",
                f"appointment:{ids['cancelled_by_patient']}",
                '{"excused": true}',
            ),
            (
                "staff:2",
                "appointment.reschedule",
                f"appointment:{ids['rescheduled']}",
                f'{{"new_appointment_id": "{ids["booked"]}"}}',
            ),
            ("staff:3", "session.suspended", f"session:{session}", "{}"),
        )
    ]


def _notices(ids: dict[str, UUID]) -> list[str]:
    return [
        "INSERT INTO notice (hospital_id, id, patient_id, subject, kind, due_at, version, state) VALUES"
        f" (1, '{new_id(1)}', '{new_id()}', 'appointment:{ids['booked']}', 'booked', now(),"
        f" {version}, '{state}')"
        for version, state in ((1, "cancelled"), (2, "cancelled"), (3, "planned"))
    ]


async def test_what_is_known_of_the_past_is_filled_in(older: str) -> None:
    ids = await fill(older)

    await upgrade_async(older)

    connection = await asyncpg.connect(older)
    try:
        rows = await connection.fetch(
            "SELECT appointment_id, reason, actor FROM appointment_event ORDER BY appointment_id, seq"
        )
        sessions = await connection.fetch(
            "SELECT lifecycle, s.state, reason, suspended_by FROM clinic_session s JOIN suspension"
            " ON suspension.id = suspension_id"
        )
        notices = await connection.fetch("SELECT version, state FROM notice ORDER BY version")
    finally:
        await connection.close()
    told = {
        state: [
            (row["reason"], row["actor"].partition(":")[0]) for row in rows if row["appointment_id"] == id_
        ]
        for state, id_ in ids.items()
    }
    assert told == {
        "held": [("held", "account")],
        "booked": [("held", "account"), ("paid", "system")],
        "suspended": [("held", "account"), ("paid", "system"), ("session_suspended", "system")],
        "expired": [("held", "account"), ("unpaid", "system")],
        "cancelled_by_patient": [("held", "account"), ("paid", "system"), ("excused", "staff")],
        "cancelled_by_hospital": [("held", "account"), ("session_suspended", "system")],
        "rescheduled": [("booked", "account"), ("rescheduled", "staff")],
    }
    assert [tuple(row) for row in sessions] == [("published", "suspended", "医生生病", "staff:3")]
    assert [tuple(row) for row in notices] == [
        (-999999, "cancelled"),
        (-999998, "cancelled"),
        (2, "planned"),
    ]
