"""Every constraint that a provider's genuine word could trip: it becomes a case, and never an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import ColumnElement, Constraint, ForeignKeyConstraint, PrimaryKeyConstraint, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Base, Sessions, transaction
from guahao.payment import models
from guahao.payment.models import FinanceCase, LedgerEntry, Payment, Refund
from guahao.payment.ports import Paid, Refunded, RefundOutcome
from guahao.payment.service.facts import Applied, apply_fact
from guahao.payment.service.refund import refund
from tests.factories.payment import make_order, open_payment, paid, pay, refunded, refunds_of

pytestmark = pytest.mark.anyio
TABLES = (models.Order, Payment, Refund, models.ChannelMessage, FinanceCase, LedgerEntry)


def named(table: type[Base]) -> set[str]:
    """The constraints of a table by name; a key without one by its table and columns."""
    declared = table.metadata.tables[table.__tablename__]
    names = {_name(one) for one in declared.constraints}
    return names | {str(index.name) for index in declared.indexes if index.unique}


def _name(one: Constraint) -> str:
    if isinstance(one, PrimaryKeyConstraint):
        return f"{one.table.name}_pkey"
    if isinstance(one, ForeignKeyConstraint):
        return f"{one.table.name} -> {one.referred_table.name}"
    return str(one.name)


async def another(sessions: Sessions) -> Payment:
    async with transaction(sessions) as db:
        return await open_payment(db, (await make_order(db)).id)


async def captured(sessions: Sessions) -> Payment:
    async with transaction(sessions) as db:
        return await pay(db, (await make_order(db)).id)


async def promised(sessions: Sessions) -> Refund:
    async with transaction(sessions) as db:
        payment = await pay(db, (await make_order(db)).id)
        await refund(db, order_id=payment.order_id)
        return (await refunds_of(db, payment.order_id))[0]


Facts = Callable[[Sessions], Awaitable[list[Paid | Refunded]]]


async def amount_of_nothing(sessions: Sessions) -> list[Paid | Refunded]:
    payment = await another(sessions)
    return [paid(payment, amount_fen=0), paid(payment, amount_fen=-1), paid(payment, amount_fen=2**31)]


async def number_of_nobody(sessions: Sessions) -> list[Paid | Refunded]:
    payment, back = await another(sessions), await promised(sessions)
    return [
        replace(paid(payment), out_trade_no="0" * 32),
        replace(paid(payment), out_trade_no="G" * 32),
        refunded(back, out_trade_no="0" * 32, out_refund_no="0" * 32 + "R1"),
        refunded(back, out_refund_no=f"{back.payment_id.hex}R99"),
        refunded(back, out_refund_no=f"{back.payment_id.hex}R0"),
        refunded(back, out_refund_no=f"{back.payment_id.hex}R{2**40}"),
    ]


async def one_transaction_twice(sessions: Sessions) -> list[Paid | Refunded]:
    return [paid(await another(sessions), transaction_id="T1") for _ in range(3)]


async def two_transactions_of_one_payment(sessions: Sessions) -> list[Paid | Refunded]:
    payment = await captured(sessions)
    return [paid(payment, transaction_id=f"second-{number}") for number in range(2)]


async def one_message_twice(sessions: Sessions) -> list[Paid | Refunded]:
    back = await promised(sessions)
    payments = [await another(sessions), await another(sessions)]
    told: list[Paid | Refunded] = [paid(row, amount_fen=7, message_id="M1") for row in payments]
    return [
        *told,
        refunded(back, message_id="M1", amount_fen=7),
        refunded(back, message_id="M2", amount_fen=7),
    ]


async def more_back_than_was_paid(sessions: Sessions) -> list[Paid | Refunded]:
    back = await promised(sessions)
    return [refunded(back, amount_fen=fen) for fen in (5001, 0, -1, 2**31, 2**63)]


async def every_word_of_one_refund(sessions: Sessions) -> list[Paid | Refunded]:
    back = await promised(sessions)
    outcomes = [RefundOutcome.CLOSED, *RefundOutcome, *reversed(RefundOutcome)]
    return [
        refunded(back, outcome=outcome, went_to_hospital=own) for outcome in outcomes for own in (True, None)
    ]


REACHED: dict[str, Facts] = {
    "channel_message_pkey": one_message_twice,
    "finance_case_once_per_subject": one_transaction_twice,
    "ledger_entry_amount_positive": amount_of_nothing,
    "ledger_entry_once_per_cause": every_word_of_one_refund,
    "payment -> payment_order": number_of_nobody,
    "payment_captured_has_a_proof": two_transactions_of_one_payment,
    "payment_captured_has_an_amount": amount_of_nothing,
    "payment_order_paid_has_a_time": two_transactions_of_one_payment,
    "payment_refunds_at_most_50": every_word_of_one_refund,
    "payment_refunds_within_captured": more_back_than_was_paid,
    "payment_transaction_once": one_transaction_twice,
    "refund -> payment": number_of_nobody,
    "refund -> payment_order": number_of_nobody,
    "refund_amount_positive": more_back_than_was_paid,
    "refund_number_in_range": number_of_nobody,
    "refund_number_once": every_word_of_one_refund,
    "refund_once_per_cause": every_word_of_one_refund,
    "refund_recall_has_a_name": every_word_of_one_refund,
    "refund_success_has_a_time": every_word_of_one_refund,
}
OURS = {
    "finance_case_pkey",
    "finance_case_resolution_has_a_name",
    "ledger_entry_moves_something",
    "ledger_entry_pkey",
    "payment_amount_positive",
    "payment_channel_known",
    "payment_one_open_per_order",
    "payment_order_amount_not_negative",
    "payment_order_one_per_subject",
    "payment_order_parts_fit",
    "payment_order_pkey",
    "payment_order_state_known",
    "payment_pkey",
    "payment_state_known",
    "refund_approved_by_another",
    "refund_pkey",
    "refund_reason_known",
    "refund_state_known",
}
"""About what is written before a provider hears of it, or by people: no word of a provider changes it."""

KINDS: dict[Facts, set[str]] = {
    amount_of_nothing: {"amount_mismatch"},
    number_of_nobody: {"unknown_order", "refund_unknown"},
    one_transaction_twice: {"unknown_order"},
    two_transactions_of_one_payment: {"unknown_order"},
    one_message_twice: {"amount_mismatch", "refund_unknown"},
    more_back_than_was_paid: {"refund_unknown"},
    every_word_of_one_refund: {"refund_contradiction"},
}


def test_every_constraint_of_the_money_is_either_tried_or_out_of_a_providers_reach() -> None:
    every = set().union(*(named(table) for table in TABLES))

    assert every == set(REACHED) | OURS
    assert set(REACHED) & OURS == set()


@pytest.mark.parametrize("facts", KINDS, ids=lambda facts: facts.__name__)
async def test_a_genuine_word_that_a_constraint_forbids_is_a_case_and_moves_nothing(
    sessions: Sessions, db: AsyncSession, facts: Facts
) -> None:
    told = await facts(sessions)

    first = [await apply_fact(sessions, fact) for fact in told]
    before = await money(db)
    again = [await apply_fact(sessions, fact) for fact in told]

    assert Applied.UNKNOWN in first or Applied.MISMATCH in first
    assert Applied.APPLIED not in again
    assert set(await db.scalars(select(FinanceCase.kind))) == KINDS[facts]
    assert await money(db) == before
    assert before[0] == 0


async def money(db: AsyncSession) -> list[int]:
    """Captured money without an entry for it, then what is captured, promised back and entered."""

    async def total(column: ColumnElement[int]) -> int:
        return int(await db.scalar(select(func.coalesce(func.sum(column), 0))) or 0)

    entered = select(func.coalesce(func.sum(LedgerEntry.amount_fen), 0)).where(LedgerEntry.kind == "capture")
    captured_fen = await total(Payment.captured_fen)
    lacking = captured_fen - int(await db.scalar(entered) or 0)
    return [lacking, captured_fen, await total(Payment.refunded_fen), await total(LedgerEntry.amount_fen)]
