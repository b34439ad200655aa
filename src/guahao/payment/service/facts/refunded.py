"""How far refunds are: arrived, in trouble, or to be asked for again under a new number."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Json
from guahao.kernel.ids import DIRECTORY, hospital_of
from guahao.payment import policy
from guahao.payment.models import CaseKind, Order, Payment, Refund, RefundState, Source
from guahao.payment.policy import Step, Word
from guahao.payment.ports import Refunded
from guahao.payment.service.case import NewCase, open_case, open_cases
from guahao.payment.service.facts.foreign import foreign_refund, may_be_of_ours, refund_subject
from guahao.payment.service.facts.message import Applied, id_of, is_news, note_outcome
from guahao.payment.service.facts.returned import come_back
from guahao.payment.service.order import locked
from guahao.payment.service.refund import arrived, note_change, promise, void

RENEWALS = 3
"""So often a refund that the provider closed is asked for again under a new number."""

_CASES = (Step.CONTRADICT, Step.ARRIVE_DOUBTED, Step.SUBMIT_DOUBTED)
_FINAL = (Word.PAID_OUT, Word.CAME_BACK, Word.CLOSED)


async def apply_refunded(db: AsyncSession, fact: Refunded) -> Applied:
    """Record how far a refund of ours is, with everything that follows from it, once.

    Never refuses: what does not fit becomes a case for finance, and the provider is thanked. An answer to
    a question has no number of its own, so the same one is judged anew each time, against the row's state.
    """
    payment_id = await _payment_of(db, fact)
    hospital_id = DIRECTORY if payment_id is None else hospital_of(payment_id)
    subject = fact.out_refund_no or fact.out_trade_no
    is_new = await is_news(db, fact, hospital_id=hospital_id, subject=subject)
    if not is_new and fact.source is not Source.QUERY:
        return Applied.REPEATED
    row = None if payment_id is None else await _refund_of(db, payment_id, fact.out_refund_no)
    if payment_id is not None and await _may_be_of_ours(db, payment_id, fact):
        outcome = Applied.UNKNOWN  # the query tells which
    elif row is None or fact.amount_fen not in {None, row.amount_fen}:
        outcome = await _unknown_refund(db, payment_id, fact)
    else:
        order = await locked(db, row.order_id)
        await db.refresh(row)
        outcome = await _follow(db, order, row, fact)
    await note_outcome(db, fact, hospital_id=hospital_id, outcome=outcome)
    return outcome


async def _payment_of(db: AsyncSession, fact: Refunded) -> UUID | None:
    """The payment that a refund number names, else the one its order number names; of this provider."""
    for number in (fact.out_refund_no.partition("R")[0], fact.out_trade_no):
        payment_id = id_of(number)
        if payment_id is None:
            continue
        channel = await db.scalar(
            select(Payment.channel).where(
                Payment.hospital_id == hospital_of(payment_id), Payment.id == payment_id
            )
        )
        if channel is not None and channel.provider is fact.provider:
            return payment_id
    return None


async def _may_be_of_ours(db: AsyncSession, payment_id: UUID, fact: Refunded) -> bool:
    """Whether a word without a number may be about a refund of ours; its amount is that of all of them."""
    least_fen = max(1, fact.amount_fen or 1)
    return not fact.out_refund_no and await may_be_of_ours(
        db, payment_id=payment_id, given_back_fen=least_fen
    )


async def _refund_of(db: AsyncSession, payment_id: UUID, out_refund_no: str) -> Refund | None:
    number = policy.refund_number(out_refund_no, of=payment_id.hex)
    if number is None:
        return None
    row: Refund | None = await db.scalar(
        select(Refund).where(
            Refund.hospital_id == hospital_of(payment_id),
            Refund.payment_id == payment_id,
            Refund.number == number,
        )
    )
    return row


async def _follow(db: AsyncSession, order: Order, row: Refund, fact: Refunded) -> Applied:
    word = policy.word_of(
        fact.outcome, went_to_hospital=fact.went_to_hospital, is_recalled=row.recalled_by is not None
    )
    standing = policy.RefundStanding(
        state=row.state,
        was_handed_over=row.settled_by is not None,
        is_recalled=row.recalled_by is not None,
        has_come_back=row.recalled_at is not None,
    )
    step = policy.step_of(standing, word)
    if step is Step.CONTRADICT and word is not Word.PAID_OUT and _is_overtaken(row, fact):
        step = Step.NOTHING
    if word in _FINAL and row.final_at is None:
        row.final_at = fact.at
    if step in _CASES:
        await _contradiction(db, row, fact)
    if step not in {Step.NOTHING, Step.CONTRADICT}:
        row.channel_refund_id = fact.channel_refund_id or row.channel_refund_id or ""
    await _take(db, order, row, fact, step)
    await db.flush()
    return _outcome_of(step)


def _is_overtaken(row: Refund, fact: Refunded) -> bool:
    """Whether a message is older than the provider's success, and comes late."""
    return row.settled_at is not None and row.settled_by is None and fact.at <= row.settled_at


