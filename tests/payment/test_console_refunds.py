"""Money that somebody gave back on the provider's own pages does not leave a second time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update

from guahao.identity.policy.permission import Role
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import hospital_of
from guahao.payment.models import CaseKind, FinanceCase, LedgerEntry, Payment, Refund, RefundState
from guahao.payment.ports import Provider
from guahao.payment.service.facts import apply_fact
from guahao.sandbox.models import RefundState as SandboxState
from guahao.sandbox.models import SandboxProvider, SandboxRefund, SandboxTrade
from guahao.sandbox.wechat_pay.message import Call
from guahao.sandbox.wechat_pay.refunds import refund
from tests.factories.books import require_sound
from tests.factories.office import Member, hire, refusal
from tests.factories.till import Held, Till

pytestmark = pytest.mark.anyio
FEN = 5000
CHANNELS = ("wechat_jsapi", "alipay_qr")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A paid appointment and the people who deal with its money."""

    till: Till
    held: Held
    desk: Member
    finance: Member

    async def payment(self) -> Payment:
        async with transaction(self.till.sessions) as db:
            of_order = Payment.order_id == UUID(self.held.order_id)
            return (await db.scalars(select(Payment).where(of_order))).one()

    async def given_back_at_console(self, fen: int, *, number: str = "console-1") -> None:
        """Somebody gives money back on the provider's pages, which tells nobody."""
        payment = await self.payment()
        if payment.provider is Provider.WECHAT:
            body = {
                "out_trade_no": payment.out_trade_no,
                "out_refund_no": number,
                "amount": {"refund": fen, "total": FEN, "currency": "CNY"},
            }
            written = json.dumps(body).encode()
            call = Call(method="POST", target="", path="", base="", headers={}, body=written)
            async with transaction(self.till.sessions) as db:
                await refund(db, call, now=utc_now())
            return
        row = {"provider": SandboxProvider.ALIPAY, "out_trade_no": payment.out_trade_no, "amount_fen": fen}
        now = utc_now()
        async with transaction(self.till.sessions) as db:
            made = {"state": SandboxState.SUCCESS, "created_at": now, "settles_at": now, "settled_at": now}
            db.add(SandboxRefund(**row, out_refund_no=number, refund_id=number, reason="", **made))
            its = (SandboxTrade.out_trade_no == payment.out_trade_no,)
            await db.execute(update(SandboxTrade).where(*its).values(refunded_fen=fen))

    async def cancelled(self) -> Refund:
        """The patient cancels; the provider refuses the refund, since too little is left."""
        assert (await self.till.cancel(self.held)).status_code == 200
        await self.till.settle()
        row = await self.refund()
        assert row.state is RefundState.ABNORMAL
        return row

    async def refund(self) -> Refund:
        async with transaction(self.till.sessions) as db:
            of_order = Refund.order_id == UUID(self.held.order_id)
            return (await db.scalars(select(Refund).where(of_order))).one()

    async def hand_over(self) -> httpx.Response:
        return await self.desk.post(f"/refunds/{(await self.refund()).id}/hand-over", note="窗口退现金")

    async def cases(self, kind: CaseKind) -> list[FinanceCase]:
        async with transaction(self.till.sessions) as db:
            return list(await db.scalars(select(FinanceCase).where(FinanceCase.kind == kind)))

    async def cash_fen(self) -> int:
        async with transaction(self.till.sessions) as db:
            given = select(LedgerEntry.amount_fen).where(LedgerEntry.credit == "cash")
            return sum(await db.scalars(given))


async def _place(till: Till, client: httpx.AsyncClient, channel: str) -> Place:
    held = await till.hold(fee_fen=FEN)
    await till.at_cashier(await till.open(held, channel))
    await till.settle()
    hospital_id = hospital_of(held.slot_id)
    desk, finance = [
        await hire(client, till.sessions, role, hospital_id=hospital_id) for role in (Role.DESK, Role.FINANCE)
    ]
    return Place(till=till, held=held, desk=desk, finance=finance)


