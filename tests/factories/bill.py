"""Bills as a provider would make them, and a provider of which only bills are asked."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import at_local, local_date, utc_now
from guahao.kernel.db import Sessions
from guahao.payment.models import BillEntry, CaseKind, FinanceCase, Payment, Refund, Verdict
from guahao.payment.ports import Bill, BillKind, BillNotReady, BillRow, Gateways, Provider
from guahao.payment.service.facts import apply_paid
from guahao.payment.service.reconcile import fetch_bills
from tests.factories.payment import make_order, open_payment, paid

TODAY = local_date(utc_now())
DAY = TODAY - timedelta(days=1)
"""The day whose bill is due in these tests."""
NOON = at_local(DAY, time(12))
MORNING = at_local(TODAY, time(10, 30))
"""When its bill is fetched."""


@dataclass
class BillGateway:
    """Answers each question for a bill with the next of `answers`; an exception is raised."""

    answers: list[Bill | Exception] = field(default_factory=list)
    provider: Provider = Provider.WECHAT
    asked: list[date] = field(default_factory=list)

    async def bill(self, day: date) -> Bill:
        self.asked.append(day)
        answer = self.answers.pop(0) if self.answers else BillNotReady()
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def gateways(self) -> Gateways:
        only: Any = self  # nothing but bills is asked of it
        return {self.provider: only}


async def fetch(sessions: Sessions, *answers: Bill | Exception, now: datetime = MORNING) -> BillGateway:
    """Let the provider answer the questions that are due at `now`."""
    gateway = BillGateway(answers=list(answers))
    for _ in answers:
        assert await fetch_bills(sessions, gateways=gateway.gateways, clock=lambda: now) == 1
    return gateway


def bill_of(*rows: BillRow, **overrides: Any) -> Bill:
    """A sound bill of these rows."""
    values: dict[str, Any] = {
        "provider": Provider.WECHAT,
        "day": DAY,
        "digest": "5ba93c9db0cff93f52b521d7420e43f6eda2784f",
        "rows": rows,
        "row_count": len(rows),
        "paid_fen": total(rows, BillKind.PAYMENT),
        "refunded_fen": total(rows, BillKind.REFUND),
        "funds": None,
    }
    return Bill(**values | overrides)


def total(rows: Sequence[BillRow], kind: BillKind) -> int:
    return sum(row.amount_fen for row in rows if row.kind is kind)


def row_of(payment: Payment, **overrides: Any) -> BillRow:
    """The row of a payment that the provider captured."""
    values: dict[str, Any] = {
        "kind": BillKind.PAYMENT,
        "out_trade_no": payment.out_trade_no,
        "transaction_id": f"T{payment.id.hex}",
        "out_refund_no": "",
        "amount_fen": payment.amount_fen,
        "at": NOON,
        "is_final": True,
    }
    return BillRow(**values | overrides)


def row_of_refund(refund: Refund, **overrides: Any) -> BillRow:
    """The row of a refund that the provider carried out."""
    values: dict[str, Any] = {
        "kind": BillKind.REFUND,
        "out_trade_no": refund.payment_id.hex,
        "transaction_id": f"T{refund.payment_id.hex}",
        "out_refund_no": refund.out_refund_no,
        "amount_fen": refund.amount_fen,
        "at": NOON,
        "is_final": True,
    }
    return BillRow(**values | overrides)


async def open_one(db: AsyncSession, **overrides: Any) -> Payment:
    """A payment that is open, of an order of its own."""
    order = await make_order(db, **overrides)
    return await open_payment(db, order.id)


async def paid_one(db: AsyncSession, *, at: datetime = NOON, **overrides: Any) -> Payment:
    """A payment captured at `at`, of an order of its own."""
    payment = await open_one(db, **overrides)
    await apply_paid(db, paid(payment, paid_at=at))
    return payment


async def entries(db: AsyncSession) -> list[tuple[int, str, int | None, int | None, Verdict]]:
    """What was stored of a day: hospital, number, their amount, ours, verdict."""
    stored = select(BillEntry).order_by(BillEntry.hospital_id, BillEntry.reference)
    rows = await db.scalars(stored, execution_options={"populate_existing": True})
    return [(row.hospital_id, row.reference, row.bill_fen, row.our_fen, row.verdict) for row in rows]


async def cases(db: AsyncSession) -> list[tuple[int, CaseKind, str]]:
    """All cases: hospital, kind, what they are about."""
    rows = await db.scalars(select(FinanceCase).order_by(FinanceCase.id))
    return [(case.hospital_id, case.kind, case.subject) for case in rows]


def stranger(**overrides: Any) -> BillRow:
    """A row of another system."""
    values: dict[str, Any] = {
        "kind": BillKind.PAYMENT,
        "out_trade_no": secrets.token_hex(16),
        "transaction_id": "42000000012026112200000001",
        "out_refund_no": "",
        "amount_fen": 100,
        "at": NOON,
        "is_final": True,
    }
    return BillRow(**values | overrides)
