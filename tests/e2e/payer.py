"""A newcomer who books and pays through the API, and the books of both sides as SQL sums them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from guahao.kernel.clock import local_date
from tests.factories.account import phone
from tests.factories.newcomer import PASSWORD, username
from tests.factories.person import resident_id

WITHIN_S = 40.0
"""How long anything may take on a busy machine."""


def until(what: str, is_so: Callable[[], Any]) -> Any:
    """Ask again and again, through the API or SQL, until the answer is true."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if found := is_so():
            return found
        time.sleep(0.1)
    pytest.fail(f"never came: {what}")


class Sql:
    """The demo's database, in a thread of its own because the browser's loop runs in this one."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._rows(statement, values)).result()

    async def _rows(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self._dsn)
        try:
            return [tuple(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()


@dataclass(frozen=True, kw_only=True)
class Books:
    """What each side says of the payments opened since: captured and given back by each provider, in fen.

    Other journeys of the same installation arrange money that no provider ever saw.
    """

    sql: Sql
    since: datetime

    def ours(self) -> dict[str, tuple[int, int]]:
        return self._sums(
            """SELECT provider, sum(captured)::bigint, sum(back)::bigint FROM (
               SELECT split_part(channel, '_', 1) AS provider, captured_fen AS captured,
               (SELECT coalesce(sum(amount_fen), 0) FROM refund
               WHERE payment_id = payment.id AND state = 'success') AS back
               FROM payment WHERE channel <> 'cash' AND created_at >= $1) AS moves GROUP BY 1"""
        )

    def theirs(self) -> dict[str, tuple[int, int]]:
        return self._sums(
            """SELECT provider, sum(captured)::bigint, sum(back)::bigint FROM (
               SELECT provider, amount_fen AS captured,
               (SELECT coalesce(sum(amount_fen), 0) FROM sandbox_refund r WHERE r.provider = t.provider
               AND r.out_trade_no = t.out_trade_no AND r.state = 'success') AS back
               FROM sandbox_trade t WHERE state = 'paid' AND created_at >= $1) AS moves GROUP BY 1"""
        )

    def ledger(self) -> dict[str, int]:
        """What the ledger says each provider holds for the hospitals."""
        found = self.sql.rows(
            """SELECT account, sum(fen)::bigint FROM (
               SELECT order_id, debit AS account, amount_fen AS fen FROM ledger_entry WHERE hospital_id <> 0
               UNION ALL SELECT order_id, credit, -amount_fen FROM ledger_entry
               WHERE hospital_id <> 0) AS moves
               WHERE account IN ('wechat', 'alipay')
               AND order_id IN (SELECT order_id FROM payment WHERE created_at >= $1) GROUP BY 1""",
            self.since,
        )
        return {account: fen for account, fen in found if fen}

    def agree(self) -> bool:
        ours = self.ours()
        held = {name: paid - back for name, (paid, back) in ours.items() if paid - back}
        return {**ours} == self.theirs() and held == self.ledger()

    def must_agree(self) -> None:
        until(f"equal books: {self.ours()} {self.theirs()} {self.ledger()}", self.agree)

    def _sums(self, statement: str) -> dict[str, tuple[int, int]]:
        return {
            name: (paid, back) for name, paid, back in self.sql.rows(statement, self.since) if paid or back
        }


def bookable_slots(base: str) -> Iterator[dict[str, Any]]:
    """Places of the respiratory doctors of the first hospital, from the day after tomorrow on."""
    later = (local_date(datetime.now(UTC)) + timedelta(days=2)).isoformat()
    with httpx.Client(base_url=f"{base}/api/v1", timeout=30) as http:
        found = http.get("/search", params={"q": "kesou"}).json()["items"]
        department = next(hit["id"] for hit in found if hit["kind"] == "disease")
        for doctor in http.get(f"/departments/{department}/doctors").json()["items"]:
            for day in http.get(f"/doctors/{doctor['id']}/sessions").json()["items"]:
                if day["date"] >= later:
                    yield from (slot for slot in day["slots"] if slot["bookable"])


class Payer:
    """Somebody who has just registered, with one patient."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = httpx.Client(base_url=base, timeout=30)
        number = phone()
        self._done("POST", "/api/v1/sms-codes", {"phone": number, "purpose": "register"})
        code = self._done("GET", f"/sandbox/sms?phone={number}")["code"]
        self.username = username()
        account = {"phone": number, "sms_code": code, "username": self.username, "password": PASSWORD}
        self.token: str = self._done("POST", "/api/v1/accounts", account)["token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        patient = {
            "name": "王小明",
            "document_type": "resident_id",
            "document_number": resident_id(date(1980, 1, 1) + timedelta(days=int(number[-4:]))),
            "phone": number,
            "relation": "self",
            "consents": [{"kind": "sensitive_personal_information", "version": 1}],
        }
        self.patient = self._done("POST", "/api/v1/patients", patient)["id"]
        self.appointment = self.order = self.payment = ""

    def _done(self, method: str, path: str, body: object = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def add(
        self, name: str, *, birth: date, relation: str, guardian: str | None = None, number: str | None = None
    ) -> str:
        """Add a patient with a resident number; the account agreed already, a guardian agrees for a child."""
        consents = [] if guardian is None else [{"kind": "child_sensitive", "version": 1}]
        patient = {
            "name": name,
            "document_type": "resident_id",
            "document_number": number or resident_id(birth),
            "phone": phone(),
            "relation": relation,
            "guardian_patient_id": guardian,
            "consents": consents,
        }
        added: str = self._done("POST", "/api/v1/patients", patient)["id"]
        return added

    def hold(self, slot: dict[str, Any]) -> Payer:
        held = self._done("POST", "/api/v1/appointments", {"slot_id": slot["id"], "patient_id": self.patient})
        self.appointment, self.order = held["id"], held["order"]["id"]
        return self

    def open(self, channel: str) -> dict[str, str]:
        """Open a payment, as often as an uncertain provider makes a client ask again."""

        def opened() -> Any:
            answer = self.http.post(f"/api/v1/orders/{self.order}/payments", json={"channel": channel})
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                return None
            assert answer.status_code == httpx.codes.CREATED, answer.text
            return answer.json()

        payment = until("an open payment", opened)
        self.payment = payment["id"]
        params: dict[str, str] = payment["params"]
        return params

    def cashier(self) -> str:
        """Open a payment by WeChat Pay; the address of its cashier."""
        return (
            f"{self.base}/sandbox/cashier/{self.open('wechat_jsapi')['package'].removeprefix('prepay_id=')}"
        )

    def cancel(self) -> None:
        self._done("POST", f"/api/v1/appointments/{self.appointment}/cancel", {})

    def state(self) -> str:
        state: str = self._done("GET", f"/api/v1/appointments/{self.appointment}")["state"]
        return state

    def seen_order(self) -> Any:
        return self._done("GET", f"/api/v1/orders/{self.order}")

    def must_become(self, state: str) -> None:
        until(f"appointment {state}", lambda: self.state() == state)

    def must_get_money_back(self) -> Any:
        """Wait until the whole has arrived; the one refund as the patient sees it."""
        order = until("the refund", lambda: (o := self.seen_order())["state"] == "refunded" and o)
        assert [(one["state"], one["amount_fen"]) for one in order["refunds"]] == [
            ("arrived", order["amount_fen"])
        ], json.dumps(order)
        return order["refunds"][0]
