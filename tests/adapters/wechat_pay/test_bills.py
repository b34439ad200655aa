from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.adapters.wechat_pay.bill import read_funds_bill, read_trade_bill
from guahao.payment.ports import (
    BillDamaged,
    BillKind,
    BillRow,
    FundsSummary,
    OddRow,
)
from tests.adapters.wechat_pay.platform import (
    APP_ID,
    MCHID,
    ORDER,
    TRANSACTION,
)

DAY = date(2026, 3, 1)
TITLES = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,"
    "货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,"
    "商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
TOTAL_TITLES = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FUND_TITLES = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
FUND_TOTAL_TITLES = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"


def cells(*values: object) -> str:
    return ",".join(f"`{value}" for value in values)


def payment(**changes: str) -> str:
    values = {
        "at": "2026-03-01 09:29:58",
        "app": APP_ID,
        "mchid": MCHID,
        "sub": "0",
        "device": "",
        "transaction": TRANSACTION,
        "order": ORDER,
        "payer": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        "type": "JSAPI",
        "state": "SUCCESS",
        "bank": "OTHERS",
        "currency": "CNY",
        "settled": "49.90",
        "coupon": "0.10",
        "refund_id": "0",
        "refund_no": "0",
        "refunded": "0.00",
        "coupon_back": "0.00",
        "refund_type": "",
        "refund_status": "",
        "name": "挂号费",
        "attached": "",
        "fee": "0.30000",
        "rate": "0.60%",
        "total": "50.00",
        "refund": "0.00",
        "remark": "",
    }
    return cells(*{**values, **changes}.values())


def refund(**changes: str) -> str:
    values = {
        "at": "2026-03-01 23:59:59",
        "state": "REFUND",
        "settled": "0.00",
        "coupon": "0.00",
        "refund_id": "50000000382019052709732678859",
        "refund_no": ORDER + "R1",
        "refunded": "29.90",
        "refund_type": "ORIGINAL",
        "refund_status": "SUCCESS",
        "total": "0.00",
        "refund": "30.00",
    }
    return payment(**{**values, **changes})


def trade_file(
    *rows: str, count: str = "2", total: str = "50.00", refunded: str = "30.00", end: str = "\r\n"
) -> bytes:
    totals = cells(count, "49.90", "29.90", "0.00", "0.30", total, refunded)
    lines = [TITLES, *(rows or (payment(), refund())), TOTAL_TITLES, totals, ""]
    return b"\xef\xbb\xbf" + end.join(lines).encode()


def flow(direction: str = "收入", amount: str = "50.00") -> str:
    at = "2026-03-01 13:54:01"
    return cells(
        at, "50300", "4200", "交易", "交易", direction, amount, "100.22", "1900API", "总额0.01元;费", "S1"
    )


def funds_file(*rows: str, totals: tuple[str, ...] = ("3", "2", "50.01", "1", "0.30")) -> bytes:
    lines = [
        FUND_TITLES,
        *(rows or (flow(), flow(amount="0.01"), flow("支出", "0.30"))),
        FUND_TOTAL_TITLES,
        cells(*totals),
        "",
    ]
    return b"\xef\xbb\xbf" + "\r\n".join(lines).encode()


PAYMENT = BillRow(
    kind=BillKind.PAYMENT,
    out_trade_no=ORDER,
    transaction_id=TRANSACTION,
    out_refund_no="",
    amount_fen=5000,
    at=datetime(2026, 3, 1, 1, 29, 58, tzinfo=UTC),
    is_final=True,
)
REFUND = replace(
    PAYMENT,
    kind=BillKind.REFUND,
    out_refund_no=ORDER + "R1",
    amount_fen=3000,
    at=datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC),
)
TWICE = {"total": "100.00", "refunded": "60.00"}
FUNDS = FundsSummary(income_fen=5001, outgo_fen=30, row_count=3)


def refused(content: bytes, reason: str) -> None:
    with pytest.raises(BillDamaged, match=f"^{reason}$"):
        read_trade_bill(content, mchid=MCHID)


def test_a_trade_bill_is_read_to_the_fen() -> None:
    bill = read_trade_bill(trade_file(), mchid=MCHID)

    assert bill.rows == [PAYMENT, REFUND]
    assert all(row.at.tzinfo is UTC for row in bill.rows)
    assert (bill.paid_fen, bill.refunded_fen) == (5000, 3000)


