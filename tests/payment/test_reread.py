"""Nobody gets a refund twice: what a person can change at the provider is read again before money leaves."""

from __future__ import annotations

import json
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.policy.permission import Role
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import hospital_of
from guahao.payment.models import CaseKind, FinanceCase, LedgerAccount, LedgerEntry, Refund, RefundState
from guahao.payment.ports import ChannelRefused, ChannelUncertain, ChannelUnreadable, Provider
from guahao.sandbox.models import SandboxRefund
from guahao.sandbox.wechat_pay.message import Call
from guahao.sandbox.wechat_pay.refunds import apply_abnormal
from tests.factories.books import require_sound
from tests.factories.office import Member, hire, refusal
from tests.factories.till import Held, Till

pytestmark = pytest.mark.anyio

FEN = 5000


class Stuck:
    """A refund that its payer's card does not take, and the people around it."""

    def __init__(self, till: Till, held: Held, desk: Member, finance: Member, second: Member) -> None:
        self.till, self.held = till, held
        self.desk, self.finance, self.second = desk, finance, second

    async def row(self) -> Refund:
        async with transaction(self.till.sessions) as db:
            order_id = UUID(self.held.order_id)
            return (await db.scalars(select(Refund).where(Refund.order_id == order_id))).one()

    async def path(self) -> str:
        return f"/refunds/{(await self.row()).id}"

    async def send_on(self, account: str = "USER_BANK_CARD") -> None:
        """Somebody at the merchant's console sends it on; the notification of that is lost."""
        await self.till.fault("notify_never")
        async with transaction(self.till.sessions) as db:
            refund = (await db.scalars(select(SandboxRefund))).one()
            body = json.dumps({"out_refund_no": refund.out_refund_no, "type": account}).encode()
            call = Call(method="POST", target="", path="", base="", headers={}, body=body)
            await apply_abnormal(db, call, refund_id=refund.refund_id, now=utc_now())

    async def let_it_arrive(self) -> None:
        async with transaction(self.till.sessions) as db:
            await db.execute(text("UPDATE sandbox_refund SET settles_at = created_at"))
        await self.till.deliver()

    async def follow(self) -> None:
        await self.till.hurry()
        await self.till.errands("follow_refunds")

    async def given(self) -> list[tuple[LedgerAccount, int]]:
        """What left the provider's account or the drawer for this refund."""
        leaving = (LedgerAccount.WECHAT, LedgerAccount.CASH)
        async with transaction(self.till.sessions) as db:
            rows = await db.execute(
                select(LedgerEntry.credit, LedgerEntry.amount_fen).where(LedgerEntry.credit.in_(leaving))
            )
            return [(account, fen) for account, fen in rows]

    async def cases(self, kind: CaseKind) -> int:
        async with transaction(self.till.sessions) as db:
            rows = await db.scalars(select(FinanceCase).where(FinanceCase.kind == kind))
            return len(rows.all())


@pytest.fixture
async def stuck(till: Till, client: httpx.AsyncClient, sessions: Sessions) -> Stuck:
    held = await till.booked(fee_fen=FEN)
    await till.fault("refund_abnormal")
    assert (await till.cancel(held)).status_code == 200
    await till.settle()
    hospital_id = hospital_of(held.slot_id)
    people = [
        await hire(client, sessions, role, hospital_id=hospital_id)
        for role in (Role.DESK, Role.FINANCE, Role.FINANCE)
    ]
    it = Stuck(till, held, *people)
    assert (await it.row()).state is RefundState.ABNORMAL
    return it


async def test_what_was_sent_on_at_the_provider_is_not_handed_over_though_nobody_told_us(
    stuck: Stuck,
) -> None:
    await stuck.send_on()

    under_way = await stuck.desk.post(f"{await stuck.path()}/hand-over", note="窗口退现金")
    await stuck.let_it_arrive()
    arrived = await stuck.desk.post(f"{await stuck.path()}/hand-over", note="窗口退现金")
    await stuck.follow()

    assert refusal(under_way) == refusal(arrived) == (409, "refund-state-conflict")
    assert under_way.json()["state"] == "submitted"
    row = await stuck.row()
    assert (row.state, row.settled_by) == (RefundState.SUCCESS, None)
    assert await stuck.given() == [(LedgerAccount.WECHAT, FEN)]
    await require_sound(stuck.till.sessions)


async def test_what_arrived_unheard_is_not_handed_over(stuck: Stuck) -> None:
    await stuck.send_on()
    await stuck.let_it_arrive()

    refused = await stuck.desk.post(f"{await stuck.path()}/hand-over", note="窗口退现金")

    assert (refusal(refused), refused.json()["state"]) == ((409, "refund-state-conflict"), "success")
    assert await stuck.given() == [(LedgerAccount.WECHAT, FEN)]
    await require_sound(stuck.till.sessions)


