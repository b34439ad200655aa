"""WeChat Pay as a gateway: JSAPI for the mini program, Native for the desk and computers."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import httpx

from guahao.adapters.circuit import Circuit
from guahao.adapters.lenient import Node, text
from guahao.adapters.truncate import to_bytes
from guahao.adapters.wechat_pay import notification
from guahao.adapters.wechat_pay.bill import read_funds_bill, read_trade_bill
from guahao.adapters.wechat_pay.keys import WeChatPayKeys
from guahao.adapters.wechat_pay.message import (
    CURRENCY,
    Asked,
    Part,
    Unreadable,
    answer_of,
    is_of_merchant,
    is_paid,
    paid,
    refunded,
    required,
)
from guahao.adapters.wechat_pay.signed_http import SignedHttp
from guahao.adapters.wechat_pay.signing import payment_parameters
from guahao.kernel.clock import CHINA, utc_now
from guahao.payment.ports import (
    Bill,
    BillDamaged,
    BillNotReady,
    Channel,
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    Closing,
    FundsSummary,
    OrderNumberUsed,
    Paid,
    Prepared,
    Prepayment,
    Provider,
    Refunded,
    RefundOrder,
    Source,
    TradeState,
)

ENDPOINT = "https://api.mch.weixin.qq.com"
_BILL_HOSTS = {b"api.mch.weixin.qq.com", b"payapp.weixin.qq.com"}
_TRANSACTIONS = "/v3/pay/transactions"
_REFUNDS = "/v3/refund/domestic/refunds"

_NUMBER_USED = {"OUT_TRADE_NO_USED", "INVALID_REQUEST", "ORDER_CLOSED", "ORDERPAID", "ORDER_PAID"}
_AMBIGUOUS = "INVALID_REQUEST"
"""The live service's word for a used number, and for limits and permissions too."""
_PAID = {"ORDERPAID", "ORDER_PAID"}
_UNKNOWN = {"ORDER_NOT_EXIST", "ORDERNOTEXIST"}
_CLOSED = {"ORDER_CLOSED", "ORDERCLOSED"}
_NO_REFUND = {"RESOURCE_NOT_EXISTS", "REFUND_NOT_EXISTS"}
_TITLE_BYTES, _REASON_BYTES = 127, 80
"""What WeChat Pay takes of texts, in bytes of UTF-8."""
_NO_BILL = "NO_STATEMENT_EXIST"
_NO_BILL_YET = {_NO_BILL, "STATEMENT_CREATING"}
# PAYERROR is only a failed try: the payer may try again until the number is closed.
_STATES = {
    "NOTPAY": TradeState.UNPAID,
    "USERPAYING": TradeState.UNPAID,
    "ACCEPT": TradeState.UNPAID,
    "PAYERROR": TradeState.UNPAID,
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
}