def _outcome_of(step: Step) -> Applied:
    if step is Step.NOTHING:
        return Applied.REPEATED
    return Applied.UNKNOWN if step is Step.CONTRADICT else Applied.APPLIED


async def _take(db: AsyncSession, order: Order, row: Refund, fact: Refunded, step: Step) -> None:
    match step:
        case Step.NOTHING | Step.CONTRADICT:
            return
        case Step.SUBMIT | Step.SUBMIT_DOUBTED:
            await _submitted(db, row)
        case Step.ARRIVE | Step.ARRIVE_DOUBTED:
            row.recall_asked_by = row.recalled_by = None  # it came to pass without
            await arrived(db, order, row, at=fact.at)
        case Step.FAIL:
            await _abnormal(db, row)
        case Step.COME_BACK:
            await _come_back(db, row, fact)
        case Step.RENEW:
            await _renew(db, order, row)
        case _:
            assert_never(step)


async def _come_back(db: AsyncSession, row: Refund, fact: Refunded) -> None:
    if row.state in {RefundState.REQUESTED, RefundState.SUBMITTED}:
        await _abnormal(db, row)
    await come_back(db, row, fact)


async def _submitted(db: AsyncSession, row: Refund) -> None:
    """It is in work at the provider: for the first time, or again after somebody sent it on there."""
    if row.state is RefundState.SUBMITTED:
        return
    row.state = RefundState.SUBMITTED
    row.settled_by = None
    now = await _now(db)
    row.submitted_at = row.submitted_at or now
    row.tries = 0
    row.due_at = now + policy.follow_after(0)
    await note_change(db, row, "refund.submit", by="system")


async def _abnormal(db: AsyncSession, row: Refund) -> None:
    """It cannot reach its payer; what somebody does about it at the provider is followed."""
    row.state = RefundState.ABNORMAL
    row.tries = 0
    row.due_at = await _now(db) + policy.follow_after(0)
    await db.flush()
    await note_change(db, row, "refund.abnormal", by="system")
    await open_case(
        db,
        hospital_id=row.hospital_id,
        kind=CaseKind.REFUND_ABNORMAL,
        subject=f"refund:{row.id}",
        evidence={"order_id": str(row.order_id), "amount_fen": row.amount_fen},
    )


async def _now(db: AsyncSession) -> datetime:
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    return now


async def _renew(db: AsyncSession, order: Order, row: Refund) -> None:
    """Promise the same again, as often as makes sense."""
    payment = await void(db, order, row, state=RefundState.CLOSED, by="system")
    cause, _, renewed = row.cause.partition("~")
    if int(renewed or 0) >= RENEWALS:
        await open_case(
            db,
            hospital_id=row.hospital_id,
            kind=CaseKind.REFUND_REFUSED,
            subject=f"refund:{row.id}",
            evidence={"order_id": str(row.order_id), "amount_fen": row.amount_fen, "code": "CLOSED"},
        )
        return
    new = await promise(
        db,
        order,
        payment,
        amount_fen=row.amount_fen,
        reason=row.reason,
        cause=f"{cause}~{int(renewed or 0) + 1}",
        by=row.requested_by,
        note=row.note,
    )
    new.approved_by = row.approved_by
    await db.flush()


async def _contradiction(db: AsyncSession, row: Refund, fact: Refunded) -> None:
    """What the provider says cannot be true together with our books: people look, no account moves."""
    await open_case(
        db,
        hospital_id=row.hospital_id,
        kind=CaseKind.REFUND_CONTRADICTION,
        subject=f"refund:{row.id}",
        evidence={
            "order_id": str(row.order_id),
            "amount_fen": row.amount_fen,
            "state": row.state.value,
            "handed_over_by": row.settled_by,
            "outcome": fact.outcome.value,
            "went_to_hospital": fact.went_to_hospital,
            "source": fact.source.value,
        },
    )


async def _unknown_refund(db: AsyncSession, payment_id: UUID | None, fact: Refunded) -> Applied:
    number = fact.out_refund_no or fact.out_trade_no
    evidence: Json = {
        "out_trade_no": fact.out_trade_no,
        "amount_fen": fact.amount_fen,
        "outcome": fact.outcome.value,
        "source": fact.source.value,
    }
    if payment_id is None:
        subject = refund_subject(number, is_of_trade=not fact.out_refund_no, part=str(fact.amount_fen))
        case = NewCase(
            hospital_id=DIRECTORY, kind=CaseKind.REFUND_UNKNOWN, subject=subject, evidence=evidence
        )
    else:
        payment = await db.get_one(Payment, (hospital_of(payment_id), payment_id))
        is_of_trade = fact.out_refund_no in {"", payment.transaction_id}
        subject = refund_subject(number, is_of_trade=is_of_trade, part=str(fact.amount_fen))
        case = foreign_refund(payment, subject=subject, evidence=evidence)
    await open_cases(db, [case])
    return Applied.UNKNOWN
