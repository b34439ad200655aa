"""The client of gateway.do: one signed POST for each question, and signed addresses for pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Final, TypeVar
from urllib.parse import urlencode

import httpx

from guahao.adapters.alipay import answers, bill, notification
from guahao.adapters.alipay.keys import AlipayKeys
from guahao.adapters.alipay.protocol import RSA2, Unreadable, local_text, read_answer, signed_text, yuan
from guahao.adapters.circuit import Circuit
from guahao.adapters.lenient import Node
from guahao.adapters.truncate import to_bytes
from guahao.kernel.clock import utc_now
from guahao.kernel.log import logger
from guahao.payment.ports import (
    Bill,
    BillNotReady,
    Channel,
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    Closing,
    Paid,
    Prepared,
    Prepayment,
    Provider,
    Refunded,
    RefundOrder,
    RefundOutcome,
    TradeState,
)

ENDPOINT: Final = "https://openapi.alipay.com/gateway.do"
_PAGES = {
    Channel.ALIPAY_WAP: ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
    Channel.ALIPAY_PAGE: ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
}
_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
_FORBIDDEN_IN_SUBJECT = str.maketrans("/=&", "   ")

_TEXT_BYTES = 256
"""What Alipay takes of texts: 256, by its documents; counted in bytes to be sure."""

T = TypeVar("T")


class Alipay:
    """`payment.ports.Gateway` for one application of one seller, in public-key mode.

    Only `bill` may take longer than ten seconds. What was closed while Alipay did not know it yet can
    still be opened with its signed address until that expires: an address cannot be called back.
    """

    provider: Provider = Provider.ALIPAY
    call_s: float = 8.0
    """A single call ends by then, however slowly its answer drips."""
    whole_s: float = 9.5
    """Two calls that belong together end by then."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        endpoint: str,
        app_id: str,
        seller_id: str,
        keys: AlipayKeys,
        notify_url: str,
        clock: Callable[[], datetime] = utc_now,
        circuit: Circuit | None = None,
    ) -> None:
        """Use `http` for all calls; `endpoint` is the whole address of gateway.do."""
        self._http = http
        self._endpoint = endpoint
        self._app_id = app_id
        self._seller_id = seller_id
        self._keys = keys
        self._notify_url = notify_url
        self._clock = clock
        self.circuit = circuit or Circuit()

    async def prepay(self, prepayment: Prepayment) -> Prepared:
        """See the port. Nothing is sent for pages: the payer's browser carries the signed order there."""
        if prepayment.channel in _PAGES:
            return self._page(prepayment)
        if prepayment.channel is not Channel.ALIPAY_QR:
            raise ValueError(prepayment.channel)

        def qr_code(node: Node) -> str:
            answers.require_same(node, out_trade_no=prepayment.out_trade_no)
            return answers.text_of(node, "qr_code")

        found = await self._ask(
            "alipay.trade.precreate", _order(prepayment), qr_code, notify_url=self._notify_url
        )
        return Prepared(reference="", params={"qr_code": found})

    async def query(self, out_trade_no: str) -> Paid | TradeState:
        """See the port. UNKNOWN is normal until the payer has opened the page."""
        try:
            return await self._ask(
                "alipay.trade.query",
                {"out_trade_no": out_trade_no},
                lambda node: answers.trade(node, out_trade_no, self._clock()),
            )
        except ChannelRefused as refused:
            if refused.code in answers.TRADE_UNKNOWN:
                return TradeState.UNKNOWN
            raise

    async def close(self, out_trade_no: str) -> Closing:
        """See the port. A trade that cannot be closed is queried: it may be paid."""
        async with _deadline(self.whole_s):
            try:
                await self._ask(
                    "alipay.trade.close",
                    {"out_trade_no": out_trade_no},
                    lambda node: answers.require_same(node, out_trade_no=out_trade_no),
                )
            except ChannelRefused as refused:
                if refused.code in answers.TRADE_UNKNOWN:
                    return Closing.CLOSED
                if refused.code in answers.NOT_CLOSABLE:
                    return await self._closing_found(out_trade_no)
                raise
        return Closing.CLOSED

    async def _closing_found(self, out_trade_no: str) -> Closing:
        found = await self.query(out_trade_no)
        if isinstance(found, Paid):
            return Closing.ALREADY_PAID
        if found is TradeState.UNPAID:
            raise ChannelUncertain(found)  # it could not be closed, yet it is open: ask again
        return Closing.CLOSED

    async def refund(self, order: RefundOrder) -> Refunded:
        """See the port. What did not move money now is queried: it may have done so before."""
        async with _deadline(self.whole_s):
            made = await self._ask(
                "alipay.trade.refund",
                {
                    "out_trade_no": order.out_trade_no,
                    "refund_amount": yuan(order.amount_fen),
                    "out_request_no": order.out_refund_no,
                    "refund_reason": to_bytes(order.reason, _TEXT_BYTES),
                },
                lambda node: answers.refund_made(node, order, self._clock()),
            )
            if made is None:
                made = await self.query_refund(
                    out_trade_no=order.out_trade_no, out_refund_no=order.out_refund_no
                )
        return made or answers.refunded(
            order.out_trade_no,
            order.out_refund_no,
            amount_fen=order.amount_fen,
            outcome=RefundOutcome.PROCESSING,
            at=self._clock(),
        )

    async def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> Refunded | None:
        """See the port."""
        try:
            return await self._ask(
                "alipay.trade.fastpay.refund.query",
                {
                    "out_trade_no": out_trade_no,
                    "out_request_no": out_refund_no,
                    "query_options": ["gmt_refund_pay"],
                },
                lambda node: answers.refund_found(node, out_trade_no, out_refund_no, self._clock()),
            )
        except ChannelRefused as refused:
            if refused.code in answers.TRADE_UNKNOWN:
                return None
            raise

    async def resolve_abnormal_refund(self, *, out_refund_no: str, channel_refund_id: str) -> Refunded:
        """Alipay refunds to the payer's balance if the card cannot take it: there is nothing to resolve."""
        del out_refund_no, channel_refund_id
        raise ChannelRefused("NOT_SUPPORTED")

    async def bill(self, day: date) -> Bill:
        """See the port. Alipay's fund-flow bill is not fetched: `funds` is None."""
        try:
            address = await self._ask(
                "alipay.data.dataservice.bill.downloadurl.query",
                {"bill_type": "trade", "bill_date": day.isoformat()},
                lambda node: answers.text_of(node, "bill_download_url"),
            )
        except ChannelRefused as refused:
            if answers.bill_reason(refused.code) in answers.NO_BILL:
                raise BillNotReady from None
            raise
        packed = await bill.download(self._http, address, endpoint=self._endpoint)
        return bill.read(packed, day=day, seller_id=self._seller_id)

    def read_notification(
        self, headers: Mapping[str, str], body: bytes, *, now: datetime
    ) -> Paid | Refunded | None:
        """See the port.

        Alipay signs no time that could be checked: every repetition within 25 hours is genuine. A replay
        has the `notify_id` of its original and is stopped by the inbox.
        """
        del headers
        return notification.read(
            body, keys=self._keys, app_id=self._app_id, seller_id=self._seller_id, now=now
        )

    def _page(self, prepayment: Prepayment) -> Prepared:
        method, product = _PAGES[prepayment.channel]
        content: dict[str, object] = {**_order(prepayment), "product_code": product}
        back = prepayment.return_url or ""
        if back and prepayment.channel is Channel.ALIPAY_WAP:
            content["quit_url"] = back
        fields = self._signed(method, content, notify_url=self._notify_url, return_url=back)
        url = f"{self._endpoint}?{urlencode(fields)}"
        return Prepared(reference="", params={"gateway_url": self._endpoint, "url": url})

    def _signed(self, method: str, content: Mapping[str, object], **further: str) -> dict[str, str]:
        fields = {
            "app_id": self._app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": RSA2,
            "timestamp": local_text(self._clock()),
            "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
            **{name: value for name, value in further.items() if value},
        }
        return {**fields, "sign": self._keys.sign(signed_text(fields))}

    async def _ask(
        self, method: str, content: Mapping[str, object], read: Callable[[Node], T], **further: str
    ) -> T:
        """Ask, and believe only an answer that is signed, is a yes and fits what was asked."""
        fields = self._signed(method, content, **further)
        async with self.circuit.call(), _deadline(self.call_s):
            node = await self._signed_answer(method, fields)
            answers.require_up(node)
        # outside of the circuit: a genuine answer that does not fit one order is no outage for the others
        try:
            answers.require_success(node)
            answers.require_merchant(node, app_id=self._app_id, seller_id=self._seller_id)
            return read(node)
        except Unreadable as error:
            logger().error("alipay-answer-unreadable", code=str(error))
            raise ChannelUnreadable(str(error)) from None

    async def _signed_answer(self, method: str, fields: Mapping[str, str]) -> Node:
        """The node that Alipay signed, whatever HTTP status it came with. Raises `ChannelUncertain`."""
        status = ""
        try:
            answered = await self._http.post(
                self._endpoint, data=fields, headers=_FORM, timeout=self.call_s, follow_redirects=False
            )
            status = "" if answered.status_code == httpx.codes.OK else f"{answered.status_code}"
            return read_answer(answered.content, method=method, keys=self._keys)
        except Unreadable as error:
            if not status:
                logger().error("alipay-answer-not-believed", code=str(error))
            raise ChannelUncertain(status or str(error)) from None
        except httpx.HTTPError as error:
            # Without the cause, whose text may quote what was sent.
            raise ChannelUncertain(type(error).__name__) from None


def _order(prepayment: Prepayment) -> dict[str, object]:
    """What every way to pay has in common; the gateway refuses some signs in the title."""
    return {
        "out_trade_no": prepayment.out_trade_no,
        "total_amount": yuan(prepayment.amount_fen),
        "subject": to_bytes(prepayment.title.translate(_FORBIDDEN_IN_SUBJECT), _TEXT_BYTES),
        "time_expire": local_text(prepayment.expires_at),
    }


@asynccontextmanager
async def _deadline(seconds: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise ChannelUncertain("deadline") from None
