"""How WeChat Pay describes trades and refunds, in answers and in notifications alike."""

from __future__ import annotations

from guahao.kernel.db import Json
from guahao.kernel.i18n import text
from guahao.sandbox.models import RefundState, SandboxRefund, SandboxTrade, TradeState
from guahao.sandbox.wechat_pay.message import local_text

_CURRENCY = "CNY"


def trade_state(trade: SandboxTrade) -> str:
    """WeChat Pay's word for how far a trade is."""
    if trade.state is TradeState.PAID:
        return "REFUND" if trade.refunded_fen else "SUCCESS"
    return "CLOSED" if trade.state is TradeState.CLOSED else "NOTPAY"


def described(trade: SandboxTrade, *, mchid: str, state: str | None = None) -> Json:
    """Describe a trade; `state` is for the moment it was paid, whatever happened later."""
    state = state or trade_state(trade)
    told: Json = {
        "appid": trade.app_id,
        "mchid": mchid,
        "out_trade_no": trade.out_trade_no,
        "trade_state": state,
        "trade_state_desc": text(f"sandbox-wechat.{state}"),
        "amount": {"total": trade.amount_fen, "currency": _CURRENCY},
    }
    if trade.payer is not None:
        told["payer"] = {"openid": trade.payer}
    if trade.paid_at is None:
        return told
    told |= {
        "transaction_id": trade.transaction_id,
        "trade_type": trade.kind.upper(),
        "bank_type": "OTHERS",
        "attach": trade.asked["attach"],
        "success_time": local_text(trade.paid_at),
    }
    told["amount"] |= {"payer_total": trade.amount_fen, "payer_currency": _CURRENCY}
    return told


def refund_described(refund: SandboxRefund, trade: SandboxTrade) -> Json:
    """Describe a refund as API answers do."""
    told = _of_both(refund, trade)
    told |= {
        "channel": "ORIGINAL",
        "create_time": local_text(refund.created_at),
        "status": refund.state.value.upper(),
        "funds_account": "AVAILABLE",
        "promotion_detail": [],
    }
    told["amount"] |= {
        "settlement_refund": refund.amount_fen,
        "settlement_total": trade.amount_fen,
        "discount_refund": 0,
        "currency": _CURRENCY,
    }
    return told


def refund_told(refund: SandboxRefund, trade: SandboxTrade, *, mchid: str) -> Json:
    """Describe a refund as notifications do."""
    return {"mchid": mchid, "refund_status": refund.state.value.upper()} | _of_both(refund, trade)


def _of_both(refund: SandboxRefund, trade: SandboxTrade) -> Json:
    told: Json = {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": trade.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "user_received_account": text(
            f"sandbox-wechat.{'own_account' if refund.goes_to_merchant else 'account'}"
        ),
        "amount": {
            "total": trade.amount_fen,
            "refund": refund.amount_fen,
            "payer_total": trade.amount_fen,
            "payer_refund": refund.amount_fen,
        },
    }
    if refund.state is RefundState.SUCCESS and refund.settled_at is not None:
        told["success_time"] = local_text(refund.settled_at)
    return told
