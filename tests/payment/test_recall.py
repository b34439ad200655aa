from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.policy.permission import Role
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.payment.models import LedgerAccount, LedgerEntry, Posting, Refund, RefundState
from guahao.payment.ports import (
    ChannelRefused,
    ChannelUncertain,
    Provider,
    Refunded,
    RefundOutcome,
    Source,
    TradeState,
)
from guahao.payment.service.facts import apply_refunded
from tests.factories.office import Member, hire, refusal
from tests.factories.payment import make_order, pay, refunded

pytestmark = pytest.mark.anyio


class Desk:
    """A provider's side of the recall: it answers what it is told to, and counts."""

    provider = Provider.WECHAT

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.trouble: Exception | None = None
        self.answer: Refunded | None = None
        self.amount_fen = 0
        self.at = utc_now()

    async def query_refund(self, **_asked: str) -> Refunded | None:
        return self.answer

    async def query(self, _out_trade_no: str) -> TradeState:
        return TradeState.UNKNOWN

    async def resolve_abnormal_refund(self, *, out_refund_no: str, channel_refund_id: str) -> Refunded:
        self.asked.append((out_refund_no, channel_refund_id))
        if self.trouble is not None:
            raise self.trouble
        return Refunded(
            provider=Provider.WECHAT,
            source=Source.QUERY,
            message_id=f"{out_refund_no}:PROCESSING",
            out_trade_no=out_refund_no.partition("R")[0],
            out_refund_no=out_refund_no,
            channel_refund_id=channel_refund_id,
            amount_fen=self.amount_fen,
            outcome=RefundOutcome.PROCESSING,
            at=self.at,
        )


@pytest.fixture
def provider(app: FastAPI) -> Desk:
    desk = Desk()
    app.state.gateways = {Provider.WECHAT: desk}
    return desk


@pytest.fixture
async def finance(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE)


@pytest.fixture
async def second(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE)


async def stuck(
    sessions: Sessions,
    finance: Member,
    second: Member,
    desk: Desk,
    *,
    fen: int,
    outcome: RefundOutcome = RefundOutcome.ABNORMAL,
) -> Refund:
    """A refund that the provider could not bring to its payer, or of which it told another outcome."""
    async with transaction(sessions) as db:
        order = await make_order(db, amount_fen=fen)
        await pay(db, order.id)
    made = (await finance.post(f"/orders/{order.id}/refunds", amount_fen=fen, note="医院原因")).json()
    if made["state"] == "awaiting_approval":
        await second.post(f"/refunds/{made['id']}/approve")
    async with transaction(sessions) as db:
        row = await db.get_one(Refund, (1, UUID(made["id"])))
        fact = refunded(row, outcome=outcome)
        await apply_refunded(db, fact)
        desk.amount_fen, desk.at = fen, fact.at
        return row


async def row_of(db: AsyncSession, refund: Refund) -> Refund:
    return await db.get_one(Refund, (1, refund.id), populate_existing=True)


async def tell(sessions: Sessions, refund: Refund) -> None:
    async with transaction(sessions) as db:
        await apply_refunded(db, refunded(refund, channel_refund_id="R1"))


async def booked(db: AsyncSession, kind: Posting) -> list[tuple[LedgerAccount, LedgerAccount, int]]:
    rows = await db.execute(
        select(LedgerEntry.debit, LedgerEntry.credit, LedgerEntry.amount_fen).where(LedgerEntry.kind == kind)
    )
    return [(debit, credit, fen) for debit, credit, fen in rows]


async def actions(db: AsyncSession, refund: Refund) -> list[str]:
    found = select(AuditEntryRow.action).where(AuditEntryRow.subject == f"refund:{refund.id}")
    return list(await db.scalars(found.order_by(AuditEntryRow.id)))


async def test_money_that_comes_back_to_the_hospital_has_not_arrived_until_it_is_handed_over(
    finance: Member, second: Member, provider: Desk, sessions: Sessions, db: AsyncSession
) -> None:
    refund = await stuck(sessions, finance, second, provider, fen=5000)
    path = f"/refunds/{refund.id}"
    assert (await finance.get(path)).json()["deeds"] == ["hand_over", "recall"]

    asked = await finance.post(f"{path}/recall")
    await tell(sessions, refund)
    back = (await finance.get(path)).json()
    await finance.post(f"{path}/hand-over", note="窗口退现金")
    given = await second.post(f"{path}/approve")

    assert (asked.status_code, asked.json()["state"]) == (200, "abnormal")
    assert (back["state"], back["recalled_at"] is not None, back["deeds"]) == (
        "abnormal",
        True,
        ["hand_over"],
    )
    assert (given.json()["state"], given.json()["settled_by"]) == ("success", finance.actor)
    assert provider.asked == [(refund.out_refund_no, f"R{refund.id.hex}")]
    assert await booked(db, Posting.REFUND_RECALLED) == [(LedgerAccount.CASH, LedgerAccount.WECHAT, 5000)]
    assert await booked(db, Posting.REFUND_ARRIVED) == [
        (LedgerAccount.REFUNDS_PAYABLE, LedgerAccount.CASH, 5000)
    ]
    assert [one for one in await actions(db, refund) if "recall" in one or "come_back" in one] == [
        "refund.ask_recall",
        "refund.recall",
        "refund.come_back",
    ]


