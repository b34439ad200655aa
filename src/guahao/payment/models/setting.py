"""What a hospital decides about its money."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set


class PaymentSetting(Base):
    """One hospital's choices; without a row the defaults of `payment.policy` hold."""

    __tablename__ = "payment_setting"
    __table_args__ = (
        CheckConstraint("second_person_over_fen >= 0", name="payment_setting_limit_not_negative"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    is_alipay_offered: Mapped[bool]
    second_person_over_fen: Mapped[int]
    """Refunds by staff above this need a second person."""
    version: Mapped[int] = mapped_column(server_default="0")
    """Of the whole page, watches too: how often it was saved."""


class WatchKind(StrEnum):
    """What is watched for."""

    MANY_ORDERS = "many_orders"
    MANY_ORDERS_DEVICE = "many_orders_device"
    PAY_REFUND_CYCLES = "pay_refund_cycles"
    LARGE_REFUND = "large_refund"
    REFUND_WITHOUT_CANCELLATION = "refund_without_cancellation"
    CHANGE_BY_ONE_PERSON = "change_by_one_person"
    NOTIFICATION_ANOMALY = "notification_anomaly"
    SIGNATURE_FAILURES = "signature_failures"


class WatchRule(Base):
    """When a hospital wants a case: from `threshold` on (a count, or fen for refunds) within `window_min`."""

    __tablename__ = "watch_rule"
    __table_args__ = (
        CheckConstraint("threshold >= 1", name="watch_rule_threshold_positive"),
        CheckConstraint("window_min >= 1", name="watch_rule_window_positive"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[WatchKind] = mapped_column(closed_set(WatchKind), primary_key=True)
    threshold: Mapped[int]
    window_min: Mapped[int]
    is_on: Mapped[bool]
