"""Asking the provider again how a refund stands, before its money leaves by another way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import Problem
from guahao.kernel.ids import hospital_of
from guahao.payment.models import Payment, Provider, Refund, RefundState
from guahao.payment.ports import (
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    Gateway,
    Gateways,
    Paid,
    Refunded,
    TradeState,
)
from guahao.payment.service.approval import RefundStateConflict
from guahao.payment.service.facts import apply_fact
from guahao.payment.service.facts.foreign import note_not_paid
from guahao.payment.service.remote import note_refusal, note_unreadable

_CHANGES_OUTSIDE = (
    RefundState.SUBMITTED,
    RefundState.ABNORMAL,
    RefundState.MANUAL,
    RefundState.SUCCESS,
)
"""States in which people act at the provider or over the counter; SUCCESS without a last word there."""


class RefundStateUncertain(Problem):
    """The provider does not say now how the refund stands, so its money may not leave by another way."""

    code = "refund-state-uncertain"
    status = 503
    retry_after_s = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    refund_id: UUID
    state: RefundState
    provider: Provider
    out_trade_no: str
    out_refund_no: str


async def read_refund_again(sessions: Sessions, *, gateways: Gateways, refund_id: UUID) -> None:
    """Ask the provider how a refund stands that people can change there, and record what it says.

    Nothing is asked about refunds of cash, those never sent, and those with a last word. Call it outside
    any transaction and before the one that lets money leave. Raises `RefundStateUncertain`.
    """
    its = (Refund.hospital_id == hospital_of(refund_id), Refund.id == refund_id)
    for known in await _known(sessions, *its):
        await _read(sessions, gateways, known)


async def read_order_again(sessions: Sessions, *, gateways: Gateways, order_id: UUID) -> None:
    """The same for all refunds of an order, before a manual entry about it is proposed or booked.

    Raises `RefundStateUncertain`, and `RefundStateConflict` when one stands otherwise than whoever
    proposes or approves could know.
    """
    its = (Refund.hospital_id == hospital_of(order_id), Refund.order_id == order_id)
    before = await _known(sessions, *its)
    for known in before:
        await _read(sessions, gateways, known)
    async with transaction(sessions) as db:
        for known in before:
            row = await db.get_one(Refund, (hospital_of(known.refund_id), known.refund_id))
            if row.state is not known.state:
                raise RefundStateConflict(state=row.state.value)


async def _known(sessions: Sessions, *its: ColumnElement[bool]) -> Sequence[_Known]:
    async with transaction(sessions) as db:
        return [
            _Known(
                refund_id=refund.id,
                state=refund.state,
                provider=payment.provider,
                out_trade_no=payment.out_trade_no,
                out_refund_no=refund.out_refund_no,
            )
            for refund, payment in await _rows(db, *its)
            if payment.provider is not Provider.CASH
        ]


async def _rows(db: AsyncSession, *its: ColumnElement[bool]) -> Sequence[tuple[Refund, Payment]]:
    rows = await db.execute(
        select(Refund, Payment)
        .join(Payment, (Payment.hospital_id == Refund.hospital_id) & (Payment.id == Refund.payment_id))
        .where(Refund.state.in_(_CHANGES_OUTSIDE), Refund.final_at.is_(None), *its)
        .order_by(Refund.number)
    )
    return [(refund, payment) for refund, payment in rows]


async def _read(sessions: Sessions, gateways: Gateways, known: _Known) -> None:
    gateway = gateways.get(known.provider)
    if gateway is None:
        raise RefundStateUncertain(retry_after_s=RefundStateUncertain.retry_after_s)
    fact = await _ask(sessions, gateway, known)
    if not isinstance(fact, TradeState):
        await apply_fact(sessions, fact)
    elif fact is not TradeState.UNKNOWN:  # which a payment by an older merchant number is
        async with transaction(sessions) as db:
            await note_not_paid(db, out_trade_no=known.out_trade_no, state=fact)


async def _ask(sessions: Sessions, gateway: Gateway, known: _Known) -> Refunded | Paid | TradeState:
    """What the provider says of the refund, or of its payment where it has never heard of the refund.

    It cannot pay such a refund out; but somebody may have given the money back on the provider's own pages.
    """
    try:
        found = await gateway.query_refund(out_trade_no=known.out_trade_no, out_refund_no=known.out_refund_no)
        return found or await gateway.query(known.out_trade_no)
    except ChannelUnreadable as error:
        await note_unreadable(sessions, gateway.provider, error, kind="refund", id_=known.refund_id)
    except ChannelUncertain:
        pass
    except ChannelRefused as refused:
        await note_refusal(sessions, gateway.provider, refused)
    raise RefundStateUncertain(retry_after_s=RefundStateUncertain.retry_after_s)