@pytest.fixture(params=CHANNELS)
async def place(
    request: pytest.FixtureRequest, till: Till, client: httpx.AsyncClient, sessions: Sessions
) -> Place:
    return await _place(till, client, request.param)


async def test_what_went_back_at_the_console_is_not_handed_over_before_somebody_has_looked(
    place: Place,
) -> None:
    await place.given_back_at_console(FEN)
    await place.cancelled()

    refused = await place.hand_over()

    assert refusal(refused) == (409, "refund-in-doubt")
    (case,) = await place.cases(CaseKind.REFUND_UNKNOWN)
    payment = await place.payment()
    assert (case.hospital_id, case.subject) == (payment.hospital_id, f"payment:{payment.id}")
    assert ((await place.refund()).state, await place.cash_fen()) == (RefundState.ABNORMAL, 0)

    resolved = await place.finance.post(f"/cases/{case.id}/resolve", resolution="患者没有收到，平台已撤销")
    assert resolved.status_code == 200, resolved.text
    assert (await place.hand_over()).status_code == 200
    await require_sound(place.till.sessions)


async def test_a_part_that_only_the_bill_tells_of_keeps_the_confirmation_waiting(place: Place) -> None:
    await place.given_back_at_console(2000)
    await place.cancelled()
    payment = await place.payment()
    provider = payment.provider
    if provider is Provider.ALIPAY:  # its query does not tell of a part
        assert (await place.hand_over()).status_code == 200

    await place.till.bill(provider)

    path = f"/refunds/{(await place.refund()).id}"
    if provider is Provider.ALIPAY:
        confirmed = await place.finance.post(f"{path}/approve")
        assert refusal(confirmed) == (409, "refund-in-doubt")
    else:
        assert refusal(await place.hand_over()) == (409, "refund-in-doubt")
    (case,) = await place.cases(CaseKind.BILL_REFUND)
    assert (case.hospital_id, case.evidence["bill_fen"]) == (payment.hospital_id, 2000)
    seen = (await place.finance.get(f"/orders/{place.held.order_id}")).json()["cases"]
    assert str(case.id) in {one["id"] for one in seen}
    assert await place.cash_fen() == 0
    await require_sound(place.till.sessions)


async def test_a_payment_that_was_given_back_before_we_heard_of_it_is_a_case_at_once(till: Till) -> None:
    held = await till.hold(fee_fen=FEN)
    await till.fault("notify_never")
    await till.at_cashier(await till.open(held))
    place = Place(till=till, held=held, desk=None, finance=None)  # type: ignore[arg-type]  # nobody acts
    await place.given_back_at_console(FEN)

    await till.hurry()
    await till.settle()

    assert await till.appointment(held) == "booked"
    (case,) = await place.cases(CaseKind.REFUND_UNKNOWN)
    assert case.evidence["payment_id"] == str((await place.payment()).id)


async def test_our_own_refund_that_a_query_sees_is_no_case(place: Place) -> None:
    payment = await place.payment()
    assert (await place.till.cancel(place.held)).status_code == 200
    await place.till.settle()
    assert (await place.refund()).state is RefundState.SUCCESS
    gateway = place.till.app.state.gateways[payment.provider]

    await apply_fact(place.till.sessions, await gateway.query(payment.out_trade_no))

    assert await place.cases(CaseKind.REFUND_UNKNOWN) == []


async def test_a_payment_that_its_provider_calls_closed_is_a_case_and_nothing_is_handed_over(
    place: Place,
) -> None:
    await place.given_back_at_console(FEN)
    await place.cancelled()
    async with transaction(place.till.sessions) as db:
        closed = {"state": "closed", "paid_at": None, "transaction_id": None}
        await db.execute(update(SandboxTrade).values(**closed))

    assert refusal(await place.hand_over()) == (409, "refund-in-doubt")

    (case,) = await place.cases(CaseKind.REFUND_UNKNOWN)
    assert case.evidence["outcome"] == "closed"
    assert await place.cash_fen() == 0
