"""Facts that payment tells the rest of the system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from guahao.kernel.events import Event

_ATTEMPTS = 80
"""Retried for about twelve hours: somebody's money waits for the reaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSucceeded(Event):
    """The order's amount has been captured.

    `is_late`: it was closed before, so whoever it is for takes it again and calls `keep`, or refunds it.
    """

    name: ClassVar[str] = "payment.order.paid"
    attempts: ClassVar[int] = _ATTEMPTS
    order_id: UUID
    subject: str
    is_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderClosed(Event):
    """No money can come for the order any more; told only where somebody waits for it (`let_expire`)."""

    name: ClassVar[str] = "payment.order.closed"
    attempts: ClassVar[int] = _ATTEMPTS
    order_id: UUID
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequested(Event):
    """This much of the order's money is promised back to the payer."""

    name: ClassVar[str] = "payment.refund.requested"
    attempts: ClassVar[int] = _ATTEMPTS
    order_id: UUID
    refund_id: UUID
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundArrived(Event):
    """The payer has this much back."""

    name: ClassVar[str] = "payment.refund.arrived"
    attempts: ClassVar[int] = _ATTEMPTS
    order_id: UUID
    refund_id: UUID
    amount_fen: int