def test_a_trade_bill_may_lack_the_mark_of_its_encoding_and_end_lines_otherwise() -> None:
    plain = trade_file(end="\n").removeprefix(b"\xef\xbb\xbf")

    assert read_trade_bill(plain, mchid=MCHID).rows == [PAYMENT, REFUND]
    assert read_trade_bill(plain.rstrip(b"\n"), mchid=MCHID).rows == [PAYMENT, REFUND]


def test_titles_may_have_backticks_too() -> None:
    content = trade_file().decode()
    for titles in (TITLES, TOTAL_TITLES):
        content = content.replace(titles, cells(*titles.split(",")))

    assert read_trade_bill(content.encode(), mchid=MCHID).rows == [PAYMENT, REFUND]


def test_a_refund_without_a_number_of_its_own_has_none_and_not_nought() -> None:
    revoked = refund(state="REVOKED", refund_no="0", refund_id="0")
    odd = refund(state="REVOKED", refund_no="0", at="yesterday")

    bill = read_trade_bill(trade_file(payment(), revoked, odd, count="3", refunded="60.00"), mchid=MCHID)

    assert bill.rows == [PAYMENT, replace(REFUND, out_refund_no="", is_final=True)]
    assert [row.reference for row in bill.odd] == [TRANSACTION]


def test_a_bill_without_rows_adds_up_to_nothing() -> None:
    lines = [TITLES, TOTAL_TITLES, cells("0", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00")]

    bill = read_trade_bill("\n".join(lines).encode(), mchid=MCHID)

    assert (bill.rows, bill.paid_fen, bill.refunded_fen) == ([], 0, 0)


@pytest.mark.parametrize(
    "name",
    [
        "挂号费,内科",
        "a`b",
        "=cmd()",
        "\u2028 \x0b \x85",
        '"quoted"',
        "",
        "split,`here",
        "split\nhere",
        "a,`b,`c\r\nd",
    ],
)
def test_a_cell_may_hold_what_separates_cells_elsewhere(name: str) -> None:
    content = trade_file(payment(name=name), refund(name=name))

    assert read_trade_bill(content, mchid=MCHID).rows == [PAYMENT, REFUND]


def test_the_order_of_the_columns_means_nothing() -> None:
    turned = "\n".join(
        [
            ",".join(reversed(TITLES.split(","))),
            ",".join(reversed(payment().split(","))),
            ",".join(reversed(TOTAL_TITLES.split(","))),
            cells("0.00", "50.00", "0.30", "0.00", "0.00", "49.90", "1"),
        ]
    )

    assert read_trade_bill(turned.encode(), mchid=MCHID).rows == [PAYMENT]


@pytest.mark.parametrize(
    ("status", "is_final"), [("SUCCESS", True), ("PROCESSING", False), ("FAIL", False), ("CHANGE", False)]
)
def test_only_a_refund_that_succeeded_is_final(status: str, is_final: bool) -> None:
    bill = read_trade_bill(trade_file(payment(), refund(refund_status=status)), mchid=MCHID)

    assert bill.rows == [PAYMENT, replace(REFUND, is_final=is_final)]


def test_a_revoked_payment_is_money_given_back() -> None:
    bill = read_trade_bill(trade_file(payment(), refund(state="REVOKED")), mchid=MCHID)

    assert bill.rows == [PAYMENT, REFUND]


def test_refunds_that_repeat_the_orders_amount_do_not_count_as_paid() -> None:
    content = trade_file(payment(), refund(total="50.00"), total="100.00")

    bill = read_trade_bill(content, mchid=MCHID)

    assert (bill.paid_fen, bill.refunded_fen) == (5000, 3000)
    assert bill.rows == [PAYMENT, REFUND]


@pytest.mark.parametrize("count", ["2", "2.0", "2.00"])
def test_counts_may_be_written_like_amounts(count: str) -> None:
    assert len(read_trade_bill(trade_file(count=count), mchid=MCHID).rows) == 2


@pytest.mark.parametrize(
    "totals",
    [
        {"count": "1"},
        {"count": "3"},
        {"count": "2.5"},
        {"count": "two"},
        {"count": ""},
        {"total": "49.99"},
        {"total": "50.01"},
        {"total": "80.00"},
        {"refunded": "29.99"},
        {"refunded": "30.01"},
        {"refunded": "0.00"},
    ],
)
def test_totals_that_do_not_fit_the_rows_refuse_the_bill(totals: dict[str, str]) -> None:
    refused(trade_file(**totals), "totals")


@pytest.mark.parametrize("lost", [0, 1])
def test_a_bill_that_lost_a_row_is_refused(lost: int) -> None:
    rows = [payment(), refund()]
    del rows[lost]

    refused(trade_file(*rows), "totals")


@pytest.mark.parametrize(
    "yuan",
    [
        "",
        "-1.00",
        "1.005",
        "1e2",
        "１.00",
        "1,00",
        "1.",
        ".5",
        "NaN",
        "¥50.00",
        " 50.00",
        "1" * 16,
        "1.123456789",
    ],
)
def test_an_amount_that_is_none_sets_its_row_aside_and_refuses_the_bill_as_a_total(yuan: str) -> None:
    for spoilt in (payment(total=yuan), refund(refund=yuan)):
        bill = read_trade_bill(trade_file(payment(), refund(), spoilt, count="3"), mchid=MCHID)
        assert (bill.rows, [row.reason for row in bill.odd]) == ([PAYMENT, REFUND], ["amount"])
        assert (bill.paid_fen, bill.refunded_fen) == (5000, 3000)
    refused(trade_file(total=yuan), "amount")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mchid": "1900000110"}, "merchant"),
        ({"state": "UNHEARD_OF"}, "state"),
        ({"state": ""}, "state"),
        ({"at": "2026-03-01"}, "time"),
        ({"at": "2026-03-01T09:29:58+08:00"}, "time"),
        ({"at": ""}, "time"),
    ],
)
def test_a_row_that_cannot_be_read_is_set_aside_and_counted(changes: dict[str, str], reason: str) -> None:
    content = trade_file(payment(), payment(**changes), refund(), refund(**changes), count="4", **TWICE)

    bill = read_trade_bill(content, mchid=MCHID)

    assert bill.rows == [PAYMENT, REFUND]
    assert list(bill.odd) == [
        OddRow(reference=TRANSACTION, reason=reason, kind=BillKind.PAYMENT, amount_fen=5000),
        OddRow(reference=ORDER + "R1", reason=reason, kind=BillKind.REFUND, amount_fen=3000),
    ]
    assert (bill.paid_fen, bill.refunded_fen) == (10_000, 6000)


