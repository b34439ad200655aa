from __future__ import annotations

import httpx
import pytest

from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions
from guahao.kernel.ids import new_id
from guahao.payment.models import BillKind
from guahao.payment.ports import BillRow
from tests.factories.bill import NOON, bill_of, fetch
from tests.factories.office import hire, refusal

pytestmark = pytest.mark.anyio

_GIVEN_BACK = {
    "hospital_id": 0,
    "debit": "unclear",
    "credit": "wechat",
    "amount_fen": 100,
    "note": "Refunded at the provider",
}


async def balances(answer: httpx.Response) -> dict[str, int]:
    found = {one["account"]: one["balance_fen"] for one in answer.json()["accounts"]}
    assert answer.json()["balance_fen"] == 0
    return {account: fen for account, fen in found.items() if fen}


async def test_money_that_is_nobodys_is_settled_by_two_people_of_the_platform(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    first, second = [await hire(client, sessions, Role.FINANCE, hospital_id=None) for _ in range(2)]
    hospital = await hire(client, sessions, Role.FINANCE)
    row = BillRow(
        kind=BillKind.PAYMENT,
        out_trade_no=new_id(1).hex,
        transaction_id="T1",
        out_refund_no="",
        amount_fen=100,
        at=NOON,
        is_final=True,
    )
    await fetch(sessions, bill_of(row))
    books = "/ledger/trial-balance"
    assert await balances(await first.get(books, hospital_id=0)) == {"wechat": 100, "unclear": -100}
    assert refusal(await hospital.get(books, hospital_id=0)) == (404, "not-found")
    assert refusal(await hospital.post("/ledger/adjustments", **_GIVEN_BACK)) == (404, "not-found")

    made = await first.post("/ledger/adjustments", **_GIVEN_BACK)
    approved = await second.post(f"/ledger/adjustments/{made.json()['id']}/approve")

    assert (made.status_code, approved.status_code) == (201, 200)
    assert await balances(await first.get(books, hospital_id=0)) == {}
