"""What Alipay POSTs to us: a form, verified before any of it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from guahao.adapters.alipay.keys import AlipayKeys
from guahao.adapters.alipay.protocol import RSA2, Unreadable, fen, moment_or, signed_text
from guahao.adapters.lenient import text
from guahao.payment.ports import (
    NotificationRefused,
    NotificationUnreadable,
    Paid,
    Provider,
    Refunded,
    RefundOutcome,
    RefusalKind,
    Source,
)

_TRADE = "trade_status_sync"
_PAID = frozenset(("TRADE_SUCCESS", "TRADE_FINISHED"))
_UNPAID = frozenset(("WAIT_BUYER_PAY", "TRADE_CLOSED"))
_MOST_FIELDS = 100
_LATER = re.compile(r"R(?:[2-9]|[1-9][0-9]+)")


def read(
    body: bytes, *, keys: AlipayKeys, app_id: str, seller_id: str, now: datetime
) -> Paid | Refunded | None:
    """Verify a notification and say what fact it tells, if one.

    Raises `NotificationRefused` for what is not believed, `NotificationUnreadable` for what is genuine and
    lacks what cannot be done without.
    """
    fields = _verified(body, keys)
    told = {"app_id": app_id, "seller_id": seller_id}
    if any(text(fields, name) not in {"", ours} for name, ours in told.items()) or not (
        fields.keys() & told.keys()
    ):
        raise NotificationRefused(RefusalKind.MERCHANT)
    try:
        return _fact(fields, now)
    except Unreadable:
        raise NotificationUnreadable(_name(fields)) from None


def _verified(body: bytes, keys: AlipayKeys) -> Mapping[str, str]:
    """Fields that Alipay signed, without or with the empty ones; those are not there at all for us."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), errors="strict", max_num_fields=_MOST_FIELDS, keep_blank_values=True
        )
    except ValueError:
        raise NotificationRefused(RefusalKind.SIGNATURE) from None
    fields = dict(pairs)
    if (
        len(fields) != len(pairs)
        or fields.get("sign_type") != RSA2
        or not any(
            keys.is_genuine(
                signed_text(fields, unsigned=("sign", "sign_type"), with_empties=with_empties),
                fields.get("sign", ""),
            )
            for with_empties in (False, True)
        )
    ):
        raise NotificationRefused(RefusalKind.SIGNATURE)
    return {name: value for name, value in fields.items() if value}


def _fact(fields: Mapping[str, str], now: datetime) -> Paid | Refunded | None:
    """Tell payment from refund: both come with the trade's status, a refund has its time or a sum besides.

    A payment has `out_biz_no` at times, and `refund_fee` of nothing.
    """
    if text(fields, "notify_type") not in {"", _TRADE}:
        return None
    told_at = moment_or(fields.get("notify_time"), now)
    refund_fee = fields.get("refund_fee")
    if "gmt_refund" in fields or (refund_fee is not None and fen(refund_fee)):
        return _refunded(fields, told_at)
    status = text(fields, "trade_status")
    if status in _UNPAID:
        return None
    if status not in _PAID:
        raise Unreadable("trade_status")
    trade_no = _required(fields, "trade_no")
    return Paid(
        provider=Provider.ALIPAY,
        source=Source.NOTIFICATION,
        message_id=text(fields, "notify_id") or f"paid:{trade_no}",
        out_trade_no=_required(fields, "out_trade_no"),
        transaction_id=trade_no,
        amount_fen=fen(fields.get("total_amount")),
        paid_at=moment_or(fields.get("gmt_payment"), told_at),
    )


def _refunded(fields: Mapping[str, str], told_at: datetime) -> Refunded | None:
    """Tell a refund of a trade.

    `refund_fee` is the sum of all refunds of the trade: it is the amount of the first of ours. Later ones
    of ours are left to the query. A number that is not ours, such as Alipay's own of a refund that somebody
    made in its console, is a refund we never asked for; there may be none at all.
    """
    out_trade_no = _required(fields, "out_trade_no")
    number = text(fields, "out_biz_no")
    if number.startswith(out_trade_no) and _LATER.fullmatch(number.removeprefix(out_trade_no)):
        return None
    return Refunded(
        provider=Provider.ALIPAY,
        source=Source.NOTIFICATION,
        message_id=text(fields, "notify_id") or f"refunded:{out_trade_no}:{number}",
        out_trade_no=out_trade_no,
        out_refund_no=number,
        channel_refund_id=number,
        amount_fen=fen(fields["refund_fee"]) if "refund_fee" in fields else None,
        outcome=RefundOutcome.SUCCESS,
        at=moment_or(fields.get("gmt_refund"), told_at),
    )


def _required(fields: Mapping[str, str], name: str) -> str:
    value = text(fields, name)
    if not value:
        raise Unreadable(name)
    return value


def _name(fields: Mapping[str, str]) -> str:
    """The best name that a message gives itself."""
    names = (text(fields, name) for name in ("out_trade_no", "trade_no", "notify_id", "sign"))
    return next((name for name in names if name), "?")[:64]
