from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.adapters.alipay import bill
from guahao.payment.ports import (
    Bill,
    BillDamaged,
    BillKind,
    BillNotReady,
    BillRow,
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    OddRow,
    Provider,
)
from tests.adapters.alipay.counterpart import ENDPOINT, NO, SELLER_ID, Counterpart, alipay, refusal

pytestmark = pytest.mark.anyio

DAY = date(2026, 11, 22)
ASK = "alipay.data.dataservice.bill.downloadurl.query"
ADDRESS = "http://dwbillcenter.alipay.com/downloadBillFile.resource?token=secret&fileId=%2Ftrade%2F1.zip"
COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
SUMMARY_COLUMNS = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,"
    "服务费（元）,分润（元）,实收净额（元）"
)
LINE = "-----------------------------------------"


def row(trade: str, kind: str, amount: str, received: str | None = None, **further: str) -> str:
    return (
        f"{trade}\t,{further.get('order', NO)}\t,{kind}\t,挂号费,2026-11-22 10:55:16,2026-11-22 10:55:23,"
        f'store\t,\t,\t,\t,"*三(602***@qq.com), 无\t",{amount},{received or amount},'
        f"0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,{further.get('refund', '')}\t,-0.30,0.00,挂号"
    )


@dataclass(frozen=True, kw_only=True)
class File:
    """A bill as Alipay packs it; each part can be wrong."""

    rows: Sequence[str] = (
        row("2026112222001", "交易", "50.07", "50.00"),
        row("2026112222002", "交易", "1.00", order="another system's"),
        row("2026112222001", "退款", "-20.01", refund=f"{NO}R1"),
    )
    account: str = f"{SELLER_ID}0156"
    begins: str = "2026年11月22日 00:00:00"
    payments: str = "#交易合计：2笔，商家实收共51.00元，商家优惠共0.07元"
    refunds: str = "#退款合计：1笔，商家实收退款共-20.01元，商家优惠退款共0.00元"
    totals: str = "2,1,51.07,51.00"
    columns: str = COLUMNS
    names: Sequence[str] = ("1_业务明细.csv", "1_业务明细(汇总).csv")
    summary_begins: str = "2026年11月22日 00:00:00"
    encoding: str = "gbk"

    def packed(self, *more: tuple[str, bytes]) -> bytes:
        buffer = io.BytesIO()
        texts = (self.detail(), self.summary())
        parts = [(name, text.encode(self.encoding)) for name, text in zip(self.names, texts, strict=False)]
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in (*parts, *more):
                archive.writestr(name, content)
        return buffer.getvalue()

    def detail(self) -> str:
        return "\r\n".join(
            [
                "#支付宝业务明细查询",
                f"#账号：[{self.account}]",
                f"#起始日期：[{self.begins}]   终止日期：[2026年11月23日 00:00:00]",
                f"#{LINE}业务明细列表{LINE}",
                self.columns,
                *self.rows,
                f"#{LINE}业务明细列表结束{LINE}",
                self.payments,
                self.refunds,
                "#导出时间：[2026年11月23日 05:46:49]",
                "",
            ]
        )

    def summary(self) -> str:
        return "\r\n".join(
            [
                "#支付宝业务汇总查询",
                f"#账号：[{self.account}]",
                f"#起始日期：[{self.summary_begins}]   终止日期：[2026年11月23日 00:00:00]",
                f"#{LINE}业务汇总列表{LINE}",
                SUMMARY_COLUMNS,
                f"store\t,\t,{self.totals},0.00,0.00,0.00,-0.30,0.00,30.69",
                f"合计\t,\t,{self.totals},0.00,0.00,0.00,-0.30,0.00,30.69",
                f"#{LINE}业务汇总列表结束{LINE}",
                "#导出时间：[2026年11月23日 05:46:49]",
            ]
        )


