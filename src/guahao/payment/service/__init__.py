"""Use cases of payment."""

from guahao.payment.service.order import (
    ORDER_INSERT,
    NewOrder,
    OrderNotPayable,
    close,
    order_params,
    refund,
    refund_arrived,
    settle,
)

__all__ = [
    "ORDER_INSERT",
    "NewOrder",
    "OrderNotPayable",
    "close",
    "order_params",
    "refund",
    "refund_arrived",
    "settle",
]
