"""Finance and auditors at work in the console, with money that really moved in the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import local_date
from guahao.kernel.events import EventRow, EventState
from guahao.kernel.ids import new_id
from tests.e2e.desktop import Desktop
from tests.e2e.payer import Payer, until
from tests.e2e.screen import PHONE, Screen
from tests.e2e.world import World
from tests.factories.payment import make_order
from tests.factories.payment import pay as pay_order

pytestmark = pytest.mark.timeout(300)
SignIn = Callable[[str], Desktop]


@pytest.fixture
def phone(world: World, tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(world.browser, tmp_path, PHONE)
    yield screen
    screen.context.close()
    httpx.delete(f"{world.base}/sandbox/faults")


def paid(world: World, phone: Screen) -> Payer:
    payer = world.payer()
    phone.goto(payer.cashier())
    phone.press("确认支付")
    payer.must_become("booked")
    return payer


def refund_of(world: World, payer: Payer) -> tuple[str, str]:
    """Its state, and whether the hospital took it back from the provider."""
    rows = world.sql.rows(
        "SELECT state, recalled_at IS NOT NULL FROM refund WHERE order_id = $1::uuid", payer.order
    )
    return rows[0]


def test_a_refund_that_no_card_takes_comes_back_and_is_handed_over_by_two_people(
    world: World, phone: Screen, signed_in: SignIn
) -> None:
    payer = paid(world, phone)
    httpx.post(f"{world.base}/sandbox/faults/wechat/refund_abnormal/on")
    payer.cancel()
    until("an abnormal refund", lambda: refund_of(world, payer)[0] == "abnormal")
    httpx.delete(f"{world.base}/sandbox/faults")

    finance = signed_in("finance")
    finance.open(f"/orders/{payer.order}")
    finance.at("订单详情")
    finance.says("退款异常", "平台退不回患者的账户", "退款无法到达原账户")
    finance.look("abnormal")
    finance.press("收回到医院账户")
    finance.says("请支付平台把这笔钱退到医院自己的账户")
    finance.look("recall")
    finance.press("收回到医院账户")
    until("money back", lambda: refund_of(world, payer)[1])
    finance.open(f"/orders/{payer.order}")
    finance.says("款项已退回医院账户")
    finance.press("已线下退付")
    finance.fill("怎样退的", "窗口现金，收据号 0012")
    finance.press("已线下退付")
    finance.says("等待确认退付")
    assert finance.part("确认已退付").count() == 0

    second = signed_in("finance_second")
    second.open(f"/refunds?q={payer.order}")
    second.says("等待确认退付")
    second.page.locator("tbody").get_by_role("button").first.click()
    second.says("已线下退付，等另一位财务核对收据后确认")
    second.look("handed-over")
    second.press("确认已退付")
    second.press("确认已退付")
    until("a settled refund", lambda: refund_of(world, payer)[0] == "success")
    second.says("已由医院线下退给患者")
    moved = "SELECT captured_fen, refunded_fen FROM payment WHERE order_id = $1::uuid AND captured_fen > 0"
    ((captured_fen, refunded_fen),) = world.sql.rows(moved, payer.order)
    assert captured_fen == refunded_fen


async def paid_at_the_desk(db: AsyncSession) -> UUID:
    order = await make_order(db, amount_fen=60_000)
    await pay_order(db, order.id)
    return order.id


def ask_for_a_part(finance: Desktop, order_id: UUID) -> None:
    finance.open(f"/orders?q={order_id}")
    finance.at("订单")
    finance.look("orders")
    finance.page.locator("tbody").get_by_role("button").first.click()
    finance.at("订单详情")
    finance.press("申请退款")
    finance.says("这个订单还可退 ¥600.00。", "¥200.00 以内您提交后直接退款；超过的部分要另一位财务复核。")
    finance.fill("退款金额（元）", "700")
    finance.says("最多可退 ¥600.00。")
    finance.fill("退款金额（元）", "300")
    finance.says("这笔退款要另一位财务复核后才会退。")
    finance.fill("原因", "医生临时停诊，部分退款")
    finance.look("ask")
    finance.press("提交退款")
    finance.says("等待复核")


def test_above_the_limit_the_second_person_decides_and_an_auditor_only_reads(
    world: World, signed_in: SignIn
) -> None:
    order_id = world.arrange(paid_at_the_desk)

    finance = signed_in("finance")
    ask_for_a_part(finance, order_id)
    assert finance.part("同意退款").count() == 0

    auditor = signed_in("auditor")
    auditor.open(f"/orders/{order_id}")
    auditor.says("等另一位财务复核")
    assert auditor.part("申请退款").count() == auditor.part("同意退款").count() == 0

    second = signed_in("finance_second")
    second.open("/refunds?state=awaiting_approval")
    second.page.get_by_role("row", name=re.compile("¥300.00")).get_by_role("button").first.click()
    second.says("医生临时停诊，部分退款")
    second.press("不同意退款")
    second.fill("原因", "请先核对停诊记录")
    second.look("reject")
    second.press("不同意退款")
    second.says("没有同意，这笔款项不再退。")
    rows = world.sql.rows("SELECT state, note FROM refund WHERE order_id = $1::uuid", str(order_id))
    assert rows == [("rejected", "医生临时停诊，部分退款\n请先核对停诊记录")]


def test_a_day_is_reconciled_and_its_case_resolved(world: World, phone: Screen, signed_in: SignIn) -> None:
    for _ in range(3):  # the row that will be missing is one of the newest three
        paid(world, phone)
    httpx.post(f"{world.base}/sandbox/faults/wechat/bill_missing_row/on")
    today = local_date(datetime.now(UTC)).isoformat()
    finance = signed_in("finance")
    finance.open("/reconciliation")
    finance.press("核对某一天")
    finance.fill("账单日期", today)
    finance.press("重新核对")
    done = "SELECT 1 FROM bill_run WHERE provider = 'wechat' AND day = $1::text::date AND state = 'done'"
    until("a reconciled day", lambda: world.sql.rows(done, today))
    finance.open("/reconciliation")
    finance.says(re.compile("处差异"))
    finance.look("month")
    finance.open(f"/reconciliation/wechat/{today}")
    finance.says("短款：系统有，账单无")
    finance.look("day")

    finance.open("/cases?kind=bill_short")
    finance.look("cases")
    finance.page.locator("tbody").get_by_role("button").first.click()
    finance.says(re.compile("账单没有"), "怎么办")
    finance.look("case")
    finance.press("处理完毕")
    finance.fill("处理说明", "第二天账单已有这笔收款")
    finance.press("处理完毕")
    finance.says("第二天账单已有这笔收款", "已处理")
    finance.open("/payments")
    finance.at("收款")
    finance.look("payments")


def test_the_books_are_zero_and_can_be_taken_home(world: World, signed_in: SignIn) -> None:
    finance = signed_in("finance")
    finance.open("/ledger")
    finance.at("账簿")
    finance.look("ledger")
    finance.open("/ledger/trial-balance")
    finance.says("账是平的：全部账户余额合计为 ¥0.00。")
    finance.look("balance")
    with finance.page.expect_download() as taken:
        finance.press("导出 Excel")
    assert taken.value.suggested_filename == "trial-balance.xlsx"
    trail = "SELECT count(*) FROM audit_entry WHERE action = 'list.export' AND subject = 'list:trial-balance'"
    assert world.sql.rows(trail) == [(1,)]


def test_a_manual_entry_is_booked_when_somebody_else_agrees(world: World, signed_in: SignIn) -> None:
    finance = signed_in("finance")
    finance.open("/ledger/adjustments")
    finance.press("提出手工分录")
    finance.choose("收入账户", "差错损益")
    finance.choose("付出账户", "微信支付账户")
    finance.fill("金额（元）", "0.01")
    finance.fill("原因", "平台手续差一分")
    finance.look("propose")
    finance.page.get_by_role("dialog").get_by_role("button", name="提出手工分录", exact=True).click()
    finance.says("平台手续差一分")
    assert finance.part("同意入账").count() == 0

    second = signed_in("finance_second")
    second.open("/ledger/adjustments")
    row = second.page.get_by_role("row", name=re.compile("平台手续差一分"))
    row.get_by_role("button", name="同意入账").click()
    second.page.get_by_role("dialog").get_by_role("button", name="同意入账", exact=True).click()
    second.says("已入账")
    second.look("adjustments")
    booked = "SELECT amount_fen FROM ledger_entry WHERE kind = 'adjustment' AND amount_fen = 1"
    assert world.sql.rows(booked) == [(1,)]


async def an_event_nobody_heard(db: AsyncSession) -> UUID:
    id_ = new_id(1)
    event = insert(EventRow).values(
        hospital_id=1,
        id=id_,
        name="booking.appointment.held",
        payload={"hospital_id": 1, "appointment_id": str(id_)},
        state=EventState.DEAD,
        attempts=8,
        last_error="IntegrityError",
    )
    await db.execute(event)
    return id_


def test_an_event_nobody_could_be_told_of_is_told_again_or_laid_to_rest(
    world: World, signed_in: SignIn
) -> None:
    ids = [world.arrange(an_event_nobody_heard) for _ in range(2)]

    def states() -> list[str]:
        rows = world.sql.rows("SELECT state FROM event WHERE id = ANY($1::uuid[])", ids)
        return sorted(state for (state,) in rows)

    admin = signed_in("hospital_admin")
    admin.open("/trouble")
    admin.at("未送达事件")
    admin.page.locator("tbody").get_by_role("button").first.click()
    admin.says("IntegrityError", "已占号")
    admin.look("dead-letter")
    admin.press("放弃")
    admin.fill("原因", "重复的演示事件，不需要处理")
    admin.press("放弃")
    until("a discarded event", lambda: states() == ["dead", "discarded"])
    admin.open("/trouble")
    admin.page.locator("tbody").get_by_role("button").first.click()
    admin.press("重新处理")
    admin.press("重新处理")
    until("an event that is handled", lambda: states() == ["discarded", "unheard"])
    admin.open("/trouble")
    admin.says("没有未送达的事件")
    admin.look("no-trouble")


def test_the_hospital_admin_edits_payment_settings_and_others_only_see_them(signed_in: SignIn) -> None:
    admin = signed_in("hospital_admin")
    admin.open("/payment-settings")
    admin.at("支付设置")
    admin.fill("同一账号多次下单 达到", "9")
    admin.says("有 1 处修改未保存")
    admin.look("settings")
    admin.press("保存")
    admin.says("已保存。")
    admin.fill("同一账号多次下单 达到", "10")
    admin.press("放弃修改")

    nurse = signed_in("nurse")
    nurse.open("/orders")
    nurse.says("您没有查看这里的权限")
    assert nurse.part("订单").count() == 0