EMPTY = File(
    rows=(),
    payments="#交易合计：0笔，商家实收共0.00元，商家优惠共0.00元",
    refunds="#退款合计：0笔，商家实收退款共0.00元，商家优惠退款共0.00元",
    totals="0,0,0.00,0.00",
)
AT = datetime(2026, 11, 22, 2, 55, 23, tzinfo=UTC)
ROWS = [
    BillRow(
        kind=BillKind.PAYMENT,
        out_trade_no=NO,
        transaction_id="2026112222001",
        out_refund_no="",
        amount_fen=5007,
        at=AT,
        is_final=True,
    ),
    BillRow(
        kind=BillKind.PAYMENT,
        out_trade_no="another system's",
        transaction_id="2026112222002",
        out_refund_no="",
        amount_fen=100,
        at=AT,
        is_final=True,
    ),
    BillRow(
        kind=BillKind.REFUND,
        out_trade_no=NO,
        transaction_id="2026112222001",
        out_refund_no=f"{NO}R1",
        amount_fen=2001,
        at=AT,
        is_final=True,
    ),
]


def read(packed: bytes) -> Bill:
    return bill.read(packed, day=DAY, seller_id=SELLER_ID)


def damaged(packed: bytes) -> str:
    with pytest.raises(BillDamaged) as caught:
        read(packed)
    assert caught.value.__cause__ is None
    return str(caught.value)


def counterpart(download: Callable[[httpx.Request], httpx.Response], address: str = ADDRESS) -> Counterpart:
    return Counterpart({ASK: {"code": "10000", "bill_download_url": address}}, download=download)


async def test_a_days_bill_is_asked_for_fetched_over_https_and_read() -> None:
    packed = File().packed()
    gateway = counterpart(lambda _: httpx.Response(200, content=packed))

    assert await alipay(gateway).bill(DAY) == Bill(
        provider=Provider.ALIPAY,
        day=DAY,
        digest=hashlib.sha256(packed).hexdigest(),
        rows=ROWS,
        row_count=3,
        paid_fen=5107,
        refunded_fen=2001,
        funds=None,
    )
    assert gateway.calls == [(ASK, {"bill_type": "trade", "bill_date": "2026-11-22"})]
    fetched = gateway.requests[1]
    assert str(fetched.url) == ADDRESS.replace("http:", "https:")
    assert fetched.headers["accept-encoding"] == "identity"


def test_a_day_without_trades_has_an_empty_bill() -> None:
    found = read(EMPTY.packed())

    assert (found.rows, found.row_count, found.paid_fen, found.refunded_fen) == ([], 0, 0, 0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["交易", "退款"]), st.integers(min_value=0, max_value=10**9)), max_size=8
    )
)
def test_rows_of_every_amount_add_up_to_the_fen(moves: list[tuple[str, int]]) -> None:
    def yuan(amount: int) -> str:
        return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"

    signs = {"交易": 1, "退款": -1}
    amounts = {kind: [fen for found, fen in moves if found == kind] for kind in signs}
    paid, returned = sum(amounts["交易"]), sum(amounts["退款"])
    file = replace(
        EMPTY,
        rows=[row("2026112222001", kind, yuan(signs[kind] * fen)) for kind, fen in moves],
        payments=f"#交易合计：{len(amounts['交易'])}笔，商家实收共{yuan(paid)}元，商家优惠共0.00元",
        refunds=f"#退款合计：{len(amounts['退款'])}笔，商家实收退款共{yuan(-returned)}元，商家优惠退款共0.00元",
        totals=f"{len(amounts['交易'])},{len(amounts['退款'])},{yuan(paid - returned)},0.00",
    )

    found = read(file.packed())

    assert [(item.kind, item.amount_fen) for item in found.rows] == [
        (BillKind.PAYMENT if kind == "交易" else BillKind.REFUND, fen) for kind, fen in moves
    ]
    assert (found.paid_fen, found.refunded_fen) == (paid, returned)


