"""The sandbox's faults, switched on one by one: after each the books are equal to the provider's."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from sqlalchemy import text

from guahao.identity.policy.permission import Role
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import transaction
from guahao.kernel.ids import hospital_of
from guahao.payment.ports import BillDamaged, BillNotReady, Provider
from guahao.payment.service.reconcile import reconcile
from guahao.sandbox.alipay.gateway import http as alipay_http
from guahao.sandbox.models import FaultKind, SandboxProvider
from guahao.sandbox.panel import kinds_of
from guahao.sandbox.wechat_pay.app import http as wechat_http
from guahao.sandbox.wechat_pay.message import Merchant
from tests.factories.books import require_rest, require_sound
from tests.factories.office import hire
from tests.factories.till import Held, Till

pytestmark = pytest.mark.anyio
ALL = [(provider, kind) for provider in SandboxProvider for kind in kinds_of(provider)]
CHANNEL = {SandboxProvider.WECHAT: "wechat_jsapi", SandboxProvider.ALIPAY: "alipay_qr"}
PLANTED = {
    FaultKind.BILL_EXTRA_ROW: "bill_long",
    FaultKind.BILL_MISSING_ROW: "bill_short",
    FaultKind.BILL_AMOUNT_DIFFERS: "bill_amount",
    FaultKind.BILL_REFUND_DIFFERS: "bill_refund",
}
WITHOUT_A_BILL = {FaultKind.BILL_NOT_READY: BillNotReady, FaultKind.BILL_HASH_WRONG: BillDamaged}


def test_every_fault_can_be_had_at_wechat_pay() -> None:
    assert set(kinds_of(SandboxProvider.WECHAT)) == set(FaultKind)


def take_no_time(till: Till) -> None:
    """Let slow answers come at once, after a slow one's turn of the loop."""
    settings, gateways = till.app.state.settings, till.app.state.gateways

    async def pause(_seconds: float) -> None:
        await asyncio.sleep(0)

    gateways["alipay"]._http = alipay_http(dataclasses.replace(till.app.state.alipay_shop, sleep=pause))
    gateways["wechat"]._channel._http = wechat_http(
        till.sessions,
        till.keys,
        merchant=Merchant(
            mchid=settings.wechat_pay_mchid, app_id=settings.wechat_app_id, serial=settings.wechat_pay_serial
        ),
        time_scale=settings.sandbox_time_scale,
        sleep=pause,
    )


async def paid(till: Till, channel: str) -> Held:
    """Paid, however often one must ask."""
    held = await till.hold()
    for _ in range(3):
        opened = await till.pay(held.headers, held.order_id, channel=channel)
        assert opened.status_code in {201, 503}, opened.text
        if opened.status_code == 201:
            await till.at_cashier(opened)
            break
    await till.rest()
    return held


async def check_bill(till: Till, provider: SandboxProvider, kind: FaultKind) -> None:
    """Fetch today's bill with whatever is wrong with it, and have the difference found."""
    gateway, today = till.app.state.gateways[provider.value], local_date(utc_now())
    if kind in WITHOUT_A_BILL:
        with pytest.raises(WITHOUT_A_BILL[kind]):
            await gateway.bill(today)
    bill = await gateway.bill(today)
    await reconcile(till.sessions, bill=bill, now=utc_now())
    async with transaction(till.sessions) as db:
        found = set(await db.scalars(text("SELECT kind FROM finance_case WHERE kind LIKE 'bill%'")))
    assert found == ({PLANTED[kind]} if kind in PLANTED else set())
    assert bill.provider is Provider(provider.value)


async def settle_by_hand(till: Till, held: Held) -> None:
    """What the payer's card does not take is handed over, and somebody else confirms it."""
    hospital_id = hospital_of(held.slot_id)
    giver, other = [
        await hire(till.client, till.sessions, Role.FINANCE, hospital_id=hospital_id) for _ in range(2)
    ]
    async with transaction(till.sessions) as db:
        ids = list(await db.scalars(text("SELECT id FROM refund WHERE state = 'abnormal'")))
    assert len(ids) == 1
    assert (await giver.post(f"/refunds/{ids[0]}/hand-over", note="现金")).status_code == 200
    assert (await giver.post(f"/refunds/{ids[0]}/approve")).status_code == 409
    assert (await other.post(f"/refunds/{ids[0]}/approve")).status_code == 200


@pytest.mark.parametrize(("provider", "kind"), ALL, ids=[f"{p.value}-{k.value}" for p, k in ALL])
async def test_after_every_fault_the_books_are_equal_to_the_sandboxs(
    till: Till, provider: SandboxProvider, kind: FaultKind
) -> None:
    take_no_time(till)
    channel = CHANNEL[provider]
    times = None if kind in {FaultKind.CERTIFICATE, FaultKind.MIGRATION, *PLANTED} else 1
    await till.fault(kind.value, provider=provider.value, times=times)

    kept, returned = await paid(till, channel), await paid(till, channel)
    assert [await till.appointment(one) for one in (kept, returned)] == ["booked", "booked"]
    await require_sound(till.sessions)
    finance = await hire(till.client, till.sessions, Role.FINANCE, hospital_id=hospital_of(returned.slot_id))
    wish = await finance.post(f"/orders/{returned.order_id}/refunds", amount_fen=700, note="多收了")
    assert wish.status_code == 201, wish.text
    assert (await till.cancel(returned)).status_code == 200
    ending = await till.hold()
    opened = await till.open(ending, channel)
    if channel == "alipay_qr":
        await till.at_cashier(opened, "wrong-password")
        await till.client.get(f"/sandbox/alipay/{opened.json()['id'].replace('-', '')}")
    await till.over(ending)
    await till.expire()
    await till.rest()
    if kind is FaultKind.REFUND_ABNORMAL:
        await settle_by_hand(till, returned)
        await till.rest()
    await check_bill(till, provider, kind)

    is_raced = kind is FaultKind.CLOSE_RACE
    assert await till.appointment(ending) == ("booked" if is_raced else "expired")
    assert (await till.order(returned))["state"] == "refunded"
    assert (await till.order(kept))["state"] == "paid"
    left = (await till.client.get("/sandbox/faults")).json()
    assert [fault["kind"] for fault in left] == ([kind.value] if times is None else []), "it happened"
    await require_rest(till.sessions)
