"""What is genuine and fits nowhere is a case, thanked for, and stops nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import hospital_of
from guahao.payment.models import (
    CaseKind,
    FinanceCase,
    LedgerEntry,
    Payment,
    PaymentState,
    Refund,
    RefundState,
)
from guahao.payment.ports import (
    ChannelUnreadable,
    OrderNumberUsed,
    Paid,
    Prepared,
    Provider,
    Refunded,
    TradeState,
)
from guahao.payment.service.facts import Applied, apply_fact
from guahao.payment.service.watch import watch
from tests.adapters.every_field import spoilt
from tests.factories.books import require_sound
from tests.factories.payment import make_order, open_payment, paid, pay, refunds_of
from tests.factories.till import Till

pytestmark = pytest.mark.anyio


async def cases(db: AsyncSession, kind: CaseKind) -> list[str]:
    return list(await db.scalars(select(FinanceCase.subject).where(FinanceCase.kind == kind)))


async def deliver_spoilt(till: Till, event: str, path: str, accepted: set[int]) -> int:
    """Post a notification in every spoilt form, genuinely signed; answers how many there were."""
    (letter,) = await till.letters(event=event)
    whole: Mapping[str, Any] = letter.content if path == "alipay" else letter.content["resource"]
    changes, signing = list(spoilt(whole)), letter.content.get("signing")
    for number, (change, content) in enumerate(changes):
        letter.event_id = f"spoilt-{number}"
        if path == "alipay":
            texts = {name: value for name, value in content.items() if isinstance(value, str)}
            letter.content = texts | {"notify_id": letter.event_id}
        else:
            letter.content = {"resource": content, "signing": signing}
        answer = await till.post(path, till.written(letter))
        assert answer.status_code in accepted, (change, answer.text)
    return len(changes)


@pytest.mark.parametrize(
    ("channel", "event", "path"),
    [
        ("wechat_jsapi", "TRANSACTION.SUCCESS", "wechat-pay"),
        ("alipay_qr", "TRADE_SUCCESS", "alipay"),
    ],
)
async def test_every_spoilt_notification_of_a_payment_is_answered_and_the_payment_captured_once(
    till: Till, db: AsyncSession, channel: str, event: str, path: str
) -> None:
    held = await till.hold()
    opened = await till.open(held, channel)
    assert (await till.at_cashier(opened)).status_code == 200

    assert await deliver_spoilt(till, event, path, {200, 204, 401}) > 20

    captured = select(Payment.state, Payment.captured_fen).where(Payment.order_id == UUID(held.order_id))
    assert (await db.execute(captured)).all() == [(PaymentState.CAPTURED, 5000)]
    assert await cases(db, CaseKind.ANSWER_UNREADABLE)
    await require_sound(till.sessions)


@pytest.mark.parametrize(
    ("channel", "event", "path"),
    [("wechat_jsapi", "REFUND.SUCCESS", "wechat-refund"), ("alipay_qr", "REFUND", "alipay")],
)
async def test_every_spoilt_notification_of_a_refund_is_answered_and_books_it_once(
    till: Till, db: AsyncSession, channel: str, event: str, path: str
) -> None:
    held = await till.hold()
    opened = await till.open(held, channel)
    await till.at_cashier(opened)
    await till.settle()
    await till.cancel(held)
    await till.settle()

    assert await deliver_spoilt(till, event, path, {200, 204, 401}) > 20

    (refund,) = await refunds_of(db, UUID(held.order_id))
    assert refund.state is RefundState.SUCCESS
    arrived = select(func.count()).select_from(LedgerEntry).where(LedgerEntry.kind == "refund_arrived")
    assert await db.scalar(arrived) == 1
    await require_sound(till.sessions)


@pytest.mark.parametrize("amount", [0, -1, 2**31, 10**12])
async def test_an_amount_that_is_none_is_a_case_and_captures_nothing(
    sessions: Sessions, db: AsyncSession, amount: int
) -> None:
    async with transaction(sessions) as writing:
        payment = await open_payment(writing, (await make_order(writing)).id)

    outcome = await apply_fact(sessions, paid(payment, amount_fen=amount))

    assert outcome is Applied.UNKNOWN
    assert await cases(db, CaseKind.AMOUNT_MISMATCH) == [f"transaction:T{payment.id.hex}"]
    assert (await db.get_one(Payment, (1, payment.id))).state is PaymentState.OPEN


@pytest.mark.parametrize("hospitals", [(1, 1), (1, 2)])
async def test_one_transaction_told_for_two_orders_pays_the_first_and_is_a_case(
    sessions: Sessions, db: AsyncSession, hospitals: tuple[int, int]
) -> None:
    first, second = [await opened_in(sessions, hospital_id) for hospital_id in hospitals]

    outcomes = [await apply_fact(sessions, paid(row, transaction_id="T1")) for row in (first, second)]

    assert outcomes == [Applied.APPLIED, Applied.UNKNOWN]
    assert await cases(db, CaseKind.UNKNOWN_ORDER) == ["transaction:T1"]
    assert (await db.get_one(Payment, (second.hospital_id, second.id))).captured_fen == 0


@pytest.mark.parametrize("hospitals", [(1, 1), (1, 2)])
async def test_one_transaction_told_for_two_orders_at_once_pays_one_of_them(
    sessions: Sessions, db: AsyncSession, hospitals: tuple[int, int]
) -> None:
    rows = [await opened_in(sessions, hospital_id) for hospital_id in hospitals * 4]

    outcomes = await asyncio.gather(
        *(apply_fact(sessions, paid(row, transaction_id="T1")) for row in rows for _ in range(2))
    )

    assert outcomes.count(Applied.APPLIED) == 1
    captured = select(func.count()).select_from(Payment).where(Payment.captured_fen > 0)
    assert await db.scalar(captured) == 1
    assert set(await cases(db, CaseKind.UNKNOWN_ORDER)) == {"transaction:T1"}


async def opened_in(sessions: Sessions, hospital_id: int) -> Payment:
    async with transaction(sessions) as writing:
        return await open_payment(writing, (await make_order(writing, hospital_id=hospital_id)).id)


async def test_a_whole_refund_made_in_alipays_console_is_a_case_at_once(till: Till, db: AsyncSession) -> None:
    held = await till.hold()
    opened = await till.open(held, "alipay_qr")
    await till.at_cashier(opened)
    (letter,) = await till.letters(event="TRADE_SUCCESS")
    await till.settle()
    letter.event_id = "console"
    letter.content = letter.content | {
        "trade_status": "TRADE_CLOSED",
        "refund_fee": letter.content["total_amount"],
        "gmt_refund": "2026-11-30 10:00:00.123",
        "out_biz_no": letter.content["trade_no"],
        "notify_id": "console",
    }

    answers = [await till.post("alipay", till.written(letter)) for _ in range(2)]

    assert [answer.text for answer in answers] == ["success", "success"]
    case = (await db.scalars(select(FinanceCase).where(FinanceCase.kind == CaseKind.REFUND_UNKNOWN))).one()
    assert (case.hospital_id, case.evidence["amount_fen"]) == (hospital_of(held.slot_id), 5000)
    assert case.subject == f"refund-number:{letter.content['trade_no']}@5000"


class Stub:
    """A provider of WeChat's place whose answers are set."""

    provider = Provider.WECHAT

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def _answer(self, name: str) -> Any:
        self.asked.append(name)
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def prepay(self, _prepayment: object) -> Prepared:
        answer: Prepared = self._answer("prepay")
        return answer

    async def query(self, _number: str) -> Paid | TradeState:
        answer: Paid | TradeState = self._answer("query")
        return answer

    async def refund(self, _order: object) -> Refunded:
        answer: Refunded = self._answer("refund")
        return answer

    async def query_refund(self, **_asked: str) -> Refunded | None:
        answer: Refunded | None = self._answer("query_refund")
        return answer


