"""Every word of a provider about a refund, in every state the refund can be in."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.payment.models import (
    CaseKind,
    CaseState,
    FinanceCase,
    LedgerAccount,
    LedgerEntry,
    Order,
    OrderState,
    Payment,
    Refund,
    RefundState,
    Source,
)
from guahao.payment.policy import RefundStanding, Step, Word, step_of, word_of
from guahao.payment.ports import Refunded, RefundOutcome
from guahao.payment.service import approval
from guahao.payment.service.facts import Applied, apply_refunded
from guahao.payment.service.refund import request
from tests.factories.payment import make_order, pay, refunded, refunds_of

pytestmark = pytest.mark.anyio

FEN = 5000


@dataclass(frozen=True, kw_only=True)
class Start:
    """A state, and how a refund gets there."""

    words: tuple[Word, ...] = ()
    waits: bool = False
    is_rejected: bool = False
    is_handed_over: bool = False
    is_confirmed: bool = False
    is_recalled: bool = False


STARTS = {
    "awaiting_approval": Start(waits=True),
    "rejected": Start(waits=True, is_rejected=True),
    "requested": Start(),
    "submitted": Start(words=(Word.PROCESSING,)),
    "abnormal": Start(words=(Word.ABNORMAL,)),
    "abnormal, recalled": Start(words=(Word.ABNORMAL,), is_recalled=True),
    "abnormal, came back": Start(words=(Word.ABNORMAL, Word.CAME_BACK)),
    "handed over": Start(words=(Word.ABNORMAL,), is_handed_over=True),
    "handed over, recalled": Start(words=(Word.ABNORMAL,), is_handed_over=True, is_recalled=True),
    "handed over, came back": Start(words=(Word.ABNORMAL, Word.CAME_BACK), is_handed_over=True),
    "given": Start(words=(Word.ABNORMAL,), is_handed_over=True, is_confirmed=True),
    "given, recalled": Start(
        words=(Word.ABNORMAL,), is_handed_over=True, is_confirmed=True, is_recalled=True
    ),
    "given, came back": Start(words=(Word.ABNORMAL, Word.CAME_BACK), is_handed_over=True, is_confirmed=True),
    "paid out": Start(words=(Word.PAID_OUT,)),
    "closed": Start(words=(Word.CLOSED,)),
}
CONTRADICTIONS = {Step.CONTRADICT, Step.ARRIVE_DOUBTED, Step.SUBMIT_DOUBTED}


def said(refund: Refund, word: Word, **overrides: object) -> Refunded:
    outcome = {
        Word.PROCESSING: RefundOutcome.PROCESSING,
        Word.ABNORMAL: RefundOutcome.ABNORMAL,
        Word.CLOSED: RefundOutcome.CLOSED,
    }.get(word, RefundOutcome.SUCCESS)
    went = word is Word.CAME_BACK if outcome is RefundOutcome.SUCCESS else None
    return refunded(refund, outcome=outcome, went_to_hospital=went, at=utc_now(), **overrides)


async def started(sessions: Sessions, start: Start) -> UUID:
    async with transaction(sessions) as db:
        order = await make_order(db, amount_fen=FEN)
        await pay(db, order.id)
        limit_fen = 0 if start.waits else FEN
        row = await request(
            db, order_id=order.id, amount_fen=FEN, note="停诊", by="staff:one", limit_fen=limit_fen
        )
        if start.is_rejected:
            await approval.reject(db, refund_id=row.id, note="不同意", by="staff:two")
    for word in start.words:
        async with transaction(sessions) as db:
            await apply_refunded(db, said(await db.get_one(Refund, (1, row.id)), word))
    async with transaction(sessions) as db:
        if start.is_handed_over:
            await approval.hand_over(db, refund_id=row.id, note="现金", by="staff:one")
        if start.is_confirmed:
            await approval.approve(db, refund_id=row.id, by="staff:two")
        if start.is_recalled:
            await db.execute(update(Refund).where(Refund.id == row.id).values(recalled_by="staff:two"))
    return row.id


async def standing_of(db: AsyncSession, refund_id: UUID) -> RefundStanding:
    row = await db.get_one(Refund, (1, refund_id), populate_existing=True)
    return RefundStanding(
        state=row.state,
        was_handed_over=row.settled_by is not None,
        is_recalled=row.recalled_by is not None,
        has_come_back=row.recalled_at is not None,
    )


async def accounts(db: AsyncSession) -> Counter[LedgerAccount]:
    sums: Counter[LedgerAccount] = Counter()
    for entry in await db.scalars(select(LedgerEntry)):
        sums[entry.debit] += entry.amount_fen
        sums[entry.credit] -= entry.amount_fen
    return sums


async def taken_from_provider(db: AsyncSession) -> int:
    total = select(func.coalesce(func.sum(LedgerEntry.amount_fen), 0)).where(
        LedgerEntry.credit == LedgerAccount.WECHAT
    )
    return int((await db.scalars(total)).one())


async def contradictions(db: AsyncSession) -> int:
    number = select(func.count()).select_from(FinanceCase)
    its = number.where(FinanceCase.kind == CaseKind.REFUND_CONTRADICTION)
    return int((await db.scalars(its)).one())


@pytest.mark.parametrize("word", Word)
@pytest.mark.parametrize("start", STARTS)
async def test_whatever_a_provider_says_moves_its_account_once_and_a_contradiction_moves_nothing(
    sessions: Sessions, start: str, word: Word
) -> None:
    refund_id = await started(sessions, STARTS[start])
    async with transaction(sessions) as db:
        before, standing = await accounts(db), await standing_of(db, refund_id)
        row = await db.get_one(Refund, (1, refund_id))
        order_before = (await db.get_one(Order, (1, row.order_id))).state
    step = step_of(standing, word)

    for number in range(3):  # by two messages and the first of them again
        async with transaction(sessions) as db:
            row = await db.get_one(Refund, (1, refund_id))
            await apply_refunded(db, said(row, word, message_id=f"{number % 2}"))

    async with transaction(sessions) as db:
        after = await accounts(db)
        assert sum(after.values()) == 0
        assert await taken_from_provider(db) <= FEN
        assert await contradictions(db) == (1 if step in CONTRADICTIONS else 0)
        if step in {Step.NOTHING, Step.CONTRADICT}:
            assert after == before
            assert await standing_of(db, refund_id) == standing
            assert (await db.get_one(Order, (1, row.order_id))).state is order_before


@pytest.mark.parametrize(("first", "then"), list(itertools.product(Word, repeat=2)))
async def test_any_two_words_about_a_refund_take_its_amount_from_the_provider_once_at_most(
    sessions: Sessions, first: Word, then: Word
) -> None:
    refund_id = await started(sessions, STARTS["submitted"])

    for word in (first, then, first):
        async with transaction(sessions) as db:
            await apply_refunded(db, said(await db.get_one(Refund, (1, refund_id)), word))

    async with transaction(sessions) as db:
        assert sum((await accounts(db)).values()) == 0
        assert await taken_from_provider(db) <= FEN


def test_every_standing_has_a_step_for_every_word() -> None:
    flags = itertools.product([False, True], repeat=3)

    for state, (handed, recalled, back), word in itertools.product(RefundState, list(flags), Word):
        standing = RefundStanding(
            state=state, was_handed_over=handed, is_recalled=recalled, has_come_back=back
        )
        assert isinstance(step_of(standing, word), Step)


@pytest.mark.parametrize("is_recalled", [False, True])
def test_a_success_ends_where_it_says_or_else_where_it_was_asked_to(is_recalled: bool) -> None:
    def word(went: bool | None) -> Word:
        return word_of(RefundOutcome.SUCCESS, went_to_hospital=went, is_recalled=is_recalled)

    assert (word(True), word(False)) == (Word.CAME_BACK, Word.PAID_OUT)
    assert word(None) is (Word.CAME_BACK if is_recalled else Word.PAID_OUT)


async def test_a_success_that_later_names_the_hospitals_account_is_a_case_and_moves_nothing(
    sessions: Sessions, db: AsyncSession
) -> None:
    refund_id = await started(sessions, STARTS["paid out"])
    async with transaction(sessions) as writing:
        row = await writing.get_one(Refund, (1, refund_id))
        fact = said(row, Word.CAME_BACK)
        assert await apply_refunded(writing, fact) is Applied.UNKNOWN

    assert (await accounts(db))[LedgerAccount.WECHAT] == 0
    assert (await accounts(db))[LedgerAccount.CASH] == 0
    case = (await db.scalars(select(FinanceCase).where(FinanceCase.kind == "refund_contradiction"))).one()
    assert (case.subject, case.hospital_id) == (f"refund:{refund_id}", 1)
    assert (await db.get_one(Order, (1, row.order_id))).state is OrderState.REFUNDED


async def test_what_was_sent_on_at_the_provider_is_under_way_again_and_can_fail_again(
    sessions: Sessions, db: AsyncSession
) -> None:
    refund_id = await started(sessions, STARTS["abnormal"])
    states = []

    for word in (Word.PROCESSING, Word.ABNORMAL, Word.PROCESSING, Word.PAID_OUT):
        async with transaction(sessions) as writing:
            row = await writing.get_one(Refund, (1, refund_id))
            # an answer to a question has the same name each time its word is the same
            await apply_refunded(writing, said(row, word, source=Source.QUERY, message_id=f"query:{word}"))
        states.append((await db.get_one(Refund, (1, refund_id), populate_existing=True)).state)

    assert states == [
        RefundState.SUBMITTED,
        RefundState.ABNORMAL,
        RefundState.SUBMITTED,
        RefundState.SUCCESS,
    ]


async def test_an_old_message_that_comes_after_the_success_is_no_contradiction(
    sessions: Sessions, db: AsyncSession
) -> None:
    refund_id = await started(sessions, STARTS["submitted"])
    async with transaction(sessions) as writing:
        row = await writing.get_one(Refund, (1, refund_id))
        failed, arrived = said(row, Word.ABNORMAL), said(row, Word.PAID_OUT)
        await apply_refunded(writing, arrived)
        assert await apply_refunded(writing, failed) is Applied.REPEATED

    assert await contradictions(db) == 0


async def test_a_word_of_another_provider_about_our_number_is_not_about_our_refund(
    sessions: Sessions, db: AsyncSession
) -> None:
    refund_id = await started(sessions, STARTS["submitted"])
    async with transaction(sessions) as writing:
        row = await writing.get_one(Refund, (1, refund_id))
        assert await apply_refunded(writing, said(row, Word.PAID_OUT, provider="alipay")) is Applied.UNKNOWN

    assert (await db.get_one(Refund, (1, refund_id))).state is RefundState.SUBMITTED


@pytest.mark.parametrize("named_by", ["", "the trade"])
async def test_each_piece_that_a_console_gave_back_without_a_number_of_its_own_is_a_case(
    sessions: Sessions, db: AsyncSession, named_by: str
) -> None:
    payment = await pay(db, (await make_order(db, amount_fen=FEN)).id)
    await db.commit()
    await db.refresh(payment)
    number = payment.transaction_id if named_by else ""
    assert number is not None

    for sum_fen, message_id in ((1000, "first"), (1000, "first"), (3000, "second"), (3000, "repeated")):
        async with transaction(sessions) as writing:
            await apply_refunded(writing, foreign(payment, number, sum_fen, message_id))
        async with transaction(sessions) as writing:
            await writing.execute(update(FinanceCase).values(**RESOLVED))

    rows = select(FinanceCase.evidence["amount_fen"].as_integer()).order_by(FinanceCase.id)
    assert list(await db.scalars(rows)) == [1000, 3000]


@pytest.mark.parametrize(
    ("start", "sum_fen", "is_foreign"),
    [
        ("awaiting_approval", FEN, True),
        ("rejected", FEN, True),
        ("requested", FEN, True),
        ("submitted", FEN, False),
        ("submitted", FEN + 1, True),
        ("paid out", FEN, False),
    ],
)
async def test_money_that_went_back_without_a_number_is_ours_as_far_as_the_provider_was_asked(
    sessions: Sessions, db: AsyncSession, start: str, sum_fen: int, is_foreign: bool
) -> None:
    refund = await db.get_one(Refund, (1, await started(sessions, STARTS[start])))
    payment = await db.get_one(Payment, (1, refund.payment_id))

    async with transaction(sessions) as writing:
        outcome = await apply_refunded(writing, foreign(payment, "", sum_fen, "console"))

    unknown = select(func.count()).select_from(FinanceCase)
    assert await db.scalar(unknown.where(FinanceCase.kind == CaseKind.REFUND_UNKNOWN)) == int(is_foreign)
    assert outcome is Applied.UNKNOWN


RESOLVED = {
    "state": CaseState.RESOLVED,
    "resolved_at": func.now(),
    "resolved_by": "staff:one",
    "resolution": "已核对",
}


def foreign(payment: Payment, number: str, sum_fen: int, message_id: str) -> Refunded:
    """What a provider tells of refunds that somebody made on its own pages; the amount is their sum."""
    return Refunded(
        provider=payment.provider,
        source=Source.NOTIFICATION,
        message_id=message_id,
        out_trade_no=payment.out_trade_no,
        out_refund_no=number,
        channel_refund_id=number,
        amount_fen=sum_fen,
        outcome=RefundOutcome.SUCCESS,
        at=utc_now(),
    )


async def test_rejected_requests_take_no_number_of_the_fifty(sessions: Sessions, db: AsyncSession) -> None:
    async with transaction(sessions) as writing:
        order = await make_order(writing, amount_fen=FEN)
        await pay(writing, order.id)
        for _ in range(60):
            row = await request(
                writing, order_id=order.id, amount_fen=10, note="错", by="staff:one", limit_fen=0
            )
            await approval.reject(writing, refund_id=row.id, note="不同意", by="staff:two")
        last = await request(
            writing, order_id=order.id, amount_fen=FEN, note="停诊", by="staff:one", limit_fen=FEN
        )

    assert last.number == 61
    async with transaction(sessions) as writing:
        assert await apply_refunded(writing, said(last, Word.PAID_OUT)) is Applied.APPLIED
    assert (await db.get_one(Order, (1, order.id))).state is OrderState.REFUNDED
    assert len(await refunds_of(db, order.id)) == 61