@pytest.mark.parametrize("has_arrived", [False, True])
async def test_a_handing_over_is_not_confirmed_once_the_provider_sends_the_money_too(
    stuck: Stuck, has_arrived: bool
) -> None:
    given = await stuck.desk.post(f"{await stuck.path()}/hand-over", note="窗口退现金")
    await stuck.send_on()
    if has_arrived:
        await stuck.let_it_arrive()

    refused = await stuck.finance.post(f"{await stuck.path()}/approve")
    await stuck.let_it_arrive()
    await stuck.follow()

    assert given.json()["state"] == "manual"
    assert refusal(refused) == (409, "refund-state-conflict")
    assert (await stuck.row()).state is RefundState.SUCCESS
    assert await stuck.given() == [(LedgerAccount.WECHAT, FEN)]
    assert await stuck.cases(CaseKind.REFUND_CONTRADICTION) == 1
    await require_sound(stuck.till.sessions)


async def test_what_cannot_be_carried_out_goes_on_being_followed(stuck: Stuck) -> None:
    await stuck.follow()
    assert (await stuck.row()).state is RefundState.ABNORMAL
    await stuck.send_on()
    await stuck.let_it_arrive()

    await stuck.follow()

    row = await stuck.row()
    assert (row.state, row.final_at is not None) == (RefundState.SUCCESS, True)
    assert await stuck.given() == [(LedgerAccount.WECHAT, FEN)]


async def test_money_given_in_cash_that_the_provider_sends_too_is_a_case(stuck: Stuck) -> None:
    await stuck.desk.post(f"{await stuck.path()}/hand-over", note="窗口退现金")
    confirmed = await stuck.finance.post(f"{await stuck.path()}/approve")
    await stuck.send_on()
    await stuck.let_it_arrive()

    for _ in range(3):
        await stuck.follow()

    assert confirmed.json()["state"] == "success"
    assert await stuck.given() == [(LedgerAccount.CASH, FEN)]
    assert await stuck.cases(CaseKind.REFUND_CONTRADICTION) == 1
    assert (await stuck.row()).final_at is not None


async def test_what_came_back_to_the_hospital_is_handed_over_from_there(stuck: Stuck) -> None:
    await stuck.send_on("MERCHANT_BANK_CARD")
    early = await stuck.desk.post(f"{await stuck.path()}/hand-over", note="窗口退现金")
    await stuck.let_it_arrive()

    given = await stuck.desk.post(f"{await stuck.path()}/hand-over", note="窗口退现金")
    confirmed = await stuck.finance.post(f"{await stuck.path()}/approve")

    assert refusal(early) == (409, "refund-state-conflict")
    assert (given.json()["state"], confirmed.json()["state"]) == ("manual", "success")
    assert sorted(await stuck.given()) == [(LedgerAccount.CASH, FEN), (LedgerAccount.WECHAT, FEN)]


@pytest.mark.parametrize(
    "trouble", [ChannelUncertain(), ChannelUnreadable("state"), ChannelRefused("NO_AUTH")]
)
@pytest.mark.parametrize("deed", ["hand-over", "recall"])
async def test_a_provider_that_does_not_say_lets_no_money_leave_by_another_way(
    stuck: Stuck, trouble: Exception, deed: str
) -> None:
    class Silent:
        provider = Provider.WECHAT

        async def query_refund(self, **_asked: str) -> None:
            raise trouble

    stuck.till.app.state.gateways = {Provider.WECHAT: Silent()}
    note = {"note": "窗口退现金"} if deed == "hand-over" else {}

    refused = await stuck.finance.post(f"{await stuck.path()}/{deed}", **note)
    stuck.till.app.state.gateways = {}
    gone = await stuck.finance.post(f"{await stuck.path()}/{deed}", **note)

    assert refusal(refused) == refusal(gone) == (503, "refund-state-uncertain")
    assert refused.headers["retry-after"] == "10"
    row = await stuck.row()
    assert (row.state, row.recall_asked_by) == (RefundState.ABNORMAL, None)


async def test_a_recall_of_what_was_sent_on_is_refused(stuck: Stuck) -> None:
    await stuck.send_on()

    refused = await stuck.finance.post(f"{await stuck.path()}/recall")

    assert (refusal(refused), refused.json()["state"]) == ((409, "refund-state-conflict"), "submitted")


async def test_a_manual_entry_about_an_order_waits_for_what_its_refund_became(
    stuck: Stuck, db: AsyncSession
) -> None:
    entry = {
        "hospital_id": hospital_of(stuck.held.slot_id),
        "debit": "refunds_payable",
        "credit": "cash",
        "amount_fen": FEN,
        "order_id": stuck.held.order_id,
        "note": "窗口退现金",
    }
    proposed = await stuck.finance.post("/ledger/adjustments", **entry)
    await stuck.send_on()

    late = await stuck.second.post(f"/ledger/adjustments/{proposed.json()['id']}/approve")
    again = await stuck.finance.post("/ledger/adjustments", **entry)

    assert proposed.status_code == 201
    assert (refusal(late), late.json()["state"]) == ((409, "refund-state-conflict"), "submitted")
    assert again.status_code == 201  # by now whoever proposes it can see that it is under way
    assert await stuck.given() == []
