"""Use cases of payment."""

from guahao.payment.models import RefundReason
from guahao.payment.service.order import (
    ORDER_INSERT,
    Expiry,
    NewOrder,
    OrderNotPayable,
    close,
    keep,
    let_expire,
    order_params,
    pass_on,
)
from guahao.payment.service.refund import refund, refund_difference

__all__ = [
    "ORDER_INSERT",
    "Expiry",
    "NewOrder",
    "OrderNotPayable",
    "RefundReason",
    "close",
    "keep",
    "let_expire",
    "order_params",
    "pass_on",
    "refund",
    "refund_difference",
]
