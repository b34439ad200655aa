"""Captured money: kept for its order, given back, or a case for finance.

Every notification passes here, so the usual way is a few statements that pass no mapper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    DateTime,
    Integer,
    Text,
    Uuid,
    bindparam,
    case,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from guahao.audit.service import AUDIT_INSERT, AuditEntry, audit_params
from guahao.kernel.db import HotStatement, table, together
from guahao.kernel.events import EVENT_INSERT, event_params
from guahao.kernel.ids import DIRECTORY, hospital_of
from guahao.payment import policy
from guahao.payment.events import PaymentSucceeded
from guahao.payment.models import (
    LIVE,
    CaseKind,
    Channel,
    LedgerAccount,
    Order,
    OrderState,
    Part,
    Payment,
    PaymentState,
    Posting,
    RefundReason,
)
from guahao.payment.ports import Paid
from guahao.payment.service.case import open_case
from guahao.payment.service.facts.message import (
    MESSAGE_INSERT,
    Applied,
    id_of,
    is_news,
    message_params,
    note_outcome,
)
from guahao.payment.service.ledger import LEDGER_INSERT, Booking, ledger_params
from guahao.payment.service.order import close_after_last, locked
from guahao.payment.service.refund import promise

_ORDER, _PAYMENT = table(Order), table(Payment)
_NOW = func.clock_timestamp()


def _given(name: str, kind: TypeEngine[Any]) -> BindParameter[Any]:
    return bindparam(name, type_=kind)


_HOSPITAL, _ID = _given("hospital_id", Integer()), _given("payment_id", Uuid())
_mine = select(_PAYMENT).where(_PAYMENT.c.hospital_id == _HOSPITAL, _PAYMENT.c.id == _ID)
_LOCK_ORDER = HotStatement(
    select(
        _ORDER.c.id,
        _ORDER.c.subject,
        _ORDER.c.state,
        _ORDER.c.amount_fen,
        _ORDER.c.insurance_fen,
        _ORDER.c.other_fen,
        _mine.with_only_columns(_PAYMENT.c.channel).scalar_subquery().label("channel"),
        func.pg_advisory_xact_lock(func.hashtextextended(_given("transaction_id", Text()), 0)),
    )
    .where(
        _ORDER.c.hospital_id == _HOSPITAL,
        _ORDER.c.id == _mine.with_only_columns(_PAYMENT.c.order_id).scalar_subquery(),
    )
    .with_for_update(key_share=True)
)
"""Facts about one transaction wait for each other, also of two hospitals, which no constraint spans."""
_other = _PAYMENT.alias("other")
_IS_TAKEN = (
    select(literal(1))
    .where(
        _other.c.transaction_id == _given("transaction_id", Text()),
        _other.c.id != _ID,
    )
    .exists()
)
"""One transaction pays one order of all hospitals: told for a second, it is a case, trips no constraint."""
_captured = (
    update(_PAYMENT)
    .where(
        _PAYMENT.c.hospital_id == _HOSPITAL,
        _PAYMENT.c.id == _ID,
        ~_IS_TAKEN,
        _PAYMENT.c.state.in_([literal(state.value, Text()) for state in (*LIVE, PaymentState.CLOSED)]),
    )
    .values(
        state=case(
            (_PAYMENT.c.amount_fen == _given("captured_fen", Integer()), literal("captured", Text())),
            else_=literal("disputed", Text()),
        ),
        transaction_id=_given("transaction_id", Text()),
        captured_fen=_given("captured_fen", Integer()),
        captured_at=_given("captured_at", DateTime(timezone=True)),
    )
    .returning(_PAYMENT.c.amount_fen)
    .cte("captured")
)
_CAPTURE = HotStatement(select(_captured.c.amount_fen))
_KEPT = (
    update(_ORDER)
    .where(_ORDER.c.hospital_id == _HOSPITAL, _ORDER.c.id == _given("order_id", Uuid()))
    .values(state=_given("order_state", Text()), paid_payment_id=_ID, paid_at=_NOW)
)
_OTHERS_END = (
    update(_PAYMENT)
    .where(
        _PAYMENT.c.hospital_id == _HOSPITAL,
        _PAYMENT.c.order_id == _given("order_id", Uuid()),
        _PAYMENT.c.id != _ID,
        _PAYMENT.c.state.in_([literal(state.value, Text()) for state in LIVE]),
    )
    .values(state=literal("closing", Text()), due_at=_NOW, queries=0)
)
_BOOK = HotStatement(together(LEDGER_INSERT.statement, AUDIT_INSERT.statement))
_BOOK_AND_KEEP = HotStatement(
    together(
        MESSAGE_INSERT,
        _KEPT,
        _OTHERS_END,
        LEDGER_INSERT.statement,
        AUDIT_INSERT.statement,
        EVENT_INSERT.statement,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A captured payment under its order's lock; `state` is the order's."""

    fact: Paid
    hospital_id: int
    payment_id: UUID
    order_id: UUID
    subject: str
    state: OrderState
    insurance: dict[Part, int]
    asked_fen: int

    @property
    def outcome(self) -> Applied:
        """What becomes of the money."""
        if self.fact.amount_fen != self.asked_fen:
            return Applied.MISMATCH
        match self.state:
            case OrderState.CREATED | OrderState.PAYING | OrderState.CLOSING:
                return Applied.APPLIED
            case OrderState.CLOSED:
                return Applied.LATE
            case (
                OrderState.PAID
                | OrderState.PAID_LATE
                | OrderState.REFUNDING
                | OrderState.PART_REFUNDED
                | OrderState.REFUNDED
            ):
                return Applied.DUPLICATE
            case _:
                assert_never(self.state)


