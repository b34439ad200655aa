"""Rows of a bill that cannot be read: each is one case, and the day goes on without it."""

from __future__ import annotations

from guahao.kernel.ids import DIRECTORY
from guahao.payment.models import CaseKind
from guahao.payment.ports import Bill, OddRow
from guahao.payment.service.case import NewCase


def odd_case(bill: Bill, row: OddRow) -> NewCase:
    """The case of a row, once for each day and name; nobody's, since no order of ours can be read in it."""
    return NewCase(
        hospital_id=DIRECTORY,
        kind=CaseKind.BILL_ROW,
        subject=f"bill-row:{bill.provider.value}:{bill.day.isoformat()}:{row.reference}",
        evidence={
            "provider": bill.provider.value,
            "day": bill.day.isoformat(),
            "reference": row.reference,
            "reason": row.reason,
            "bill_fen": row.amount_fen,
        },
    )
