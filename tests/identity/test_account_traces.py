from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.account import SmsCode
from guahao.kernel.db import Sessions
from tests.factories.account import phone
from tests.factories.newcomer import PASSWORD, ask_code, bearer, code_for, forget_waits, log_in, register

pytestmark = pytest.mark.anyio


class NosySms:
    """A provider that looks whether anything is held while it is awaited."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.seen: list[int] = []

    async def send_code(self, *, phone: str, code: str, valid_min: int) -> None:
        _ = phone, code, valid_min
        async with self._sessions() as db:
            rows = await db.scalars(select(SmsCode.id).with_for_update(nowait=True))
            self.seen.append(len(rows.all()))
            idle = (
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state LIKE 'idle in%'"
            )
            held = await (await db.connection()).exec_driver_sql(idle)
            assert held.scalar_one() == 0


async def test_a_code_is_committed_before_it_is_sent_and_no_transaction_waits(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    app.state.sms_sender = nosy = NosySms(sessions)

    asked = await ask_code(client, phone(), "login")

    assert asked.status_code == 202
    assert nosy.seen == [1]


async def test_the_audit_trail_names_every_deed_and_holds_nothing_personal(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    second = await log_in(client, made.username)
    await client.post(
        "/api/v1/me/password",
        json={"old_password": PASSWORD, "new_password": "another fine secret"},
        headers=bearer(second),
    )
    await client.delete("/api/v1/logins/current", headers=bearer(second))
    await forget_waits(db)
    await client.post(
        "/api/v1/password-resets",
        json={
            "phone": made.phone,
            "sms_code": await code_for(client, made.phone, "reset"),
            "new_password": PASSWORD,
        },
    )

    entries = (await db.scalars(select(AuditEntryRow).order_by(AuditEntryRow.at))).all()

    assert [entry.action for entry in entries] == [
        "account.register",
        "login.open",
        "login.open",
        "account.change_password",
        "login.revoke",
        "account.reset_password",
    ]
    assert {entry.actor for entry in entries} == {f"account:{made.account_id}"}
    written = " ".join(f"{entry.subject} {entry.data}" for entry in entries)
    assert made.phone not in written
    assert made.username not in written
