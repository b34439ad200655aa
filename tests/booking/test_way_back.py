from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.person import Person
from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import hospital_of
from guahao.sandbox.keys import SandboxKeys
from tests.factories.office import Member, hire
from tests.factories.scheduling import make_slot
from tests.factories.till import Held, Till

pytestmark = pytest.mark.anyio
CASH = "请凭就诊人身份证件到医院收费窗口领取现金"
WECHAT = "1–3 个工作日内由微信支付退回原支付账户"
WAYS = {
    "cash": CASH,
    "wechat_jsapi": WECHAT,
    "wechat_native": WECHAT,
    "alipay_qr": "1–3 个工作日内由支付宝退回原支付账户",
}


@pytest.fixture
def till(app: FastAPI, client: httpx.AsyncClient, sessions: Sessions) -> Till:
    keys = SandboxKeys.load(app.state.settings.keys_path / "sandbox")
    return Till(app=app, client=client, sessions=sessions, keys=keys)


async def office(till: Till, held: Held, *roles: Role) -> Member:
    return await hire(till.client, till.sessions, *roles, hospital_id=hospital_of(held.slot_id))


async def write_document(till: Till, held: Held) -> None:
    async with transaction(till.sessions) as db:
        person = await db.get_one(Person, held.booker.person_id)
        person.document_sealed = till.app.state.key_ring.seal(
            "11010119900307803X", field="person.document_sealed", row=person.id
        )


async def paid_by(till: Till, way: str) -> Held:
    held = await till.hold()
    await write_document(till, held)
    if way == "cash":
        desk = await office(till, held, Role.DESK)
        taken = await desk.post(f"/orders/{held.order_id}/payments", channel="cash")
        assert taken.status_code == 201, taken.text
    else:
        assert (await till.at_cashier(await till.open(held, way))).status_code == 200
    await till.settle()
    return held


async def page(till: Till, held: Held) -> dict[str, Any]:
    answer = await till.client.get(f"/api/v1/appointments/{held.appointment_id}", headers=held.headers)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def refund_sentences(till: Till, held: Held) -> list[str]:
    return [one["text"] for one in (await page(till, held))["timeline"] if one["kind"].startswith("refund")]


@pytest.mark.parametrize("channel", WAYS)
async def test_every_text_before_the_cancellation_tells_the_way_the_money_came(
    till: Till, channel: str
) -> None:
    way, held = WAYS[channel], await paid_by(till, channel)
    desk = await office(till, held, Role.DESK)
    path = f"/appointments/{held.appointment_id}"

    allowed = (await page(till, held))["allowed"]
    deeds = {one["name"]: one["text"] for one in (await desk.get(f"{path}/file")).json()["deeds"]}
    slip = (await desk.get(f"{path}/slip")).json()

    assert allowed["cancel_text"] == f"现在取消不收费用，退还 ¥50.00，{way}"
    assert allowed["difference_text"] == way
    assert deeds["cancel_patient"] == f"退还 ¥50.00，{way}；给患者记一次取消"
    assert slip["cancel_text"] == f"就诊时段开始前取消：退还 ¥50.00，{way}"


async def test_what_was_given_back_before_is_not_promised_again(till: Till) -> None:
    held = await paid_by(till, "cash")
    finance = await office(till, held, Role.FINANCE)
    asked = await finance.post(f"/orders/{held.order_id}/refunds", amount_fen=1500, note="少收一项")
    assert asked.status_code == 201, asked.text

    assert (await page(till, held))["allowed"]["cancel_text"] == f"现在取消不收费用，退还 ¥35.00，{CASH}"


async def test_a_refund_that_waits_for_a_second_person_is_part_of_what_a_cancellation_gives_back(
    till: Till,
) -> None:
    held = await till.booked(fee_fen=30_000)
    finance = await office(till, held, Role.FINANCE)
    asked = await finance.post(f"/orders/{held.order_id}/refunds", amount_fen=25_000, note="少收一项")
    assert asked.json()["state"] == "awaiting_approval"

    text = (await page(till, held))["allowed"]["cancel_text"]
    await till.cancel(held)

    assert text == f"现在取消不收费用，退还 ¥300.00，{WECHAT}"
    assert [one["amount_fen"] for one in (await till.order(held))["refunds"]] == [30_000]


async def test_a_free_place_promises_no_money(till: Till, db: AsyncSession) -> None:
    slot = await make_slot(db, fee_fen=0)
    await db.commit()
    held = await till.hold(slot_id=slot.id)

    allowed = (await page(till, held))["allowed"]

    assert allowed["cancel_text"] == "现在取消不收费用，没有要退的费用"
    assert allowed["difference_text"] is None


async def test_cash_comes_back_at_the_desk_and_every_text_says_so(till: Till) -> None:
    held = await paid_by(till, "cash")
    await till.cancel(held)
    await till.settle()
    asked = await refund_sentences(till, held)
    (shown,) = (await till.order(held))["refunds"]

    giver, other = [await office(till, held, Role.FINANCE) for _ in range(2)]
    refund = f"/refunds/{shown['id']}"
    assert (await giver.post(f"{refund}/hand-over", note="收据已签字")).status_code == 200
    assert (await other.post(f"{refund}/approve")).status_code == 200
    desk = await office(till, held, Role.DESK)
    file = (await desk.get(f"/appointments/{held.appointment_id}/file")).json()

    requested = "已申请，请凭就诊人身份证件到医院收费窗口领取现金"
    assert asked == [f"退款 ¥50.00：{requested}"]
    assert (shown["text"], shown["expected_by"]) == (requested, None)
    assert await refund_sentences(till, held) == [
        f"退款 ¥50.00：{requested}",
        "退款 ¥50.00：现金已在收费窗口退还",
    ]
    assert file["timeline"][-1]["text"] == "退款 ¥50.00 已由工作人员线下退给患者"


async def test_who_paid_twice_gets_each_payment_back_by_its_own_way(till: Till) -> None:
    held = await till.hold()
    opened = await till.open(held)
    desk = await office(till, held, Role.DESK)
    await till.at_cashier(opened)
    await desk.post(f"/orders/{held.order_id}/payments", channel="cash")
    await till.settle()
    await till.cancel(held)
    await till.settle()

    told = {one["reason"]: one["text"] for one in (await till.order(held))["refunds"]}

    assert told == {
        "duplicate": "已退回原支付账户",
        "cancelled": "已申请，请凭就诊人身份证件到医院收费窗口领取现金",
    }
