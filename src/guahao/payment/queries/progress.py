"""How far the money of an order is, as its patient sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.i18n import text
from guahao.payment import policy
from guahao.payment.models import Channel, Order, Payment, Provider, Refund, RefundReason, RefundState
from guahao.payment.models.order import PAYABLE
from guahao.payment.ports import Gateways
from guahao.payment.queries.setting import choices_of


class Stage(StrEnum):
    """How far a refund is, in the words of the person who waits for it."""

    REQUESTED = "requested"
    SUBMITTED = "submitted"
    ARRIVED = "arrived"
    ATTENTION = "attention"


class RefundWay(StrEnum):
    """By which way a refund reaches the payer; its value names the sentences."""

    ONLINE = "refund-stage"
    CASH = "refund-stage-cash"
    """Paid over the counter, given back there."""
    HANDED = "refund-stage-handed"
    """Paid online; the account takes nothing any more, so that staff gave it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundProgress:
    """One refund on its way."""

    id: UUID
    amount_fen: int
    reason: RefundReason
    way: RefundWay
    stage: Stage
    text: str
    requested_at: datetime
    submitted_at: datetime | None
    arrived_at: datetime | None
    expected_by: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What has been paid by which channel, what goes back, and how it may still be paid."""

    paid_by: Channel | None
    channels: list[Channel]
    refunds: list[RefundProgress]


async def offered(db: AsyncSession, *, hospital_id: int, gateways: Gateways) -> frozenset[Channel]:
    """The channels by which orders of a hospital can be paid online."""
    has_alipay = (await choices_of(db, hospital_id=hospital_id)).is_alipay_offered
    return policy.online_channels([one for one in gateways if has_alipay or one is not Provider.ALIPAY])


async def progress_of(db: AsyncSession, order: Order, *, gateways: Gateways) -> Progress:
    """Read how far an order is."""
    channels = await offered(db, hospital_id=order.hospital_id, gateways=gateways)
    return Progress(
        paid_by=await paid_by(db, order),
        channels=sorted(channels) if order.state in PAYABLE else [],
        refunds=await refunds_of(db, order),
    )


async def paid_by(db: AsyncSession, order: Order) -> Channel | None:
    """The channel of the payment that is kept for the order."""
    if order.paid_payment_id is None:
        return None
    return (await db.get_one(Payment, (order.hospital_id, order.paid_payment_id))).channel


async def refunds_of(db: AsyncSession, order: Order) -> list[RefundProgress]:
    """The order's refunds, oldest first; one that the provider closed gives way to its successor."""
    return [_progress(row, channel) for row, channel in await _refunds(db, order)]


async def _refunds(db: AsyncSession, order: Order) -> Sequence[tuple[Refund, Channel]]:
    rows = await db.execute(
        select(Refund, Payment.channel)
        .join(Payment, (Payment.hospital_id == Refund.hospital_id) & (Payment.id == Refund.payment_id))
        .where(Refund.hospital_id == order.hospital_id, Refund.order_id == order.id)
        .where(Refund.state != RefundState.REJECTED)
        .order_by(Refund.requested_at, Refund.number)
    )
    latest = {row.cause.partition("~")[0]: (row, channel) for row, channel in rows}
    return list(latest.values())


def stage_of(state: RefundState) -> Stage:
    """What a refund's state means to the person who waits for it."""
    match state:
        case RefundState.REQUESTED | RefundState.AWAITING_APPROVAL:
            return Stage.REQUESTED
        case RefundState.SUBMITTED:
            return Stage.SUBMITTED
        case RefundState.SUCCESS:
            return Stage.ARRIVED
        case RefundState.ABNORMAL | RefundState.MANUAL | RefundState.CLOSED | RefundState.REJECTED:
            return Stage.ATTENTION
        case _:
            assert_never(state)


def _progress(row: Refund, channel: Channel) -> RefundProgress:
    stage = stage_of(row.state)
    is_on_its_way = stage in {Stage.REQUESTED, Stage.SUBMITTED} and channel is not Channel.CASH
    way = _way(row, channel)
    began = row.submitted_at or row.requested_at
    return RefundProgress(
        id=row.id,
        amount_fen=row.amount_fen,
        reason=row.reason,
        way=way,
        stage=stage,
        text=stage_text(way, stage, is_waiting=row.state is RefundState.AWAITING_APPROVAL),
        requested_at=row.requested_at,
        submitted_at=row.submitted_at,
        arrived_at=row.settled_at,
        expected_by=began + timedelta(days=policy.REFUND_TAKES_DAYS) if is_on_its_way else None,
    )


def _way(row: Refund, channel: Channel) -> RefundWay:
    if channel is Channel.CASH:
        return RefundWay.CASH
    return RefundWay.ONLINE if row.settled_by is None else RefundWay.HANDED


def stage_text(way: RefundWay, stage: Stage, *, is_waiting: bool = False) -> str:
    """What happens to the money of a refund in that stage; `is_waiting` for a second person's word."""
    is_before = way is RefundWay.HANDED and stage in (Stage.REQUESTED, Stage.SUBMITTED)
    told = RefundWay.ONLINE if is_before else way
    return text(f"{told.value}.{'waiting' if is_waiting else stage.value}")
