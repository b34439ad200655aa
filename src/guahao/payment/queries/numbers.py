"""Numbers about money that monitoring asks the database for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal_column, select

from guahao.kernel.db import is_exactly
from guahao.payment.models import (
    BillRun,
    BillState,
    CaseState,
    ChannelMessage,
    FinanceCase,
    Refund,
    Source,
)
from guahao.payment.models.refund import UNSETTLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number; `select` answers one row of one column."""

    name: str
    meaning: str
    select: Select[Any]


_IS_UNSETTLED = Refund.state.in_([literal_column(f"'{state.value}'") for state in UNSETTLED])
"""In the statement's text, as the partial index needs it."""

_PAYABLE = select(func.sum(Refund.amount_fen)).where(_IS_UNSETTLED)
_REFUND_AGE = select(func.extract("epoch", func.now() - func.min(Refund.requested_at))).where(_IS_UNSETTLED)
_OPEN = select(func.count()).select_from(FinanceCase).where(is_exactly(FinanceCase.state, CaseState.OPEN))
_NOTIFIED_AT = (
    select(ChannelMessage.received_at)
    .where(ChannelMessage.source == Source.NOTIFICATION)
    .order_by(ChannelMessage.received_at.desc())
    .limit(1)
    .scalar_subquery()
)
_BILLS = select(func.count()).select_from(BillRun).where(BillRun.state == BillState.FAILED)

NUMBERS: tuple[Number, ...] = (
    Number(
        name="guahao_refunds_payable_fen", meaning="Promised back to payers, not arrived", select=_PAYABLE
    ),
    Number(
        name="guahao_refund_age_seconds", meaning="Age of the oldest refund not arrived", select=_REFUND_AGE
    ),
    Number(name="guahao_finance_cases_open", meaning="Finance cases nobody has resolved", select=_OPEN),
    Number(
        name="guahao_payment_notification_age_seconds",
        meaning="Time since a provider last told of money by itself",
        select=select(func.extract("epoch", func.now() - _NOTIFIED_AT)),
    ),
    Number(name="guahao_bills_failed", meaning="Daily bills that could not be used", select=_BILLS),
)
