"""Rows of a bill that are not of our asking: unreadable ones, and refunds of what was paid to us."""

from __future__ import annotations

from collections.abc import Mapping

from guahao.kernel.ids import DIRECTORY
from guahao.payment.models import BillKind, CaseKind, Payment
from guahao.payment.policy import Line
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


def payment_given_back(line: Line, payments: Mapping[str, Payment]) -> Payment | None:
    """The payment, of these by order number, that a refund of the bill gave back."""
    if line.bill is None or line.kind is not BillKind.REFUND:
        return None
    return payments.get(line.bill.out_trade_no)
