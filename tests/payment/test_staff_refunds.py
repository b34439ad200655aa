from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import new_id
from guahao.payment.models import (
    LedgerAccount,
    LedgerEntry,
    Order,
    OrderState,
    Payment,
    Posting,
    Refund,
    RefundState,
)
from guahao.payment.ports import Channel, RefundOutcome
from guahao.payment.service.facts import Applied, apply_paid, apply_refunded
from tests.factories.office import Member, hire, refusal
from tests.factories.payment import make_order, open_payment, paid, pay, refunded, refunds_of

pytestmark = pytest.mark.anyio


async def paid_order(
    sessions: Sessions, *, amount_fen: int = 50_000, channel: Channel = Channel.WECHAT_JSAPI
) -> UUID:
    async with transaction(sessions) as db:
        order = await make_order(db, amount_fen=amount_fen)
        await pay(db, order.id, channel=channel)
        return order.id


async def refund_row(db: AsyncSession, answer: httpx.Response) -> Refund:
    return await db.get_one(Refund, (1, UUID(answer.json()["id"])), populate_existing=True)


async def money_of(db: AsyncSession, order_id: UUID) -> tuple[OrderState, int, int]:
    """The order's state, what is promised back and how many refunds."""
    order = await db.get_one(Order, (1, order_id), populate_existing=True)
    payment = await db.get_one(Payment, (1, order.paid_payment_id), populate_existing=True)
    return order.state, payment.refunded_fen, payment.refund_count


async def deeds(db: AsyncSession, refund_id: str) -> list[tuple[str, str]]:
    rows = await db.execute(
        select(AuditEntryRow.action, AuditEntryRow.actor)
        .where(AuditEntryRow.subject == f"refund:{refund_id}")
        .order_by(AuditEntryRow.id)
    )
    return [(action, actor) for action, actor in rows]


async def tell(sessions: Sessions, row: Refund, outcome: RefundOutcome) -> None:
    async with transaction(sessions) as db:
        assert await apply_refunded(db, refunded(row, outcome=outcome)) is Applied.APPLIED


@pytest.fixture
async def finance(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE)


@pytest.fixture
async def second(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE)


async def test_a_refund_within_the_limit_needs_no_second_person(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)

    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=20_000, note="医生未出诊")

    assert made.status_code == 201, made.text
    assert {name: made.json()[name] for name in ("amount_fen", "reason", "state", "requested_by")} == {
        "amount_fen": 20_000,
        "reason": "staff",
        "state": "requested",
        "requested_by": finance.actor,
    }
    assert await money_of(db, order_id) == (OrderState.REFUNDING, 20_000, 1)
    assert await deeds(db, made.json()["id"]) == [("refund.request", finance.actor)]


async def test_row_55_a_refund_above_the_limit_waits_for_another_person(
    finance: Member, second: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=20_001, note="重复检查")
    path = f"/refunds/{made.json()['id']}"
    assert made.json()["state"] == "awaiting_approval"

    own = await finance.post(f"{path}/approve")
    own_no = await finance.post(f"{path}/reject", note="不退了")
    assert [refusal(own), refusal(own_no)] == [(409, "same-person")] * 2
    assert (await refund_row(db, made)).state is RefundState.AWAITING_APPROVAL

    approved = await second.post(f"{path}/approve")
    assert (approved.status_code, approved.json()["state"], approved.json()["approved_by"]) == (
        200,
        "requested",
        second.actor,
    )
    assert await deeds(db, made.json()["id"]) == [
        ("refund.request", finance.actor),
        ("refund.approve", second.actor),
    ]


async def test_row_55_a_refund_split_into_small_ones_needs_a_second_person_too(
    finance: Member, second: Member, sessions: Sessions
) -> None:
    order_id = await paid_order(sessions)
    path = f"/orders/{order_id}/refunds"

    states = [
        (await finance.post(path, amount_fen=amount_fen, note="分次退款")).json()["state"]
        for amount_fen in (15_000, 5000, 1)
    ]

    assert states == ["requested", "requested", "awaiting_approval"]
    assert (await second.post(path, amount_fen=1, note="另一人退款")).json()["state"] == "requested"