@pytest.mark.parametrize("totals", [{}, {"total": "100.00"}])
def test_a_row_in_another_currency_counts_no_fen(totals: dict[str, str]) -> None:
    bill = read_trade_bill(
        trade_file(payment(), payment(currency="USD"), refund(), count="3", **totals), mchid=MCHID
    )

    assert bill.rows == [PAYMENT, REFUND]
    assert list(bill.odd) == [OddRow(reference=TRANSACTION, reason="currency")]
    assert (bill.paid_fen, bill.refunded_fen) == (5000, 3000)


def test_a_row_with_a_cell_too_few_is_set_aside() -> None:
    short = payment().rpartition(",")[0]

    bill = read_trade_bill(trade_file(payment(), refund(), short, count="3"), mchid=MCHID)

    assert bill.rows == [PAYMENT, REFUND]
    assert list(bill.odd) == [OddRow(reference=TRANSACTION, reason="cells")]


def test_a_bill_of_another_merchant_or_of_strange_rows_alone_is_refused() -> None:
    refused(trade_file(payment(mchid="1900000110"), refund(mchid="1900000110")), "merchant")
    strange = [payment(state="?") for _ in range(101)]
    refused(trade_file(*strange, count="101", total="5050.00", refunded="0.00"), "rows")


def test_the_classic_columns_are_read_too() -> None:
    names = {
        "订单金额": "总金额",
        "申请退款金额": "企业红包退款金额s",
        "退款金额": "退款金额",
        "订单总金额": "总交易额",
        "申请退款总金额": "总退款金额",
    }
    head = TITLES.split(",")
    at = head.index("退款金额")
    content = "\n".join(
        [
            ",".join(names.get(title, title) for title in head),
            payment(),
            ",".join("`30.00" if place == at else cell for place, cell in enumerate(refund().split(","))),
            ",".join(names.get(title, title) for title in TOTAL_TITLES.split(",")),
            cells("2", "49.90", "29.90", "0.00", "0.30", "50.00", "30.00"),
        ]
    )

    bill = read_trade_bill(content.encode(), mchid=MCHID)

    assert (bill.rows, bill.paid_fen, bill.refunded_fen) == ([PAYMENT, REFUND], 5000, 3000)


