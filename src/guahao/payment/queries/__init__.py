"""Reads of orders, bills and cases."""

from guahao.payment.models import Channel, RefundReason
from guahao.payment.queries.numbers import NUMBERS
from guahao.payment.queries.orders import Order, OrderState, order_of_account, orders_by_ids

__all__ = [
    "NUMBERS",
    "Channel",
    "Order",
    "OrderState",
    "RefundReason",
    "order_of_account",
    "orders_by_ids",
]
