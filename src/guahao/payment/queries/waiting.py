"""What of the money waits for somebody."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, func, literal_column, select

from guahao.kernel.db import is_exactly
from guahao.payment.models import CaseState, FinanceCase, Refund, RefundState

_SECOND_PERSON = (RefundState.AWAITING_APPROVAL, RefundState.MANUAL)
_WAITS = Refund.state.in_([literal_column(f"'{state.value}'") for state in _SECOND_PERSON])
"""In the statement's text, as the partial index of unsettled refunds needs it."""


def cases_open(hospital_id: int) -> Select[int, datetime | None]:
    """How many finance cases of a hospital nobody has resolved, and since when; 0 has those of nobody."""
    return select(func.count(), func.min(FinanceCase.opened_at)).where(
        FinanceCase.hospital_id == hospital_id, is_exactly(FinanceCase.state, CaseState.OPEN)
    )


def refunds_waiting(hospital_id: int) -> Select[int, datetime | None]:
    """How many refunds of a hospital wait for a second person, and since when."""
    return select(func.count(), func.min(Refund.requested_at)).where(
        Refund.hospital_id == hospital_id, _WAITS
    )