@pytest.mark.parametrize(
    "file",
    [
        File(totals="2,1,31.06,51.00"),
        File(columns=COLUMNS.replace("（元）", "(元)")),
        File(account=SELLER_ID),
        File(names=("a.CSV", "b.csv")),
        File(encoding="gb18030"),
        File(encoding="utf-8-sig"),
    ],
    ids=["net summary", "narrow brackets", "bare account", "other names", "rare characters", "BOM"],
)
def test_known_variants_of_the_file_are_read_alike(file: File) -> None:
    assert read(file.packed(("3_readme.txt", b"\xff"), ("4_业务账单.csv", b""))).rows == ROWS


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (File(payments="#交易合计：3笔，商家实收共51.00元，商家优惠共0.07元"), "totals"),
        (File(payments="#交易合计：2笔，商家实收共51.01元，商家优惠共0.07元"), "totals"),
        (File(payments="#交易合计：2笔，商家实收共-51.00元，商家优惠共0.07元"), "Unreadable"),
        (File(payments=""), "KeyError"),
        (File(refunds="#退款合计：0笔，商家实收退款共-20.01元，商家优惠退款共0.00元"), "totals"),
        (File(refunds="#退款合计：1笔，商家实收退款共-20.00元，商家优惠退款共0.00元"), "totals"),
        (File(refunds="#退款合计：1笔，商家实收退款共20.01元，商家优惠退款共0.00元"), "Unreadable"),
        (File(refunds=""), "KeyError"),
        (File(totals="1,1,51.07,51.00"), "summary"),
        (File(totals="2,0,51.07,51.00"), "summary"),
        (File(totals="2,1,51.06,51.00"), "summary"),
        (File(totals="2,1,71.08,51.00"), "summary"),
        (File(totals="2,1,-51.07,51.00"), "summary"),
        (File(totals="two,1,51.07,51.00"), "ValueError"),
        (File(rows=File.rows[:2]), "totals"),
        (File(rows=(*File.rows, File.rows[1])), "totals"),
        (File(rows=(File.rows[0].replace("50.07", "50.08"), *File.rows[1:])), "summary"),
        (File(columns=COLUMNS.replace("完成时间", "时间")), "columns"),
        (File(columns=COLUMNS.replace("商品名称", "备注")), "columns"),
        (File(account="20889999999999990156"), "account"),
        (File(account=""), "account"),
        (File(begins="2026年11月21日 00:00:00"), "day"),
        (File(begins="2026年11月22日 08:00:00"), "day"),
        (File(summary_begins="2026年11月21日 00:00:00"), "day"),
        (File(names=("1_业务明细.csv",)), "ValueError"),
        (File(names=()), "ValueError"),
    ],
)
def test_row_27_a_bill_that_does_not_add_up_or_is_not_ours_is_refused(file: File, reason: str) -> None:
    assert damaged(file.packed()) == reason


OTHER = File.rows[1]


@pytest.mark.parametrize(
    "title",
    [
        "专家号,内科",
        "a,b,c,d",
        '"专家号',
        '专"家"号',
        '"专家号","内科"',
        "#专家号",
        "专家号\r\n内科",
        "专家号\n#内科",
        "'=cmd()",
        "２０，全角逗号",
    ],
)
def test_a_title_of_another_system_may_hold_what_separates_cells_and_lines(title: str) -> None:
    found = read(File(rows=(File.rows[0], OTHER.replace("挂号费", title), File.rows[2])).packed())

    assert (found.rows, list(found.odd)) == (ROWS, [])


@pytest.mark.parametrize("end", [",", ",,", "，也许,"])
def test_a_note_at_the_end_of_a_row_may_hold_commas(end: str) -> None:
    found = read(File(rows=(File.rows[0] + end, *File.rows[1:])).packed())

    assert (found.rows, list(found.odd)) == (ROWS, [])