async def test_row_55_two_refunds_at_once_do_not_pass_the_limit_together(
    finance: Member, sessions: Sessions
) -> None:
    order_id = await paid_order(sessions)

    answers = await asyncio.gather(
        *(finance.post(f"/orders/{order_id}/refunds", amount_fen=15_000, note="同时退款") for _ in range(3))
    )

    assert Counter(answer.json()["state"] for answer in answers) == {"requested": 1, "awaiting_approval": 2}


async def test_two_approvers_at_once_approve_once(
    finance: Member, second: Member, client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    third = await hire(client, sessions, Role.FINANCE)
    order_id = await paid_order(sessions)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=30_000, note="医院原因")
    path = f"/refunds/{made.json()['id']}/approve"

    answers = await asyncio.gather(second.post(path), third.post(path), second.post(path))

    codes = Counter(answer.json().get("code", "approved") for answer in answers)
    assert codes == {"approved": 1, "refund-state-conflict": 2}
    assert [action for action, _ in await deeds(db, made.json()["id"])] == [
        "refund.request",
        "refund.approve",
    ]


async def test_a_rejected_refund_gives_the_amount_free_again(
    finance: Member, second: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=50_000, note="全额退款")
    assert await money_of(db, order_id) == (OrderState.REFUNDING, 50_000, 1)

    refused = await second.post(f"/refunds/{made.json()['id']}/reject", note="已经就诊")

    assert (refused.json()["state"], refused.json()["note"]) == ("rejected", "全额退款\n已经就诊")
    assert await money_of(db, order_id) == (OrderState.PAID, 0, 0)
    payable = await second.get("/ledger/trial-balance", hospital_id=1)
    found = {one["account"]: one["balance_fen"] for one in payable.json()["accounts"]}
    assert (found["refunds_payable"], found["patient_money"]) == (0, -50_000)
    again = await second.post(f"/refunds/{made.json()['id']}/reject", note="再次拒绝")
    assert (refusal(again), again.json()["state"]) == ((409, "refund-state-conflict"), "rejected")


