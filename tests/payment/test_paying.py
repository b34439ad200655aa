from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.qr import qr_image
from tests.factories.booking import Booker, make_booker, name_everybody
from tests.factories.scheduling import make_slot
from tests.factories.till import Till

pytestmark = pytest.mark.anyio


async def held(till: Till, db: AsyncSession, *, fee_fen: int = 5000) -> tuple[Booker, dict[str, Any]]:
    booker = await make_booker(db)
    slot = await make_slot(db, fee_fen=fee_fen)
    await name_everybody(db, till.app.state.key_ring)
    body = {"slot_id": str(slot.id), "patient_id": str(booker.patient_id)}
    answer = await till.client.post("/api/v1/appointments", json=body, headers=booker.headers)
    assert answer.status_code == 201, answer.text
    return booker, answer.json()


async def state(till: Till, booker: Booker, path: str) -> str:
    found = (await till.client.get(f"/api/v1/{path}", headers=booker.headers)).json()
    return str(found["state"])


async def test_from_hold_to_refund_through_the_front_door(till: Till, db: AsyncSession) -> None:
    booker, appointment = await held(till, db)
    order_id = appointment["order"]["id"]

    opened = await till.pay(booker.headers, order_id)
    assert opened.status_code == 201, opened.text
    assert opened.json()["amount_fen"] == 5000
    assert await state(till, booker, f"orders/{order_id}") == "paying"
    assert (await till.at_cashier(opened)).json() == {"state": "paid", "amount_fen": 5000}
    await till.deliver()
    assert await state(till, booker, f"orders/{order_id}") == "paid"
    await till.tell()
    assert await state(till, booker, f"appointments/{appointment['id']}") == "booked"
    await till.client.post(f"/api/v1/appointments/{appointment['id']}/cancel", headers=booker.headers)
    assert await state(till, booker, f"orders/{order_id}") == "refunding"
    await till.settle()
    shown = (await till.client.get(f"/api/v1/orders/{order_id}", headers=booker.headers)).json()
    assert (shown["state"], [one["state"] for one in shown["refunds"]]) == ("refunded", ["arrived"])


@pytest.mark.parametrize("channel", ["wechat_native", "alipay_qr"])
async def test_a_code_to_scan_comes_with_its_image(till: Till, channel: str) -> None:
    held = await till.hold()

    params = (await till.open(held, channel)).json()["params"]

    assert params == {"qr_code": params["qr_code"], "qr_image": qr_image(params["qr_code"])}
    assert params["qr_image"].startswith("data:image/png;base64,")
