"""What Alipay POSTs to us: a form, verified before any of it is read."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from guahao.adapters.alipay.keys import AlipayKeys
from guahao.adapters.alipay.protocol import RSA2, Unreadable, fen, moment_of, signed_text
from guahao.payment.ports import (
    NotificationRefused,
    Paid,
    Provider,
    Refunded,
    RefundOutcome,
    RefusalKind,
    Source,
)

_PAID = frozenset(("TRADE_SUCCESS", "TRADE_FINISHED"))
_MOST_FIELDS = 100


def read(body: bytes, *, keys: AlipayKeys, app_id: str, seller_id: str) -> Paid | Refunded | None:
    """Verify a notification and say what fact it tells, if one. Raises `NotificationRefused`."""
    fields = _verified(body, keys)
    if fields.get("app_id") != app_id or fields.get("seller_id") != seller_id:
        raise NotificationRefused(RefusalKind.MERCHANT)
    try:
        return _fact(fields)
    except (KeyError, Unreadable):
        raise NotificationRefused(RefusalKind.CONTENT) from None


def _verified(body: bytes, keys: AlipayKeys) -> Mapping[str, str]:
    """Fields that Alipay signed; an empty one is not covered by the signature and so not there at all."""
    try:
        pairs = parse_qsl(body.decode("ascii"), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise NotificationRefused(RefusalKind.SIGNATURE) from None
    fields = dict(pairs)
    signed = signed_text(fields, unsigned=("sign", "sign_type"))
    if (
        len(fields) != len(pairs)
        or fields.get("sign_type") != RSA2
        or not keys.is_genuine(signed, fields.get("sign", ""))
    ):
        raise NotificationRefused(RefusalKind.SIGNATURE)
    return fields


def _fact(fields: Mapping[str, str]) -> Paid | Refunded | None:
    """Tell payment from refund: both come with the trade's status, a refund has its time besides."""
    if fields.get("notify_type") != "trade_status_sync":
        return None
    if "gmt_refund" in fields or "out_biz_no" in fields:
        return _refunded(fields)
    if fields["trade_status"] in _PAID:
        return Paid(
            provider=Provider.ALIPAY,
            source=Source.NOTIFICATION,
            message_id=fields["notify_id"],
            out_trade_no=fields["out_trade_no"],
            transaction_id=fields["trade_no"],
            amount_fen=fen(fields["total_amount"]),
            paid_at=moment_of(fields["gmt_payment"]),
        )
    return None


def _refunded(fields: Mapping[str, str]) -> Refunded | None:
    """Tell a refund, but only the first of a trade, whose amount the message knows.

    `refund_fee` is the sum of all refunds of the trade: for any later one it is not this refund's
    amount. Those, and refunds that were not ordered by us, are left to the query and the bill.
    """
    first = fields["out_trade_no"] + "R1"
    if fields.get("out_biz_no") != first:
        return None
    return Refunded(
        provider=Provider.ALIPAY,
        source=Source.NOTIFICATION,
        message_id=fields["notify_id"],
        out_trade_no=fields["out_trade_no"],
        out_refund_no=first,
        channel_refund_id=first,
        amount_fen=fen(fields["refund_fee"]),
        outcome=RefundOutcome.SUCCESS,
        at=moment_of(fields["gmt_refund"]),
    )