async def test_what_reaches_its_payer_after_all_did_not_come_back(
    finance: Member, second: Member, provider: Desk, sessions: Sessions, db: AsyncSession
) -> None:
    refund = await stuck(sessions, finance, second, provider, fen=5000)
    provider.trouble = ChannelUncertain()
    await finance.post(f"/refunds/{refund.id}/recall")

    async with transaction(sessions) as apart:
        await apply_refunded(apart, refunded(refund, went_to_hospital=False))

    seen = (await finance.get(f"/refunds/{refund.id}")).json()
    assert (seen["state"], seen["recalled_at"], seen["deeds"]) == ("success", None, [])
    assert await booked(db, Posting.REFUND_RECALLED) == []
    assert await booked(db, Posting.REFUND_ARRIVED) == [
        (LedgerAccount.REFUNDS_PAYABLE, LedgerAccount.WECHAT, 5000)
    ]


@pytest.mark.parametrize("outcome", [RefundOutcome.ABNORMAL, RefundOutcome.PROCESSING])
async def test_what_was_taken_back_on_the_providers_own_pages_still_waits_to_be_handed_over(
    finance: Member, second: Member, provider: Desk, sessions: Sessions, outcome: RefundOutcome
) -> None:
    refund = await stuck(sessions, finance, second, provider, fen=5000, outcome=outcome)

    for _ in range(2):
        async with transaction(sessions) as apart:
            await apply_refunded(apart, refunded(refund, went_to_hospital=True))

    seen = (await finance.get(f"/refunds/{refund.id}")).json()
    assert (seen["state"], seen["recalled_at"] is not None) == ("abnormal", True)
    assert seen["deeds"] == ["hand_over"]
    async with sessions() as db:
        assert await booked(db, Posting.REFUND_RECALLED) == [(LedgerAccount.CASH, LedgerAccount.WECHAT, 5000)]
        assert await booked(db, Posting.REFUND_ARRIVED) == []


async def test_row_55_above_the_limit_a_second_person_lets_it_come_back(
    finance: Member, second: Member, provider: Desk, sessions: Sessions
) -> None:
    refund = await stuck(sessions, finance, second, provider, fen=50_000)
    path = f"/refunds/{refund.id}"

    first = await finance.post(f"{path}/recall")
    own = await finance.post(f"{path}/recall")
    assert provider.asked == []
    assert (first.status_code, first.json()["recalled_by"]) == (200, None)
    assert refusal(own) == (409, "same-person")
    assert "recall" not in first.json()["deeds"]
    assert "recall" in (await second.get(path)).json()["deeds"]

    agreed = await second.post(f"{path}/recall")
    assert len(provider.asked) == 1
    assert (agreed.json()["recall_asked_by"], agreed.json()["recalled_by"]) == (finance.actor, second.actor)


async def test_a_provider_that_does_not_answer_is_asked_again_by_anybody(
    finance: Member, second: Member, provider: Desk, sessions: Sessions
) -> None:
    refund = await stuck(sessions, finance, second, provider, fen=5000)
    path = f"/refunds/{refund.id}/recall"
    provider.trouble = ChannelUncertain()
    assert refusal(await finance.post(path)) == (503, "refund-recall-uncertain")
    provider.trouble = None

    assert (await finance.post(path)).status_code == 200

    await tell(sessions, refund)
    assert refusal(await finance.post(path)) == (409, "refund-state-conflict")
    assert len(provider.asked) == 2


async def test_a_provider_that_refuses_leaves_the_refund_as_it_was(
    finance: Member, second: Member, provider: Desk, sessions: Sessions, db: AsyncSession
) -> None:
    refund = await stuck(sessions, finance, second, provider, fen=5000)
    provider.trouble = ChannelRefused("INVALID_REQUEST")

    refused = await finance.post(f"/refunds/{refund.id}/recall")

    row = await row_of(db, refund)
    assert (refusal(refused), refused.json()["reason"]) == ((409, "refund-recall-refused"), "INVALID_REQUEST")
    assert (row.state, row.recall_asked_by, row.recalled_by) == (RefundState.ABNORMAL, None, None)
    assert row.last_error == "INVALID_REQUEST"


async def test_only_what_the_provider_holds_can_come_back(
    finance: Member, second: Member, provider: Desk, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    auditor = await hire(client, sessions, Role.AUDITOR)
    async with transaction(sessions) as db:
        order = await make_order(db)
        await pay(db, order.id)
    made = (await finance.post(f"/orders/{order.id}/refunds", amount_fen=100, note="医院原因")).json()

    early = await finance.post(f"/refunds/{made['id']}/recall")
    reader = await auditor.post(f"/refunds/{made['id']}/recall")

    assert (refusal(early), refusal(reader)) == (
        (409, "refund-state-conflict"),
        (403, "permission-missing"),
    )
    assert (await auditor.get(f"/refunds/{made['id']}")).json()["deeds"] == []
    assert provider.asked == []


async def test_the_news_that_it_came_back_is_booked_once_however_often_it_comes(
    finance: Member, second: Member, provider: Desk, sessions: Sessions, db: AsyncSession
) -> None:
    refund = await stuck(sessions, finance, second, provider, fen=5000)
    await finance.post(f"/refunds/{refund.id}/recall")

    await tell(sessions, refund)
    await tell(sessions, refund)

    assert len(await booked(db, Posting.REFUND_RECALLED)) == 1
    total = select(func.count()).select_from(LedgerEntry).where(LedgerEntry.kind == Posting.REFUND_ARRIVED)
    assert await db.scalar(total) == 0