async def apply_paid(db: AsyncSession, fact: Paid) -> Applied:
    """Record captured money, once, with everything that follows from it in the caller's transaction.

    Never refuses: what does not fit becomes a case for finance, and the provider is thanked.
    """
    payment_id = id_of(fact.out_trade_no)
    hospital_id = DIRECTORY if payment_id is None else hospital_of(payment_id)
    is_an_amount = 0 < fact.amount_fen <= policy.MOST_FEN
    one = await _capture(db, fact, hospital_id, payment_id) if payment_id and is_an_amount else None
    if one is not None and one.outcome in {Applied.APPLIED, Applied.LATE}:
        await _keep(db, one)
        return one.outcome
    is_new = await is_news(db, fact, hospital_id=hospital_id, subject=fact.out_trade_no)
    if one is None and not is_new:  # what was captured just now is booked, whatever its message is called
        return Applied.REPEATED
    outcome = await _book_odd(db, one) if one else await _unusual(db, fact, hospital_id, payment_id)
    await note_outcome(db, fact, hospital_id=hospital_id, outcome=outcome)
    return outcome


async def _capture(db: AsyncSession, fact: Paid, hospital_id: int, payment_id: UUID) -> _Case | None:
    """Capture the payment under its order's lock; None if there is none, or it was captured before."""
    key = {"hospital_id": hospital_id, "payment_id": payment_id}
    found = await _LOCK_ORDER.rows(db, key | {"transaction_id": fact.transaction_id})
    if not found or Channel(found[0].channel).provider is not fact.provider:
        return None
    order = found[0]
    proof = {
        "captured_fen": fact.amount_fen,
        "transaction_id": fact.transaction_id,
        "captured_at": fact.paid_at,
    }
    captured = await _CAPTURE.rows(db, key | proof)
    if not captured:
        return None
    parts = policy.parts_of(
        amount_fen=order.amount_fen, insurance_fen=order.insurance_fen, other_fen=order.other_fen
    )
    return _Case(
        fact=fact,
        hospital_id=hospital_id,
        payment_id=payment_id,
        order_id=order.id,
        subject=order.subject,
        state=OrderState(order.state),
        insurance={part: fen for part, fen in parts.items() if part is not Part.CASH},
        asked_fen=captured[0].amount_fen,
    )


async def _book_odd(db: AsyncSession, one: _Case) -> Applied:
    """Captured money that its order does not take: a second payment, or a wrong amount."""
    await _BOOK.rows(db, _books(one))
    if one.outcome is Applied.DUPLICATE:
        await _return(db, one)
    else:
        await _dispute(db, one)
    return one.outcome


