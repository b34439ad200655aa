"""Taking a refund that cannot reach its payer back from the provider, so that it can be handed over."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound, Problem, SamePerson
from guahao.kernel.ids import hospital_of
from guahao.payment import policy
from guahao.payment.models import Payment, Provider, Refund
from guahao.payment.ports import ChannelRefused, ChannelUncertain, Gateways
from guahao.payment.queries.setting import setting_of
from guahao.payment.service.approval import RefundStateConflict
from guahao.payment.service.facts import apply_fact
from guahao.payment.service.order import locked
from guahao.payment.service.refund import note_change
from guahao.payment.service.remote import note_refusal
from guahao.payment.service.rereading import read_refund_again


class RecallUncertain(Problem):
    """The provider does not answer; asking again is harmless."""

    code = "refund-recall-uncertain"
    status = 503
    retry_after_s = 10


class RecallRefused(Problem):
    """The provider will not give the amount back to the hospital (`reason` is its own code)."""

    code = "refund-recall-refused"
    status = 409


async def recall(sessions: Sessions, *, gateways: Gateways, refund_id: UUID, by: str) -> None:
    """Ask the provider to send an amount that could not reach its payer to the hospital's own account.

    Above the hospital's limit the first person's wish waits for a second. Repeating is harmless: the
    refund's number stays. Raises `NotFound`, `SamePerson`, `RefundStateConflict`, `RefundStateUncertain`,
    `RecallUncertain`, `RecallRefused`.
    """
    await read_refund_again(sessions, gateways=gateways, refund_id=refund_id)
    async with transaction(sessions) as db:
        row = await _let_go(db, refund_id, by=by)
    if row is None:
        return
    gateway = gateways.get(Provider.WECHAT)
    if gateway is None or not row.channel_refund_id:
        raise RecallUncertain(retry_after_s=RecallUncertain.retry_after_s)
    try:
        fact = await gateway.resolve_abnormal_refund(
            out_refund_no=row.out_refund_no, channel_refund_id=row.channel_refund_id
        )
    except ChannelUncertain:
        raise RecallUncertain(retry_after_s=RecallUncertain.retry_after_s) from None
    except ChannelRefused as refused:
        await note_refusal(sessions, gateway.provider, refused)
        await _take_back(sessions, refund_id, refused)
        raise RecallRefused(reason=refused.code) from None
    await apply_fact(sessions, fact)


def facts_of(row: Refund, provider: Provider) -> policy.RefundFacts:
    """What decides about what may be done about a refund."""
    return policy.RefundFacts(
        state=row.state,
        provider=provider,
        was_taken_by_provider=row.channel_refund_id is not None,
        requested_by=row.requested_by,
        settled_by=row.settled_by,
        recall_asked_by=row.recall_asked_by,
        recalled_by=row.recalled_by,
        is_recalled=row.recalled_at is not None,
    )


async def _let_go(db: AsyncSession, refund_id: UUID, *, by: str) -> Refund | None:
    """The refund to take back now, or None while it waits for a second person."""
    row = await _locked(db, refund_id)
    payment = await db.get_one(Payment, (row.hospital_id, row.payment_id))
    if not facts_of(row, payment.provider).may_be_recalled:
        raise RefundStateConflict(state=row.state.value)
    if row.recalled_by is not None:
        return row
    if row.recall_asked_by is None:
        row.recall_asked_by = by
        await db.flush()
        await note_change(db, row, "refund.ask_recall", by=by)
        limit_fen = (await setting_of(db, row.hospital_id)).second_person_over_fen
        if policy.needs_second_person(row.amount_fen, limit_fen=limit_fen):
            return None
    elif row.recall_asked_by == by:
        raise SamePerson
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    row.recalled_by, row.tries, row.due_at = by, 0, now + policy.follow_after(0)
    await db.flush()
    await note_change(db, row, "refund.recall", by=by)
    return row


async def _take_back(sessions: Sessions, refund_id: UUID, refused: ChannelRefused) -> None:
    async with transaction(sessions) as db:
        row = await _locked(db, refund_id)
        if row.recalled_at is not None:
            return
        row.recall_asked_by = row.recalled_by = None
        row.last_error = refused.code
        await db.flush()
        await note_change(db, row, "refund.recall_refused", by="system")


async def _locked(db: AsyncSession, refund_id: UUID) -> Refund:
    row = await db.get(Refund, (hospital_of(refund_id), refund_id))
    if row is None:
        raise NotFound
    await locked(db, row.order_id)
    await db.refresh(row)
    return row
