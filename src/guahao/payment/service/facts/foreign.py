"""Money that somebody gave back on the provider's own pages: a case, and until then nothing else leaves."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Json
from guahao.kernel.ids import hospital_of
from guahao.payment.models import CaseKind, Payment, Refund, RefundState
from guahao.payment.ports import Paid, TradeState
from guahao.payment.service.case import NewCase, open_cases
from guahao.payment.service.facts.message import id_of


def foreign_refund(
    payment: Payment, *, kind: CaseKind = CaseKind.REFUND_UNKNOWN, subject: str, evidence: Json
) -> NewCase:
    """The case of money of a payment of ours that went back, perhaps without our asking for it."""
    return NewCase(
        hospital_id=payment.hospital_id,
        kind=kind,
        subject=subject,
        evidence=evidence | {"payment_id": str(payment.id), "order_id": str(payment.order_id)},
    )


def refund_subject(number: str, *, is_of_trade: bool, part: str) -> str:
    """What a case about a refund of somebody else is about: each once, however often it is told.

    Refunds made on the provider's own pages may have no number but the trade's: then `part`, such as the
    day or the sum of them, tells one from another.
    """
    return f"refund-number:{number}" + (f"@{part}" if is_of_trade else "")


async def may_be_of_ours(db: AsyncSession, *, payment_id: UUID, given_back_fen: int) -> bool:
    """Whether a provider can have so much from refunds of ours, whatever it answered."""
    payment = await db.get_one(Payment, (hospital_of(payment_id), payment_id))
    return await _asked_fen(db, payment) >= given_back_fen


async def note_given_back(db: AsyncSession, fact: Paid) -> None:
    """Open a case if more went back than the provider can have from us, whatever its answers said."""
    payment = await _payment(db, fact.out_trade_no)
    if payment is None or payment.provider is not fact.provider:
        return
    if await _asked_fen(db, payment) < fact.given_back_fen:
        await _open(db, payment, {"out_trade_no": fact.out_trade_no, "source": fact.source.value})


async def note_not_paid(db: AsyncSession, *, out_trade_no: str, state: TradeState) -> None:
    """Open a case for money that we hold and of which the provider says now that it was never paid."""
    payment = await _payment(db, out_trade_no)
    if payment is not None:
        await _open(db, payment, {"out_trade_no": out_trade_no, "outcome": state.value})


async def _payment(db: AsyncSession, out_trade_no: str) -> Payment | None:
    payment_id = id_of(out_trade_no)
    return await db.get(Payment, (hospital_of(payment_id), payment_id)) if payment_id else None


async def _open(db: AsyncSession, payment: Payment, evidence: Json) -> None:
    await open_cases(db, [foreign_refund(payment, subject=f"payment:{payment.id}", evidence=evidence)])


async def _asked_fen(db: AsyncSession, payment: Payment) -> int:
    """What refunds of ours the provider has, or may have from a call whose answer was lost."""
    may_be_there = or_(
        Refund.channel_refund_id.is_not(None),
        and_(Refund.state == RefundState.REQUESTED, Refund.tries > 0),
    )
    return int(
        await db.scalar(
            select(func.coalesce(func.sum(Refund.amount_fen), 0)).where(
                Refund.hospital_id == payment.hospital_id, Refund.payment_id == payment.id, may_be_there
            )
        )
        or 0
    )
