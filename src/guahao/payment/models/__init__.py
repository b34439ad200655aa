"""Tables of the payment domain."""

from guahao.payment.models.bill import BillEntry, BillRun, BillState, Verdict
from guahao.payment.models.case import CaseKind, CaseState, FinanceCase
from guahao.payment.models.channel import BillKind, Channel, Provider, Source
from guahao.payment.models.fault import ProviderFault
from guahao.payment.models.ledger import (
    Adjustment,
    AdjustmentState,
    LedgerAccount,
    LedgerEntry,
    Part,
    Posting,
)
from guahao.payment.models.order import Order, OrderState
from guahao.payment.models.payment import LIVE, ChannelMessage, Payment, PaymentState
from guahao.payment.models.refund import Refund, RefundReason, RefundState
from guahao.payment.models.setting import PaymentSetting, WatchKind, WatchRule

__all__ = [
    "LIVE",
    "Adjustment",
    "AdjustmentState",
    "BillEntry",
    "BillKind",
    "BillRun",
    "BillState",
    "CaseKind",
    "CaseState",
    "Channel",
    "ChannelMessage",
    "FinanceCase",
    "LedgerAccount",
    "LedgerEntry",
    "Order",
    "OrderState",
    "Part",
    "Payment",
    "PaymentSetting",
    "PaymentState",
    "Posting",
    "Provider",
    "ProviderFault",
    "Refund",
    "RefundReason",
    "RefundState",
    "Source",
    "Verdict",
    "WatchKind",
    "WatchRule",
]
