"""Watching the money: each rule reads a window of time set-based and opens a case for whoever stands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Interval,
    Row,
    Select,
    String,
    and_,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from guahao.kernel.ids import DIRECTORY
from guahao.payment import policy
from guahao.payment.models import (
    CaseKind,
    Channel,
    ChannelMessage,
    Payment,
    PaymentSetting,
    Provider,
    Refund,
    RefundReason,
    RefundState,
    Source,
    WatchKind,
    WatchRule,
)
from guahao.payment.service.case import NewCase, open_case, open_cases
from guahao.payment.service.overdue import overdue

NOTIFIED_WITHIN = timedelta(minutes=10)
"""A notification that has not come by then counts as never having come."""

_NAMED = 20
"""So many identifiers are named in the evidence; the number tells how many there are."""

_Events = Select[*tuple[Any, ...]]
_Text = ColumnElement[str] | InstrumentedAttribute[str]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HELD_BACK = (RefundState.REJECTED, RefundState.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What is counted: rows of (hospital_id, about, at, fen, item).

    `is_sum`: the threshold is of fen. `is_each`: whatever comes on top is a case of its own; else
    there is one case about one account, device or provider in a window.
    """

    kind: WatchKind
    events: _Events
    is_sum: bool = False
    is_each: bool = False


async def watch(db: AsyncSession) -> int:
    """Judge every rule by what has happened lately; answers how many cases are new."""
    opened = 0
    for rule in _RULES:
        found = await db.execute(_judgement(rule))
        opened += await open_cases(db, [_case(rule, row) for row in found])
    return opened + await open_cases(db, await overdue(db))


async def note_signature_failures(
    db: AsyncSession, *, provider: Provider, count: int, since: datetime
) -> None:
    """Open a case for a burst of notifications nobody signed, one for all processes that see it."""
    window = timedelta(minutes=policy.WATCHES[WatchKind.SIGNATURE_FAILURES].window_min)
    begins = since - (since - _EPOCH) % window
    await open_case(
        db,
        hospital_id=DIRECTORY,
        kind=CaseKind.SIGNATURE_FAILURES,
        subject=f"{provider.value}@{_moment(begins)}",
        evidence={"provider": provider.value, "number": count, "since": since.isoformat()},
    )


def _judgement(rule: _Rule) -> Select[*tuple[Any, ...]]:
    """Who reaches the threshold of the hospital, with the window that the last event falls into."""
    default = policy.WATCHES[rule.kind]
    events = rule.events.subquery("seen")
    seen = events.c
    window = _minutes(func.coalesce(WatchRule.window_min, default.window_min))
    number = func.count()
    measure = func.sum(seen.fen) if rule.is_sum else number
    own = and_(WatchRule.hospital_id == seen.hospital_id, WatchRule.kind == rule.kind)
    return (
        select(
            seen.hospital_id,
            seen.about,
            number.label("number"),
            func.sum(seen.fen).label("fen"),
            func.date_bin(window, func.max(seen.at), literal(_EPOCH, DateTime(timezone=True))).label("since"),
            func.array_agg(aggregate_order_by(seen.item, seen.at.desc(), seen.item)).label("items"),
        )
        .select_from(events.outerjoin(WatchRule, own))
        .where(func.coalesce(WatchRule.is_on, default.is_on), seen.at > func.now() - window)
        .group_by(seen.hospital_id, seen.about, WatchRule.threshold, WatchRule.window_min)
        .having(measure >= func.coalesce(WatchRule.threshold, default.threshold))
    )


def _minutes(number: ColumnElement[int]) -> ColumnElement[timedelta]:
    return func.make_interval(0, 0, 0, 0, 0, number, type_=Interval)


def _longest_ago(kind: WatchKind) -> ColumnElement[datetime]:
    """Before this no hospital's window begins: what is older is not even read."""
    own = select(func.max(WatchRule.window_min)).where(WatchRule.kind == kind).scalar_subquery()
    return func.now() - _minutes(func.greatest(own, policy.WATCHES[kind].window_min))