@pytest.mark.parametrize(
    ("spoilt", "odd"),
    [
        (
            OTHER.replace("交易\t", "预授权\t"),
            OddRow(reference="2026112222002", reason="kind", amount_fen=100),
        ),
        (
            OTHER.replace("10:55:23", "25:55:23"),
            OddRow(reference="2026112222002", reason="time", kind=BillKind.PAYMENT, amount_fen=100),
        ),
        (OTHER.replace("1.00,1.00", "1.000,1.00"), OddRow(reference="2026112222002", reason="amount")),
        (OTHER.replace("1.00,1.00", "-1.00,-1.00"), OddRow(reference="2026112222002", reason="amount")),
        ("2026112222002,1,2", OddRow(reference="#2", reason="cells")),
        ("\ufffd", None),
    ],
)
def test_a_row_of_another_system_that_cannot_be_read_is_set_aside_alone(
    spoilt: str, odd: OddRow | None
) -> None:
    is_counted = "预授权" not in spoilt
    file = File(
        rows=(File.rows[0], spoilt, File.rows[2]),
        payments=f"#交易合计：{1 + is_counted}笔，商家实收共{50 + is_counted}.00元，商家优惠共0.07元",
        totals=f"{1 + is_counted},1,{50 + is_counted}.07,51.00",
        encoding="gb18030",
    )
    if odd is None:
        assert damaged(file.packed()) == "totals"  # a line without a beginning is no row: one is lost
        return

    found = read(file.packed())

    assert (found.rows, list(found.odd)) == ([ROWS[0], ROWS[2]], [odd])
    assert (found.row_count, found.refunded_fen) == (3, 2001)
    assert found.paid_fen == 5007 + (100 if odd.kind else 0)


def test_a_bill_of_nothing_but_unreadable_rows_is_another_file() -> None:
    rows = [OTHER.replace("交易\t", "预授权\t") for _ in range(101)]

    assert damaged(replace(EMPTY, rows=rows).packed()) == "rows"


def test_row_27_a_bill_in_another_encoding_is_refused() -> None:
    assert damaged(File(encoding="utf-16").packed())


def test_row_27_a_second_table_of_rows_is_refused() -> None:
    assert damaged(File().packed(("2.csv", File().detail().encode("gbk")))) == "ValueError"


@pytest.mark.parametrize(
    "packed",
    [b"", b"PK", b"not a zip", b'{"alipay_error":1}', File().packed()[:-30], File().packed()[40:]],
)
def test_row_27_what_is_no_whole_zip_is_refused(packed: bytes) -> None:
    assert damaged(packed) in {"BadZipFile", "ValueError"}


def test_row_27_one_changed_byte_of_the_content_is_refused() -> None:
    packed = bytearray(File().packed())
    packed[80] ^= 1

    assert damaged(bytes(packed))


def test_a_bomb_is_refused_by_what_it_declares() -> None:
    part = b"\0" * (1 << 20)
    parts = [(f"{number}.bin", part) for number in range(18)]
    buffer = io.BytesIO(File().packed(*parts))
    with zipfile.ZipFile(buffer, "a") as archive:
        for info in archive.infolist()[2:]:
            info.file_size = bill.MAX_UNPACKED_BYTES // 18
        archive.writestr("last.bin", b"x")

    assert damaged(buffer.getvalue()) == "size"


def test_a_zip_of_many_parts_is_refused() -> None:
    parts = [(f"{number}.txt", b"") for number in range(bill.MAX_PARTS - 2)]

    assert read(File().packed(*parts)).row_count == 3
    assert damaged(File().packed(*parts, ("more.txt", b""))) == "size"