async def test_row_18_a_refund_larger_than_the_rest_is_refused_here(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    path = f"/orders/{order_id}/refunds"
    await finance.post(path, amount_fen=49_999, note="部分退款")

    refused = await finance.post(path, amount_fen=2, note="部分退款")

    assert refusal(refused) == (409, "refund-too-large")
    assert refused.json()["refundable_fen"] == 1
    assert await money_of(db, order_id) == (OrderState.REFUNDING, 49_999, 1)


async def test_row_18_the_51st_refund_is_refused_here(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    for _ in range(50):
        made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=100, note="分次退款")
        assert made.status_code == 201

    refused = await finance.post(f"/orders/{order_id}/refunds", amount_fen=100, note="分次退款")

    assert (refusal(refused), refused.json()["refundable_fen"]) == ((409, "refund-too-large"), 0)
    assert await money_of(db, order_id) == (OrderState.REFUNDING, 5000, 50)


async def test_row_31_a_double_click_refunds_once(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    path = f"/orders/{order_id}/refunds"

    first, again = [
        await finance.post(path, key="one-click", amount_fen=100, note="退一元") for _ in range(2)
    ]
    other = await finance.post(path, key="one-click", amount_fen=200, note="退一元")

    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert refusal(other) == (422, "idempotency-key-reused")
    assert await money_of(db, order_id) == (OrderState.REFUNDING, 100, 1)


@pytest.mark.parametrize("amount", [0, -1, 1.5, "100", None])
async def test_an_amount_that_is_none_is_refused(
    finance: Member, sessions: Sessions, db: AsyncSession, amount: object
) -> None:
    order_id = await paid_order(sessions)

    refused = await finance.post(f"/orders/{order_id}/refunds", amount_fen=amount, note="退款")

    assert refusal(refused) == (422, "invalid-request")
    assert await money_of(db, order_id) == (OrderState.PAID, 0, 0)


async def test_an_unpaid_order_has_nothing_to_give_back(finance: Member, sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        order = await make_order(db)

    refused = await finance.post(f"/orders/{order.id}/refunds", amount_fen=1, note="退款")

    assert (refusal(refused), refused.json()["state"]) == ((409, "order-not-paid"), "created")


async def test_money_of_a_disputed_payment_is_given_back_by_its_id(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    async with transaction(sessions) as work:
        order = await make_order(work)
        payment = await open_payment(work, order.id)
        assert await apply_paid(work, paid(payment, amount_fen=4999)) is Applied.MISMATCH
    path = f"/orders/{order.id}/refunds"

    stranger = await finance.post(path, amount_fen=4999, note="金额不符", payment_id=str(new_id(1)))
    made = await finance.post(path, amount_fen=4999, note="金额不符", payment_id=str(payment.id))

    assert refusal(stranger) == (404, "not-found")
    assert (made.status_code, made.json()["payment_id"]) == (201, str(payment.id))
    accounts = select(LedgerEntry.debit, LedgerEntry.credit).where(
        LedgerEntry.kind == Posting.REFUND_PROMISED
    )
    assert (await db.execute(accounts)).all() == [(LedgerAccount.UNCLEAR, LedgerAccount.REFUNDS_PAYABLE)]


async def test_what_the_card_does_not_take_is_handed_over_and_confirmed_by_another(
    finance: Member, second: Member, client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    desk = await hire(client, sessions, Role.DESK)
    order_id = await paid_order(sessions, amount_fen=5000)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=5000, note="医院原因")
    await tell(sessions, await refund_row(db, made), RefundOutcome.ABNORMAL)
    path = f"/refunds/{made.json()['id']}"

    given = await desk.post(f"{path}/hand-over", note="窗口已退现金")
    by_desk = await desk.post(f"{path}/approve")
    confirmed = await second.post(f"{path}/approve")

    assert (given.json()["state"], given.json()["settled_by"]) == ("manual", desk.actor)
    assert refusal(by_desk) == (403, "permission-missing")
    assert (confirmed.json()["state"], confirmed.json()["settled_by"]) == ("success", desk.actor)
    assert (await money_of(db, order_id))[0] is OrderState.REFUNDED
    arrived = select(LedgerEntry).where(LedgerEntry.kind == Posting.REFUND_ARRIVED)
    entry = (await db.scalars(arrived)).one()
    assert (entry.debit, entry.credit, entry.amount_fen) == (
        LedgerAccount.REFUNDS_PAYABLE,
        LedgerAccount.CASH,
        5000,
    )
    assert await deeds(db, made.json()["id"]) == [
        ("refund.request", finance.actor),
        ("refund.abnormal", "system"),
        ("refund.hand_over", desk.actor),
        ("refund.confirm", second.actor),
        ("refund.arrive", desk.actor),
    ]


async def test_who_handed_over_does_not_confirm_it_and_a_denied_one_is_open_again(
    finance: Member, second: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions, amount_fen=5000)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=5000, note="医院原因")
    await tell(sessions, await refund_row(db, made), RefundOutcome.ABNORMAL)
    path = f"/refunds/{made.json()['id']}"
    await finance.post(f"{path}/hand-over", note="已转账给患者")

    own = await finance.post(f"{path}/approve")
    denied = await second.post(f"{path}/reject", note="没有收据")

    assert refusal(own) == (409, "same-person")
    assert (denied.json()["state"], denied.json()["settled_by"]) == ("abnormal", None)
    assert (await money_of(db, order_id))[0] is OrderState.REFUNDING


async def test_a_refund_of_cash_is_handed_over_at_the_desk(
    finance: Member, client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    desk = await hire(client, sessions, Role.DESK)
    async with transaction(sessions) as work:
        order = await make_order(work)
    assert (await desk.post(f"/orders/{order.id}/payments", channel="cash")).status_code == 201
    made = await finance.post(f"/orders/{order.id}/refunds", amount_fen=5000, note="停诊")
    path = f"/refunds/{made.json()['id']}"

    nothing_to_send = await finance.post(f"{path}/retry")
    given = await desk.post(f"{path}/hand-over", note="窗口退现金")
    twice = await desk.post(f"{path}/hand-over", note="窗口退现金")
    confirmed = await finance.post(f"{path}/approve")

    assert refusal(nothing_to_send) == (409, "refund-state-conflict")
    assert given.json()["state"] == "manual"
    assert refusal(twice) == (409, "refund-state-conflict")
    assert confirmed.json()["state"] == "success"
    cash = (await finance.get("/ledger/trial-balance", hospital_id=1)).json()["accounts"]
    assert {one["balance_fen"] for one in cash} == {0}


async def test_a_refund_on_its_way_is_not_handed_over(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=100, note="退一元")

    refused = await finance.post(f"/refunds/{made.json()['id']}/hand-over", note="给了现金")

    assert (refusal(refused), refused.json()["state"]) == ((409, "refund-state-conflict"), "requested")
    assert (await refund_row(db, made)).state is RefundState.REQUESTED


async def test_a_refused_refund_is_sent_again_under_its_number(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=100, note="退一元")
    async with transaction(sessions) as work:
        await work.execute(update(Refund).values(state=RefundState.ABNORMAL, last_error="NOT_ENOUGH"))

    again = await finance.post(f"/refunds/{made.json()['id']}/retry")

    assert (again.json()["id"], again.json()["state"], again.json()["last_error"]) == (
        made.json()["id"],
        "requested",
        None,
    )
    assert await money_of(db, order_id) == (OrderState.REFUNDING, 100, 1)


async def test_what_the_provider_took_and_could_not_carry_out_is_not_sent_again(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=100, note="退一元")
    await tell(sessions, await refund_row(db, made), RefundOutcome.ABNORMAL)

    refused = await finance.post(f"/refunds/{made.json()['id']}/retry")

    assert (refusal(refused), refused.json()["state"]) == ((409, "refund-state-conflict"), "abnormal")


async def test_a_closed_refund_that_was_renewed_by_itself_is_not_given_twice(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=100, note="退一元")
    await tell(sessions, await refund_row(db, made), RefundOutcome.CLOSED)
    assert await money_of(db, order_id) == (OrderState.REFUNDING, 100, 2)

    again = await finance.post(f"/refunds/{made.json()['id']}/retry")

    assert again.status_code == 200
    assert again.json()["id"] != made.json()["id"]
    assert await money_of(db, order_id) == (OrderState.REFUNDING, 100, 2)


async def test_row_55_a_closed_refund_counts_once_towards_the_limit_as_it_may_be_tried_again(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    path = f"/orders/{order_id}/refunds"
    made = await finance.post(path, amount_fen=15_000, note="医生未出诊")
    for _ in range(4):  # given up after three renewals
        newest = (await refunds_of(db, order_id))[-1]
        await tell(sessions, newest, RefundOutcome.CLOSED)

    states = [
        (await finance.post(path, amount_fen=amount_fen, note="再退")).json()["state"]
        for amount_fen in (5000, 1)
    ]

    assert made.json()["state"] == "requested"
    assert states == ["requested", "awaiting_approval"]


ROUTES = [
    ("GET", "/orders?hospital_id=1"),
    ("GET", "/orders/{order}"),
    ("POST", "/orders/{order}/refunds"),
    ("GET", "/refunds?hospital_id=1"),
    ("POST", "/refunds/{refund}/approve"),
    ("POST", "/refunds/{refund}/reject"),
    ("POST", "/refunds/{refund}/retry"),
    ("POST", "/refunds/{refund}/hand-over"),
]
MONEY_BACK = {"amount_fen": 1, "note": "退款"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_row_33_nobody_else_reaches_orders_and_refunds(  # noqa: PLR0917 - fixtures and parameters
    client: httpx.AsyncClient, sessions: Sessions, finance: Member, db: AsyncSession, method: str, path: str
) -> None:
    order_id = await paid_order(sessions)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=30_000, note="大额退款")
    url = "/api/v1/staff" + path.format(order=order_id, refund=made.json()["id"])
    body = MONEY_BACK if path.endswith("/refunds") else {"note": "说明原因"}
    payload = body if path.endswith(("/refunds", "/reject", "/hand-over")) and method == "POST" else None
    before = await money_of(db, order_id), (await refund_row(db, made)).state

    foreign = await hire(client, sessions, Role.FINANCE, hospital_id=2)
    wrong = await hire(client, sessions, Role.HOSPITAL_ADMIN)
    reader = await hire(client, sessions, Role.AUDITOR)
    answers = [
        await client.request(method, url, json=payload, headers=headers)
        for headers in ({}, wrong.header, foreign.header, reader.header)
    ]

    assert [answer.status_code for answer in answers[:3]] == [401, 403, 404]
    assert answers[3].status_code == (200 if method == "GET" else 403)
    assert (await money_of(db, order_id), (await refund_row(db, made)).state) == before


async def test_orders_are_found_by_state_account_subject_and_day(finance: Member, sessions: Sessions) -> None:
    order_id = await paid_order(sessions)
    async with transaction(sessions) as db:
        unpaid = await make_order(db)
        await make_order(db, hospital_id=2)

    async def found(**params: object) -> list[str]:
        answer = await finance.get("/orders", hospital_id=1, **params)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await found() == [str(unpaid.id), str(order_id)]
    assert await found(state="paid") == [str(order_id)]
    assert await found(account_id=str(unpaid.account_id)) == [str(unpaid.id)]
    assert await found(subject=unpaid.subject) == [str(unpaid.id)]
    assert await found(**{"from": "2020-01-01", "to": "2020-01-02"}) == []
    assert await found(**{"from": "2020-01-01", "to": "2099-01-01"}) == [str(unpaid.id), str(order_id)]
    first = await finance.get("/orders", hospital_id=1, limit=1)
    assert await found(limit=1, cursor=first.json()["next_cursor"]) == [str(order_id)]


async def test_an_order_is_read_with_everything_about_its_money(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await paid_order(sessions)
    made = await finance.post(f"/orders/{order_id}/refunds", amount_fen=100, note="退一元")
    await tell(sessions, await refund_row(db, made), RefundOutcome.ABNORMAL)

    file = (await finance.get(f"/orders/{order_id}")).json()

    assert (file["order"]["state"], file["order"]["payable_fen"]) == ("refunding", 50_000)
    assert [(one["state"], one["captured_fen"]) for one in file["payments"]] == [("captured", 50_000)]
    assert [(one["state"], one["amount_fen"]) for one in file["refunds"]] == [("abnormal", 100)]
    assert [one["kind"] for one in file["entries"]] == ["capture", "refund_promised"]
    assert [one["kind"] for one in file["cases"]] == ["refund_abnormal"]
    unknown = await finance.get(f"/orders/{uuid4()}")
    assert unknown.status_code == 404


async def test_refunds_are_listed_by_state(finance: Member, sessions: Sessions, db: AsyncSession) -> None:
    order_id = await paid_order(sessions)
    await finance.post(f"/orders/{order_id}/refunds", amount_fen=100, note="退一元")
    waiting = await finance.post(f"/orders/{order_id}/refunds", amount_fen=30_000, note="大额")

    listed = await finance.get("/refunds", hospital_id=1, state="awaiting_approval")

    assert [item["id"] for item in listed.json()["items"]] == [waiting.json()["id"]]
    assert await db.scalar(select(func.count()).select_from(Refund)) == 2
