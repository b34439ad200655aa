"""Facts that payment tells the rest of the system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from guahao.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSucceeded(Event):
    """The order's whole amount has been captured."""

    name: ClassVar[str] = "payment.order.paid"
    order_id: UUID
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequested(Event):
    """The order's whole amount is to go back to the payer."""

    name: ClassVar[str] = "payment.refund.requested"
    order_id: UUID
    amount_fen: int