class WeChatPay:
    """The gateway of one merchant; see the port for what its methods mean.

    Only `bill` may take longer than ten seconds: its files are large, and no patient waits for them.
    """

    provider = Provider.WECHAT

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        endpoint: str,
        mchid: str,
        app_id: str,
        keys: WeChatPayKeys,
        notify_url: str,
        refund_notify_url: str,
        clock: Callable[[], datetime] = utc_now,
        circuit: Circuit | None = None,
    ) -> None:
        """Use `http` for all calls; facts are posted to the two notify addresses, without a query string."""
        self._channel = SignedHttp(
            http, endpoint=endpoint, mchid=mchid, keys=keys, circuit=circuit or Circuit(), clock=clock
        )
        self._endpoint = httpx.URL(endpoint)
        self._mchid = mchid
        self._app_id = app_id
        self._keys = keys
        self._notify_url = notify_url
        self._refund_notify_url = refund_notify_url
        self._clock = clock

    async def prepay(self, prepayment: Prepayment) -> Prepared:
        """Prepare a payment; see the port.

        A number that was used with other parameters is refused as OUT_TRADE_NO_USED and, by the live
        service, as INVALID_REQUEST; one that is closed or paid needs the same answer: close it, which
        finds a payment if there is one, and take a new number.
        """
        try:
            if prepayment.channel is Channel.WECHAT_JSAPI:
                return await self._prepay_jsapi(prepayment)
            if prepayment.channel is Channel.WECHAT_NATIVE:
                return await self._prepay_native(prepayment)
        except ChannelRefused as refused:
            if refused.code in _NUMBER_USED:
                is_sure = refused.code != _AMBIGUOUS
                raise OrderNumberUsed(refused.code, is_sure=is_sure) from None
            raise
        raise ValueError(prepayment.channel)

    async def query(self, out_trade_no: str) -> Paid | TradeState:
        """Ask how an order number stands; see the port.

        Only a signed 404 means that it is unknown. A state that we do not know is no answer.
        """
        try:
            content = await self._channel.get(
                f"{_TRANSACTIONS}/out-trade-no/{_part(out_trade_no)}?mchid={self._mchid}"
            )
        except ChannelRefused as refused:
            if refused.code in _UNKNOWN:
                return TradeState.UNKNOWN
            raise
        node = answer_of(content)
        asked = Asked(out_trade_no=out_trade_no)
        state = text(node, "trade_state")
        try:
            _require_asked(node, asked, mchid=self._mchid, app_id=self._app_id)
            _require_known(state)
            if state in _STATES:
                return _STATES[state]
            return paid(
                node,
                source=Source.QUERY,
                message_id=lambda transaction_id: f"query:{transaction_id}",
                asked=asked,
                told_at=self._clock(),
            )
        except Unreadable as error:
            raise ChannelUnreadable(str(error)) from None

    async def close(self, out_trade_no: str) -> Closing:
        """Close an order number; see the port. A number never used is dead afterwards, too."""
        try:
            await self._channel.post(
                f"{_TRANSACTIONS}/out-trade-no/{_part(out_trade_no)}/close", {"mchid": self._mchid}
            )
        except ChannelRefused as refused:
            if refused.code in _PAID:
                return Closing.ALREADY_PAID
            if refused.code not in _CLOSED | _UNKNOWN:
                raise
        return Closing.CLOSED

    async def refund(self, order: RefundOrder) -> Refunded:
        """Ask for money back; see the port."""
        content = await self._channel.post(
            _REFUNDS,
            {
                "out_trade_no": order.out_trade_no,
                "out_refund_no": order.out_refund_no,
                "reason": to_bytes(order.reason, _REASON_BYTES),
                "notify_url": self._refund_notify_url,
                "amount": {"refund": order.amount_fen, "total": order.total_fen, "currency": CURRENCY},
            },
        )
        asked = Asked(out_trade_no=order.out_trade_no, out_refund_no=order.out_refund_no)
        return self._refund(content, asked)

    async def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> Refunded | None:
        """Ask how far a refund is; see the port. Only a signed 404 means that it was never asked for."""
        try:
            content = await self._channel.get(f"{_REFUNDS}/{_part(out_refund_no)}")
        except ChannelRefused as refused:
            if refused.code in _NO_REFUND:
                return None
            raise
        return self._refund(content, Asked(out_trade_no=out_trade_no, out_refund_no=out_refund_no))

    async def resolve_abnormal_refund(self, *, out_refund_no: str, channel_refund_id: str) -> Refunded:
        """Send an ABNORMAL refund to the merchant's own bank account; see the port."""
        content = await self._channel.post(
            f"{_REFUNDS}/{_part(channel_refund_id)}/apply-abnormal-refund",
            {"out_refund_no": out_refund_no, "type": "MERCHANT_BANK_CARD"},
        )
        return self._refund(content, Asked(out_refund_no=out_refund_no))

    async def bill(self, day: date) -> Bill:
        """Fetch both bills of a day; see the port. They are the merchant's: other apps' rows are in them."""
        try:
            digest, content = await self._bill_file(f"tradebill?bill_date={day}&bill_type=ALL")
        except ChannelRefused as refused:
            if refused.code in _NO_BILL_YET:
                raise BillNotReady(refused.code) from None
            raise
        trade = read_trade_bill(content, mchid=self._mchid)
        funds, note = await self._funds(day)
        return Bill(
            provider=self.provider,
            day=day,
            digest=digest,
            rows=trade.rows,
            odd=trade.odd,
            note=note,
            row_count=len(trade.rows) + len(trade.odd),
            paid_fen=trade.paid_fen,
            refunded_fen=trade.refunded_fen,
            funds=funds,
        )

    def read_notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Paid | Refunded:
        """Verify and decrypt a notification; see the port."""
        return notification.read(
            headers, body, keys=self._keys, mchid=self._mchid, app_id=self._app_id, now=now
        )

    async def _prepay_jsapi(self, prepayment: Prepayment) -> Prepared:
        content = await self._channel.post(
            f"{_TRANSACTIONS}/jsapi", {**self._order(prepayment), "payer": {"openid": prepayment.payer}}
        )
        prepay_id = required(answer_of(content), "prepay_id")
        params = payment_parameters(
            self._keys,
            app_id=self._app_id,
            prepay_id=prepay_id,
            nonce=secrets.token_hex(16),
            moment=self._clock(),
        )
        return Prepared(reference=prepay_id, params=params)

    async def _prepay_native(self, prepayment: Prepayment) -> Prepared:
        content = await self._channel.post(f"{_TRANSACTIONS}/native", self._order(prepayment))
        return Prepared(reference="", params={"qr_code": required(answer_of(content), "code_url")})

    def _order(self, prepayment: Prepayment) -> dict[str, Any]:
        return {
            "appid": self._app_id,
            "mchid": self._mchid,
            "description": to_bytes(prepayment.title, _TITLE_BYTES),
            "out_trade_no": prepayment.out_trade_no,
            "time_expire": prepayment.expires_at.astimezone(CHINA).isoformat(timespec="seconds"),
            "notify_url": self._notify_url,
            "amount": {"total": prepayment.amount_fen, "currency": CURRENCY},
        }

    async def _funds(self, day: date) -> tuple[FundsSummary | None, str]:
        """The fund-flow bill, which is shown and never compared, and why there is none.

        The trade bill does not wait for it: permissions, formats and outages of the two are apart.
        """
        try:
            _, content = await self._bill_file(f"fundflowbill?bill_date={day}&account_type=BASIC")
            return read_funds_bill(content), ""
        except ChannelRefused as refused:
            reason = "" if refused.code == _NO_BILL else refused.code
        except BillDamaged as damaged:
            reason = f"damaged: {damaged}"
        except ChannelUncertain:
            reason = "uncertain"
        return None, f"funds: {reason}" if reason else ""

    async def _bill_file(self, request: str) -> tuple[str, bytes]:
        """The digest and content of a bill; its file is not signed, but its digest is."""
        link = answer_of(await self._channel.get(f"/v3/bill/{request}"))
        content = await self._channel.download(self._bill_address(link))
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if text(link, "hash_type") not in {"", "SHA1"} or digest != text(link, "hash_value").lower():
            raise BillDamaged("hash")
        return digest, content

    def _refund(self, content: bytes, asked: Asked) -> Refunded:
        """How far a refund is; each status is a message of its own."""
        node = answer_of(content)
        status = text(node, "status")
        try:
            return refunded(
                node,
                status=status,
                source=Source.QUERY,
                message_id=lambda refund_id: f"query:{refund_id}:{status}",
                asked=asked,
                told_at=self._clock(),
            )
        except Unreadable as error:
            raise ChannelUnreadable(str(error)) from None

    def _bill_address(self, link: Node) -> httpx.URL:
        """Where a bill may be fetched from: the endpoint itself, or WeChat Pay's hosts by https."""
        try:
            url = httpx.URL(str(link.get("download_url")))
        except httpx.InvalidURL:
            raise BillDamaged("address") from None
        is_endpoint = (url.scheme, url.netloc) == (self._endpoint.scheme, self._endpoint.netloc)
        is_theirs = url.scheme == "https" and url.netloc in _BILL_HOSTS
        if url.userinfo or not (is_endpoint or is_theirs):
            raise BillDamaged("address")
        return url


def _part(name: str) -> str:
    return quote(name, safe="")


def _require_known(state: str) -> None:
    """A state that we do not know is no answer. Raises `Unreadable`."""
    if state not in _STATES and not is_paid(state):
        raise Unreadable(Part.STATE)


def _require_asked(node: Node, asked: Asked, *, mchid: str, app_id: str) -> None:
    """Refuse an answer about another merchant, app or order. Raises `Unreadable`."""
    if not is_of_merchant(node, mchid=mchid, app_id=app_id):
        raise Unreadable(Part.MERCHANT)
    if text(node, "out_trade_no") not in {"", asked.out_trade_no}:
        raise Unreadable(Part.NUMBER)