def _books(one: _Case, *also: Booking) -> dict[str, Any]:
    is_right = one.outcome is not Applied.MISMATCH
    capture = Booking(
        hospital_id=one.hospital_id,
        kind=Posting.CAPTURE,
        cause=f"capture:{one.payment_id}",
        debit=policy.account_of(one.fact.provider),
        credit=LedgerAccount.PATIENT_MONEY if is_right else LedgerAccount.UNCLEAR,
        amounts={Part.CASH: one.fact.amount_fen},
        order_id=one.order_id,
    )
    entry = AuditEntry(
        hospital_id=one.hospital_id,
        actor="system",
        action="payment.capture" if is_right else "payment.dispute",
        subject=f"payment:{one.payment_id}",
        data={
            "order_id": str(one.order_id),
            "amount_fen": one.fact.amount_fen,
            "outcome": one.outcome.value,
        },
    )
    return ledger_params(capture, *also) | audit_params([entry])


async def _keep(db: AsyncSession, one: _Case) -> None:
    insured = Booking(
        hospital_id=one.hospital_id,
        kind=Posting.CAPTURE,
        cause=f"capture:{one.order_id}",
        debit=LedgerAccount.INSURANCE,
        credit=LedgerAccount.PATIENT_MONEY,
        amounts=one.insurance,
        order_id=one.order_id,
    )
    is_late = one.outcome is Applied.LATE
    told = PaymentSucceeded(
        hospital_id=one.hospital_id, order_id=one.order_id, subject=one.subject, is_late=is_late
    )
    key = {
        "hospital_id": one.hospital_id,
        "payment_id": one.payment_id,
        "order_id": one.order_id,
        "order_state": OrderState.PAID_LATE if is_late else OrderState.PAID,
    }
    message = message_params(
        one.fact, hospital_id=one.hospital_id, subject=one.fact.out_trade_no, outcome=one.outcome
    )
    await _BOOK_AND_KEEP.rows(db, key | message | _books(one, insured) | event_params([told]))


async def _return(db: AsyncSession, one: _Case) -> None:
    order = await locked(db, one.order_id)
    payment = await db.get_one(Payment, (one.hospital_id, one.payment_id), populate_existing=True)
    await promise(
        db,
        order,
        payment,
        amount_fen=payment.captured_fen,
        reason=RefundReason.DUPLICATE,
        cause=f"duplicate:{payment.id}",
        by="system",
    )


async def _dispute(db: AsyncSession, one: _Case) -> None:
    """A case for finance; the payment takes no more money, which its order may have waited for."""
    await close_after_last(db, await locked(db, one.order_id))
    await open_case(
        db,
        hospital_id=one.hospital_id,
        kind=CaseKind.AMOUNT_MISMATCH,
        subject=f"payment:{one.payment_id}",
        evidence={
            "asked_fen": one.asked_fen,
            "captured_fen": one.fact.amount_fen,
            "source": one.fact.source.value,
        },
    )


async def _unusual(db: AsyncSession, fact: Paid, hospital_id: int, payment_id: UUID | None) -> Applied:
    """Money for nothing of ours, or for a payment captured before: told anew, or a second transaction."""
    payment = None
    if payment_id is not None:
        payment = await db.get(Payment, (hospital_id, payment_id), populate_existing=True)
    if payment is None or payment.provider is not fact.provider:
        evidence: dict[str, Any] = {"out_trade_no": fact.out_trade_no, "source": fact.source.value}
        hospital_id = DIRECTORY
    elif payment.transaction_id == fact.transaction_id:
        return Applied.REPEATED
    else:
        evidence = {"payment_id": str(payment_id), "first_transaction": payment.transaction_id}
    is_an_amount = 0 < fact.amount_fen <= policy.MOST_FEN
    await open_case(
        db,
        hospital_id=hospital_id,
        kind=CaseKind.UNKNOWN_ORDER if is_an_amount else CaseKind.AMOUNT_MISMATCH,
        subject=f"transaction:{fact.transaction_id}",
        evidence=evidence | {"amount_fen": fact.amount_fen},
    )
    return Applied.UNKNOWN
