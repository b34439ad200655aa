"""Our client of WeChat Pay at the simulator: each was written from the protocol, not from the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from guahao.adapters.wechat_pay import WeChatPay, WeChatPayKeys
from guahao.kernel.clock import local_date
from guahao.kernel.db import Sessions, transaction
from guahao.payment.ports import (
    BillDamaged,
    BillNotReady,
    Channel,
    ChannelRefused,
    ChannelUncertain,
    ClockWrong,
    Closing,
    NotificationRefused,
    OrderNumberUsed,
    Paid,
    Prepayment,
    Refunded,
    RefundOrder,
    RefundOutcome,
    RefusalKind,
    TradeState,
)
from guahao.sandbox import trade
from guahao.sandbox.jobs import errands
from guahao.sandbox.keys import KEY_ID, SandboxKeys
from guahao.sandbox.models import FaultKind, SandboxProvider
from guahao.sandbox.wechat_pay import trades
from tests.sandbox.wechat_merchant import APP_ID, MCHID, NOTIFY, NOW, REFUND_NOTIFY, SERIAL, Shop

pytestmark = pytest.mark.anyio

ORDER = "0197f6a4b3c28000a000000100000001"
REFUND = RefundOrder(
    out_trade_no=ORDER, out_refund_no=ORDER + "R1", amount_fen=3000, total_fen=5000, reason="取消预约"
)
WISH = Prepayment(
    channel=Channel.WECHAT_JSAPI,
    out_trade_no=ORDER,
    amount_fen=5000,
    title="挂号费",
    expires_at=NOW + timedelta(minutes=15),
    payer="openid-1",
    return_url=None,
)


@dataclass(kw_only=True)
class Counter:
    """A merchant that uses our client; `shop` is the simulator's side of it."""

    shop: Shop
    pay: WeChatPay

    async def capture(self) -> None:
        """Pay as the payer does."""
        async with transaction(self.shop.sessions) as db:
            found = await trade.locked(db, provider=SandboxProvider.WECHAT, out_trade_no=ORDER)
            assert found is not None
            await trades.pay(db, found, mchid=MCHID, time_scale=1, now=self.shop.clock())

    async def paid(self) -> None:
        await self.pay.prepay(WISH)
        await self.capture()

    async def heard(self) -> Sequence[Paid | Refunded | RefusalKind]:
        """What our client reads in the notifications that are due."""
        found: list[Paid | Refunded | RefusalKind] = []

        def answer(request: httpx.Request) -> httpx.Response:
            try:
                fact = self.pay.read_notification(request.headers, request.content, now=self.shop.clock())
            except NotificationRefused as refused:
                found.append(refused.kind)
                return httpx.Response(401)
            found.append(fact)
            return httpx.Response(204)

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            for errand in errands(self.shop.keys, http, mchid=MCHID, time_scale=1, clock=self.shop.clock):
                await errand.run(self.shop.sessions)
        return found


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "sandbox"


@pytest.fixture(scope="session")
def sandbox_keys(folder: Path) -> SandboxKeys:
    return SandboxKeys.load(folder)


@pytest.fixture
def counter(sessions: Sessions, folder: Path, sandbox_keys: SandboxKeys) -> Counter:
    shop = Shop(sessions=sessions, folder=folder, keys=sandbox_keys)
    pay = WeChatPay(
        shop.http(),
        endpoint="https://api.mch.weixin.qq.com",
        mchid=MCHID,
        app_id=APP_ID,
        keys=WeChatPayKeys.load(folder, merchant_serial=SERIAL, key_id=KEY_ID),
        notify_url=NOTIFY,
        refund_notify_url=REFUND_NOTIFY,
        clock=lambda: shop.clock() + timedelta(seconds=shop.skew_s),
    )
    return Counter(shop=shop, pay=pay)