async def test_an_order_of_which_a_provider_speaks_unintelligibly_is_one_case(
    till: Till, db: AsyncSession
) -> None:
    held = await till.hold()
    await till.open(held)
    till.app.state.gateways = {Provider.WECHAT: Stub(query=ChannelUnreadable("state"))}

    for _ in range(3):
        await till.hurry()
        await till.errands("ask_about_payments")

    (payment,) = await db.scalars(select(Payment).where(Payment.order_id == UUID(held.order_id)))
    assert await cases(db, CaseKind.ANSWER_UNREADABLE) == [f"payment:{payment.id}"]
    assert payment.state is PaymentState.OPEN


@pytest.mark.parametrize("deed", ["refund", "query_refund"])
async def test_a_refund_of_which_a_provider_speaks_unintelligibly_is_one_case(
    till: Till, db: AsyncSession, deed: str
) -> None:
    held = await till.booked()
    await till.cancel(held)
    await till.tell()
    if deed == "query_refund":
        await till.errands("send_refunds")
    till.app.state.gateways = {Provider.WECHAT: Stub(**{deed: ChannelUnreadable("state")})}

    for _ in range(3):
        await till.hurry()
        await till.errands("send_refunds", "follow_refunds")

    (refund,) = await refunds_of(db, UUID(held.order_id))
    assert await cases(db, CaseKind.ANSWER_UNREADABLE) == [f"refund:{refund.id}"]