@pytest.mark.parametrize("title", ["商户号", "订单金额", "申请退款总金额", "订单总金额"])
def test_a_bill_without_one_of_its_columns_or_with_two_of_it_is_refused(title: str) -> None:
    content = trade_file().decode()

    for spoilt in (f",{title}s", f",{title},{title}"):
        changed = re.sub(f",{title}(?=[,\r])", spoilt, content)
        assert changed != content
        refused(changed.encode(), "columns")


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n\n", b"one\ntwo", TITLES.encode()])
def test_a_bill_without_totals_is_refused(content: bytes) -> None:
    refused(content, "no totals")


def test_a_bill_in_another_encoding_is_refused() -> None:
    refused(trade_file().decode("utf-8-sig").encode("gbk"), "not UTF-8")


def test_the_funds_bill_adds_up() -> None:
    assert read_funds_bill(funds_file()) == FUNDS


def test_brackets_of_either_width_are_the_same_title() -> None:
    wide = funds_file().decode().replace("(元)", "（元）").encode()

    assert read_funds_bill(wide) == FUNDS


@pytest.mark.parametrize(
    "totals",
    [
        ("2", "2", "50.01", "1", "0.30"),
        ("4", "2", "50.01", "1", "0.30"),
        ("3", "1", "50.01", "1", "0.30"),
        ("3", "2", "50.00", "1", "0.30"),
        ("3", "2", "50.01", "2", "0.30"),
        ("3", "2", "50.01", "1", "0.31"),
        ("3", "2", "50.31", "1", "50.31"),
    ],
)
def test_a_funds_bill_whose_totals_do_not_fit_is_refused(totals: tuple[str, ...]) -> None:
    with pytest.raises(BillDamaged, match=r"^totals$"):
        read_funds_bill(funds_file(totals=totals))


def test_a_flow_that_goes_neither_in_nor_out_refuses_the_funds_bill() -> None:
    with pytest.raises(BillDamaged, match=r"^direction$"):
        read_funds_bill(funds_file(flow(), flow("冻结", "1.00"), totals=("2", "1", "50.00", "0", "0.00")))


@st.composite
def days(draw: st.DrawFn) -> list[tuple[bool, int]]:
    return draw(st.lists(st.tuples(st.booleans(), st.integers(0, 10**12)), max_size=20))


def yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:.2f}"


@given(day=days())
def test_whatever_adds_up_is_read_exactly(day: list[tuple[bool, int]]) -> None:
    rows = [refund(refund=yuan(fen)) if is_refund else payment(total=yuan(fen)) for is_refund, fen in day]
    paid = sum(fen for is_refund, fen in day if not is_refund)
    refunded = sum(fen for is_refund, fen in day if is_refund)
    lines = [TITLES, *rows, TOTAL_TITLES, cells(len(day), "0", "0", "0", "0", yuan(paid), yuan(refunded))]

    bill = read_trade_bill("\n".join(lines).encode(), mchid=MCHID)

    assert [(row.kind is BillKind.REFUND, row.amount_fen) for row in bill.rows] == day
    assert (bill.paid_fen, bill.refunded_fen) == (paid, refunded)


@given(day=days().filter(bool), data=st.data())
def test_whatever_is_off_by_some_fen_is_refused(day: list[tuple[bool, int]], data: st.DataObject) -> None:
    rows = [refund(refund=yuan(fen)) if is_refund else payment(total=yuan(fen)) for is_refund, fen in day]
    paid = sum(fen for is_refund, fen in day if not is_refund)
    refunded = sum(fen for is_refund, fen in day if is_refund)
    off = data.draw(st.integers(1, 10**6))
    if data.draw(st.booleans()):
        paid += off
    else:
        refunded += off
    totals = cells(len(day), "0", "0", "0", "0", yuan(paid), yuan(refunded))

    refused("\n".join([TITLES, *rows, TOTAL_TITLES, totals]).encode(), "totals")


@given(content=st.binary() | st.text().map(str.encode))
def test_whatever_is_no_bill_is_refused_and_never_an_error(content: bytes) -> None:
    with pytest.raises(BillDamaged):
        read_trade_bill(content, mchid=MCHID)
    with pytest.raises(BillDamaged):
        read_funds_bill(content)


@given(position=st.integers(0, len(trade_file()) - 1), byte=st.integers(0, 255))
def test_a_damaged_bill_is_read_or_refused_and_never_an_error(position: int, byte: int) -> None:
    content = bytearray(trade_file())
    content[position] = byte

    try:
        bill = read_trade_bill(bytes(content), mchid=MCHID)
    except BillDamaged:
        return
    assert (bill.paid_fen, bill.refunded_fen) == (5000, 3000) or bill.odd
