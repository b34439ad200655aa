"""Whatever a genuine bill or message holds, the day is reconciled and the cases can be read."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions, transaction
from guahao.payment.models import BillRun, BillState, CaseKind, FinanceCase, Verdict
from guahao.payment.policy import MOST_FEN
from guahao.payment.ports import BillKind
from guahao.payment.service.facts import Applied, apply_fact
from tests.factories.bill import bill_of, cases, entries, fetch, paid_one, row_of, stranger
from tests.factories.office import hire
from tests.factories.payment import make_order, open_payment, paid, pay, refunded, refunds_of

pytestmark = pytest.mark.anyio
LONG = "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(3000))
"""Too long for an index, however it is compressed."""

ODD: dict[str, tuple[str, dict[str, Any]]] = {
    "amount over 21 million yuan": ("amount", {"amount_fen": MOST_FEN + 1}),
    "amount of no machine": ("amount", {"amount_fen": 10**17}),
    "control sign in the order number": ("number", {"out_trade_no": "a\x00b"}),
    "control sign in the transaction": ("number", {"transaction_id": "a\x00b", "out_trade_no": ""}),
    "order number without an end": ("number", {"out_trade_no": LONG}),
    "control sign in a refund number": ("number", {"kind": BillKind.REFUND, "out_refund_no": "r\x01"}),
    "refund over 21 million yuan": (
        "amount",
        {"kind": BillKind.REFUND, "out_refund_no": "r", "amount_fen": MOST_FEN + 1},
    ),
}


@pytest.mark.parametrize("name", ODD)
async def test_a_foreign_row_that_our_books_cannot_hold_is_one_case_and_the_day_goes_on(
    name: str, sessions: Sessions, db: AsyncSession
) -> None:
    payment = await paid_one(db)
    await db.commit()
    reason, changes = ODD[name]

    await fetch(sessions, bill_of(row_of(payment), stranger(**changes)))

    run = (await db.scalars(select(BillRun))).one()
    assert (run.state, run.row_count, run.matched) == (BillState.DONE, 2, 1)
    assert [entry[-1] for entry in await entries(db)] == [Verdict.MATCHED]
    assert [kind for _, kind, _ in await cases(db)] == [CaseKind.BILL_ROW]
    assert (await db.scalars(select(FinanceCase))).one().evidence["reason"] == reason


async def test_rows_of_one_number_that_are_too_much_together_are_set_apart_too(
    sessions: Sessions, db: AsyncSession
) -> None:
    payment = await paid_one(db)
    await db.commit()
    half = stranger(amount_fen=MOST_FEN // 2 + 1)

    await fetch(sessions, bill_of(row_of(payment), half, half))

    assert [entry[-1] for entry in await entries(db)] == [Verdict.MATCHED]
    assert [kind for _, kind, _ in await cases(db)] == [CaseKind.BILL_ROW]


@pytest.mark.parametrize("fen", [10**30, -1, 0])
async def test_an_amount_that_no_order_has_is_a_case_that_finance_can_read_and_export(
    fen: int, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    async with transaction(sessions) as db:
        order = await make_order(db)
        payment = await open_payment(db, order.id)
        other = await make_order(db)
        await pay(db, other.id)
    finance = await hire(client, sessions, Role.FINANCE)
    made = await finance.post(f"/orders/{other.id}/refunds", amount_fen=100, note="医院原因")
    assert made.status_code == 201
    async with transaction(sessions) as db:
        (refund,) = await refunds_of(db, other.id)

    outcomes = [
        await apply_fact(sessions, paid(payment, amount_fen=fen)),
        await apply_fact(sessions, refunded(refund, amount_fen=fen)),
    ]

    assert outcomes == [Applied.UNKNOWN, Applied.UNKNOWN]
    listed = await finance.get("/cases", hospital_id=1)
    assert {case["kind"] for case in listed.json()["items"]} == {"amount_mismatch", "refund_unknown"}
    for form in ("csv", "xlsx"):
        assert (await finance.get(f"/cases.{form}", hospital_id=1)).status_code == 200