async def test_a_refund_that_the_provider_forgets_again_and_again_is_a_case(
    till: Till, db: AsyncSession
) -> None:
    held = await till.booked()
    await till.cancel(held)
    await till.tell()
    await till.errands("send_refunds")
    (refund,) = await refunds_of(db, UUID(held.order_id))
    till.app.state.gateways = {Provider.WECHAT: Stub(query_refund=None)}

    for number in range(2):
        assert await cases(db, CaseKind.REFUND_OVERDUE) == [], number
        async with transaction(till.sessions) as writing:
            submitted = update(Refund).where(Refund.id == refund.id)
            await writing.execute(submitted.values(state=RefundState.SUBMITTED))
        await till.hurry()
        await till.errands("follow_refunds")

    async with transaction(till.sessions) as reading:
        assert await cases(reading, CaseKind.REFUND_OVERDUE) == [f"refund:{refund.id}"]


async def test_what_waits_for_a_provider_too_long_is_a_case(sessions: Sessions, db: AsyncSession) -> None:
    async with transaction(sessions) as writing:
        open_ = await open_payment(writing, (await make_order(writing)).id)
        order = await make_order(writing)
        await pay(writing, order.id)
        from_now = func.now() - timedelta(days=8)
        await writing.execute(update(Payment).where(Payment.id == open_.id).values(expires_at=from_now))

    async with transaction(sessions) as writing:
        await watch(writing)
        await watch(writing)

    assert await cases(db, CaseKind.PAYMENT_OVERDUE) == [f"payment:{open_.id}"]
    assert await cases(db, CaseKind.REFUND_OVERDUE) == []


USED = OrderNumberUsed("INVALID_REQUEST", is_sure=False)


@pytest.mark.parametrize("state", [TradeState.UNKNOWN, TradeState.UNPAID])
async def test_a_lasting_refusal_in_the_words_of_a_used_number_is_told_as_one_and_leaves_other_channels_free(
    till: Till, db: AsyncSession, state: TradeState
) -> None:
    held = await till.hold()
    other = till.app.state.gateways
    stub = Stub(prepay=USED, query=state)
    till.app.state.gateways = {**other, Provider.WECHAT: stub}

    with capture_logs() as logs:
        taps = [await till.pay(held.headers, held.order_id) for _ in range(5)]

    assert {tap.status_code for tap in taps} == {409}
    assert {tap.json()["code"] for tap in taps} == {"payment-channel-refused"}
    said = [line for line in logs if line["event"] == "payment-refused"]
    assert [line["code"] for line in said] == ["INVALID_REQUEST"] * 5
    number = select(func.count()).select_from(Payment).where(Payment.order_id == UUID(held.order_id))
    assert await db.scalar(number) == (1 if state is TradeState.UNKNOWN else 6)
    assert (await till.pay(held.headers, held.order_id, channel="alipay_qr")).status_code == 201


async def test_ten_payments_by_one_channel_leave_the_others_free(till: Till) -> None:
    held = await till.hold()
    other = till.app.state.gateways
    till.app.state.gateways = {**other, Provider.WECHAT: Stub(prepay=USED, query=TradeState.UNPAID)}

    taps = [(await till.pay(held.headers, held.order_id)).status_code for _ in range(11)]

    assert taps[-1] == 429
    assert (await till.pay(held.headers, held.order_id, channel="alipay_qr")).status_code == 201