@pytest.mark.parametrize("channel", [Channel.WECHAT_JSAPI, Channel.WECHAT_NATIVE])
async def test_a_payment_is_prepared_asked_about_and_told(counter: Counter, channel: Channel) -> None:
    assert await counter.pay.query(ORDER) is TradeState.UNKNOWN
    prepared = await counter.pay.prepay(replace(WISH, channel=channel))
    assert await counter.pay.prepay(replace(WISH, channel=channel))
    assert await counter.pay.query(ORDER) is TradeState.UNPAID

    await counter.capture()
    asked = await counter.pay.query(ORDER)
    (told,) = await counter.heard()

    assert set(prepared.params) in (
        {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"},
        {"qr_code"},
    )
    assert isinstance(asked, Paid)
    assert isinstance(told, Paid)
    assert told == replace(asked, source=told.source, message_id=told.message_id)
    assert (told.out_trade_no, told.amount_fen, told.paid_at) == (ORDER, 5000, NOW)


async def test_an_order_is_closed_unless_it_is_paid(counter: Counter) -> None:
    await counter.pay.prepay(WISH)
    assert await counter.pay.close(ORDER) is Closing.CLOSED
    assert await counter.pay.close(ORDER) is Closing.CLOSED
    assert await counter.pay.query(ORDER) is TradeState.CLOSED
    with pytest.raises(OrderNumberUsed):
        await counter.pay.prepay(WISH)


async def test_row_20_a_payment_during_the_closing_is_a_payment(counter: Counter) -> None:
    await counter.pay.prepay(WISH)
    await counter.shop.switch(FaultKind.CLOSE_RACE)

    assert await counter.pay.close(ORDER) is Closing.ALREADY_PAID
    assert isinstance(await counter.pay.query(ORDER), Paid)


async def test_row_19_another_price_for_the_same_number_asks_for_a_new_number(counter: Counter) -> None:
    await counter.pay.prepay(WISH)

    with pytest.raises(OrderNumberUsed):
        await counter.pay.prepay(replace(WISH, amount_fen=1))


async def test_row_17_a_refund_whose_answer_was_lost_is_the_same_refund(counter: Counter) -> None:
    await counter.paid()
    await counter.shop.switch(FaultKind.CUT_AFTER_COMMIT)
    with pytest.raises(ChannelUncertain):
        await counter.pay.refund(REFUND)

    asked = await counter.pay.query_refund(out_trade_no=ORDER, out_refund_no=ORDER + "R1")
    again = await counter.pay.refund(REFUND)

    assert asked is not None
    assert asked == again
    assert (again.out_refund_no, again.amount_fen) == (ORDER + "R1", 3000)
    assert await counter.pay.query_refund(out_trade_no=ORDER, out_refund_no=ORDER + "R2") is None


async def test_an_abnormal_refund_goes_to_the_merchant(counter: Counter) -> None:
    await counter.paid()
    await counter.shop.switch(FaultKind.REFUND_ABNORMAL)
    await counter.pay.refund(REFUND)
    counter.shop.clock.pass_(hours=1)
    heard = await counter.heard()
    told = next(fact for fact in heard if isinstance(fact, Refunded))
    assert told.outcome is RefundOutcome.ABNORMAL

    solved = await counter.pay.resolve_abnormal_refund(
        out_refund_no=told.out_refund_no, channel_refund_id=told.channel_refund_id
    )

    assert solved.channel_refund_id == told.channel_refund_id
    assert solved.outcome in {RefundOutcome.PROCESSING, RefundOutcome.SUCCESS}


async def test_row_21_a_wrong_clock_is_called_so(counter: Counter) -> None:
    counter.shop.skew_s = 15 * 60

    with pytest.raises(ClockWrong):
        await counter.pay.query(ORDER)


async def test_row_22_answers_are_believed_all_through_a_migration(counter: Counter) -> None:
    await counter.pay.prepay(WISH)
    await counter.shop.switch(FaultKind.MIGRATION, times=None)

    for _ in range(4):
        assert await counter.pay.query(ORDER) is TradeState.UNPAID


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (FaultKind.NOTIFY_TAMPERED, RefusalKind.SIGNATURE),
        (FaultKind.NOTIFY_PROBE, RefusalKind.PROBE),
    ],
)
async def test_rows_1_and_8_what_is_tampered_with_or_a_probe_is_refused(
    counter: Counter, fault: FaultKind, kind: RefusalKind
) -> None:
    await counter.shop.switch(fault)
    await counter.paid()

    assert kind in await counter.heard()


async def test_an_error_after_the_deed_leaves_it_open(counter: Counter) -> None:
    await counter.shop.switch(FaultKind.ERROR_AFTER_COMMIT)
    with pytest.raises(ChannelUncertain):
        await counter.pay.prepay(WISH)

    assert (await counter.pay.prepay(WISH)).reference


async def test_a_refund_of_more_than_was_paid_is_refused(counter: Counter) -> None:
    await counter.paid()

    with pytest.raises(ChannelRefused):
        await counter.pay.refund(replace(REFUND, amount_fen=5001))


async def test_a_days_bill_is_read(counter: Counter) -> None:
    await counter.paid()
    await counter.pay.refund(REFUND)
    day = local_date(NOW)
    await counter.shop.switch(FaultKind.BILL_NOT_READY)
    with pytest.raises(BillNotReady):
        await counter.pay.bill(day)
    counter.shop.clock.pass_(days=1, hours=6)

    bill = await counter.pay.bill(day)

    assert [(row.out_trade_no, row.out_refund_no, row.amount_fen) for row in bill.rows] == [
        (ORDER, "", 5000),
        (ORDER, ORDER + "R1", 3000),
    ]
    assert (bill.row_count, bill.paid_fen, bill.refunded_fen) == (2, 5000, 3000)
    assert bill.funds is not None
    assert bill.funds.row_count == 2


async def test_row_27_a_bill_with_another_hash_is_refused(counter: Counter) -> None:
    await counter.paid()
    counter.shop.clock.pass_(days=1, hours=6)
    await counter.shop.switch(FaultKind.BILL_HASH_WRONG)

    with pytest.raises(BillDamaged):
        await counter.pay.bill(local_date(NOW))


async def test_long_texts_are_cut_to_the_bytes_that_the_simulator_takes(counter: Counter) -> None:
    await counter.pay.prepay(replace(WISH, title="挂" * 100))
    await counter.capture()

    taken = await counter.pay.refund(replace(REFUND, reason="退" * 40))

    assert taken.outcome is RefundOutcome.PROCESSING