def _case(rule: _Rule, row: Row[*tuple[Any, ...]]) -> NewCase:
    last = row.items[0] if rule.is_each else _moment(row.since)
    return NewCase(
        hospital_id=row.hospital_id,
        kind=CaseKind(rule.kind.value),
        subject=f"{row.about}@{last}",
        evidence={
            "about": row.about,
            "since": row.since.isoformat(),
            "number": row.number,
            "fen": row.fen,
            "items": row.items[:_NAMED],
        },
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def _named(prefix: str, id_: InstrumentedAttribute[Any]) -> ColumnElement[str]:
    return func.concat(prefix, ":", cast(id_, String))


def _events(
    hospital_id: InstrumentedAttribute[int],
    about: _Text,
    at: InstrumentedAttribute[Any],
    fen: InstrumentedAttribute[int],
    item: ColumnElement[str],
) -> _Events:
    return select(
        hospital_id.label("hospital_id"),
        about.label("about"),
        at.label("at"),
        fen.label("fen"),
        item.label("item"),
    )


def _opened_payments(kind: WatchKind, about: _Text) -> _Events:
    return _events(
        Payment.hospital_id, about, Payment.created_at, Payment.amount_fen, _named("payment", Payment.id)
    ).where(Payment.created_at > _longest_ago(kind))


def _many_orders() -> _Events:
    opened = _opened_payments(WatchKind.MANY_ORDERS, _named("account", Payment.payer_account_id))
    return opened.where(Payment.payer_account_id.is_not(None))


def _many_orders_of_device() -> _Events:
    device = func.concat("device:", func.encode(Payment.device_index, "hex"))
    opened = _opened_payments(WatchKind.MANY_ORDERS_DEVICE, device)
    return opened.where(Payment.device_index.is_not(None))


def _pay_refund_cycles() -> _Events:
    """Payments that went back at the payer's wish; what the hospital cancelled is no cycle."""
    at_wish = select(Refund.id).where(
        Refund.hospital_id == Payment.hospital_id,
        Refund.payment_id == Payment.id,
        Refund.reason.in_((RefundReason.CANCELLED, RefundReason.STAFF)),
        Refund.state.not_in(_HELD_BACK),
    )
    return _events(
        Payment.hospital_id,
        _named("account", Payment.payer_account_id),
        Payment.captured_at,
        Payment.refunded_fen,
        _named("payment", Payment.id),
    ).where(
        Payment.captured_at > _longest_ago(WatchKind.PAY_REFUND_CYCLES),
        Payment.refunded_fen > 0,
        Payment.payer_account_id.is_not(None),
        at_wish.exists(),
    )


def _refunds(kind: WatchKind, about: _Text) -> _Events:
    return _events(
        Refund.hospital_id, about, Refund.requested_at, Refund.amount_fen, _named("refund", Refund.id)
    ).where(Refund.requested_at > _longest_ago(kind))


def _large_refund() -> _Events:
    large = _refunds(WatchKind.LARGE_REFUND, _named("refund", Refund.id))
    return large.where(Refund.state.not_in(_HELD_BACK))


def _refund_without_cancellation() -> _Events:
    """Whole amounts that staff sends back, at once or in parts: what is cancelled sends its own back."""
    its_payment = and_(Payment.hospital_id == Refund.hospital_id, Payment.id == Refund.payment_id)
    part = aliased(Refund)
    given = select(func.sum(part.amount_fen)).where(
        part.hospital_id == Payment.hospital_id,
        part.payment_id == Payment.id,
        part.reason == RefundReason.STAFF,
        part.state.not_in(_HELD_BACK),
    )
    whole = _refunds(WatchKind.REFUND_WITHOUT_CANCELLATION, Refund.requested_by)
    return whole.join(Payment, its_payment).where(
        Refund.reason == RefundReason.STAFF,
        Refund.state.not_in(_HELD_BACK),
        given.scalar_subquery() == Payment.captured_fen,
    )


def _change_by_one_person() -> _Events:
    """Refunds above the hospital's limit that went without a second person: a row changed behind our back."""
    alone = _refunds(WatchKind.CHANGE_BY_ONE_PERSON, Refund.requested_by)
    limit_fen = func.coalesce(PaymentSetting.second_person_over_fen, policy.SECOND_PERSON_OVER_FEN)
    return alone.outerjoin(PaymentSetting, PaymentSetting.hospital_id == Refund.hospital_id).where(
        Refund.reason == RefundReason.STAFF,
        Refund.state.not_in((RefundState.AWAITING_APPROVAL, *_HELD_BACK)),
        Refund.approved_by.is_(None),
        Refund.amount_fen > limit_fen,
    )


def _notification_anomaly() -> _Events:
    """Money of which no notification told in time, though the provider promises one."""
    longest_ago = _longest_ago(WatchKind.NOTIFICATION_ANOMALY)
    told = select(ChannelMessage.message_id).where(
        ChannelMessage.hospital_id == Payment.hospital_id,
        ChannelMessage.subject == func.replace(cast(Payment.id, String), "-", ""),
        ChannelMessage.source == Source.NOTIFICATION,
        ChannelMessage.received_at > longest_ago,
        ChannelMessage.received_at <= Payment.captured_at + NOTIFIED_WITHIN,
    )
    return _events(
        Payment.hospital_id,
        func.concat("provider:", func.split_part(cast(Payment.channel, String), "_", 1)),
        Payment.captured_at,
        Payment.captured_fen,
        _named("payment", Payment.id),
    ).where(
        Payment.captured_at > longest_ago,
        Payment.captured_at <= func.now() - NOTIFIED_WITHIN,
        Payment.channel != Channel.CASH,
        ~told.exists(),
    )


_RULES = (
    _Rule(kind=WatchKind.MANY_ORDERS, events=_many_orders()),
    _Rule(kind=WatchKind.MANY_ORDERS_DEVICE, events=_many_orders_of_device()),
    _Rule(kind=WatchKind.PAY_REFUND_CYCLES, events=_pay_refund_cycles()),
    _Rule(kind=WatchKind.LARGE_REFUND, events=_large_refund(), is_sum=True),
    _Rule(kind=WatchKind.REFUND_WITHOUT_CANCELLATION, events=_refund_without_cancellation(), is_each=True),
    _Rule(kind=WatchKind.CHANGE_BY_ONE_PERSON, events=_change_by_one_person(), is_each=True),
    _Rule(kind=WatchKind.NOTIFICATION_ANOMALY, events=_notification_anomaly()),
)
"""Failing signatures are missing here: what is not believed leaves no row to count."""