@pytest.mark.parametrize(
    "address",
    [
        "https://dwbillcenter.alipay.com/1.zip",
        "https://dwbillcenter.alipay.com:443/1.zip",
        "https://openapi.alipay.test/sandbox/1.zip",
    ],
)
async def test_row_52_a_bill_is_fetched_from_hosts_we_know(address: str) -> None:
    gateway = counterpart(lambda _: httpx.Response(200, content=File().packed()), address)

    assert (await alipay(gateway).bill(DAY)).row_count == 3


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/1.zip",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:5432/",
        "https://alipay.com/1.zip",
        "https://dwbillcenter.alipay.com.evil.test/1.zip",
        "https://evil.test/dwbillcenter.alipay.com",
        "https://dwbillcenter.alipay.com@evil.test/1.zip",
        "https://user:word@dwbillcenter.alipay.com/1.zip",
        "https://user@openapi.alipay.test/1.zip",
        "https://dwbillcenter.alipay.com:8443/1.zip",
        "ftp://dwbillcenter.alipay.com/1.zip",
        "file:///etc/passwd",
        "//dwbillcenter.alipay.com/1.zip",
        "/1.zip",
        "http://openapi.alipay.test/1.zip",
        "https://openapi.alipay.test:8443/1.zip",
        "https://[::1/1.zip",
        "x" * 70_000,
    ],
)
async def test_row_52_no_other_host_is_ever_asked(address: str) -> None:
    gateway = counterpart(lambda _: httpx.Response(200, content=File().packed()), address)

    with pytest.raises(ChannelUncertain, match=r"^bill address$"):
        await alipay(gateway).bill(DAY)
    assert [request.method for request in gateway.requests] == ["POST"]


async def test_row_52_a_redirect_is_not_followed() -> None:
    gateway = counterpart(lambda _: httpx.Response(302, headers={"location": ENDPOINT}))

    with pytest.raises(ChannelUncertain, match=r"^302$"):
        await alipay(gateway).bill(DAY)
    assert len(gateway.requests) == 2


async def test_an_address_that_has_died_is_uncertain() -> None:
    with pytest.raises(ChannelUncertain, match=r"^403$"):
        await alipay(counterpart(lambda _: httpx.Response(403))).bill(DAY)


def failing(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError(str(request.url))


async def test_a_download_that_breaks_off_is_uncertain_and_does_not_quote_its_address() -> None:
    with pytest.raises(ChannelUncertain, match=r"^ReadError$") as caught:
        await alipay(counterpart(failing)).bill(DAY)
    assert caught.value.__suppress_context__


async def test_a_download_that_hangs_ends() -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError(request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(never))
    with pytest.raises(ChannelUncertain, match=r"^TimeoutError$"):
        await bill.download(http, ADDRESS, endpoint=ENDPOINT, limit_s=0.01)


async def test_a_download_of_the_greatest_size_is_taken_and_one_byte_more_is_not() -> None:
    async def sent(more: bytes) -> AsyncIterator[bytes]:
        for _ in range(32):
            yield b"x" * (1 << 20)
        yield more

    def download(more: bytes) -> Any:
        http = httpx.AsyncClient(
            transport=httpx.MockTransport(lambda _: httpx.Response(200, content=sent(more)))
        )
        return bill.download(http, ADDRESS, endpoint=ENDPOINT)

    assert len(await download(b"")) == 32 << 20
    with pytest.raises(BillDamaged, match=r"^size$"):
        await download(b"x")


@pytest.mark.parametrize(
    "word", ["BILL_NOT_EXIST", "NO_BILL_DATA", "isp.bill_not_exist", "ACQ.BILL_NOT_EXIST", "isp.no_bill_data"]
)
async def test_a_bill_that_is_not_there_yet_is_not_ready(word: str) -> None:
    with pytest.raises(BillNotReady):
        await alipay(Counterpart({ASK: refusal(word)})).bill(DAY)


@pytest.mark.parametrize(
    ("node", "error"),
    [
        (refusal("isv.insufficient-isv-permissions", "40006"), ChannelRefused),
        (refusal("ACQ.SYSTEM_ERROR"), ChannelUncertain),
        ({"code": "10000"}, ChannelUnreadable),
    ],
)
async def test_row_27_a_refused_or_lost_question_is_no_missing_bill(
    node: Any, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await alipay(Counterpart({ASK: node})).bill(DAY)
    assert type(caught.value) is error
