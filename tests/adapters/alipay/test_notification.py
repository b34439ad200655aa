from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import MD5, SHA1

from guahao.payment.ports import (
    NotificationRefused,
    NotificationUnreadable,
    Paid,
    Provider,
    Refunded,
    RefundOutcome,
    RefusalKind,
    Source,
)
from tests.adapters.alipay.counterpart import (
    APP_ID,
    NO,
    NOW,
    OURS,
    SELLER_ID,
    STRANGER,
    TRADE_NO,
    alipay,
    form,
    signature,
)

FIELDS = {
    "gmt_create": "2026-11-23 00:29:50",
    "charset": "utf-8",
    "gmt_payment": "2026-11-23 00:29:59",
    "notify_time": "2026-11-23 00:30:00",
    "subject": "挂号费 + & = 100%",
    "buyer_id": "2088102116773037",
    "version": "1.0",
    "notify_id": "2026112300222003000000000000000001",
    "notify_type": "trade_status_sync",
    "out_trade_no": NO,
    "total_amount": "50.07",
    "refund_fee": "0.00",
    "trade_status": "TRADE_SUCCESS",
    "trade_no": TRADE_NO,
    "auth_app_id": APP_ID,
    "receipt_amount": "50.07",
    "app_id": APP_ID,
    "seller_id": SELLER_ID,
    "fund_bill_list": '[{"amount":"50.07","fundChannel":"ALIPAYACCOUNT"}]',
}
REFUND = {
    **FIELDS,
    "refund_fee": "30.00",
    "gmt_refund": "2026-11-23 09:00:00.536",
    "out_biz_no": f"{NO}R1",
}
PAID = Paid(
    provider=Provider.ALIPAY,
    source=Source.NOTIFICATION,
    message_id="2026112300222003000000000000000001",
    out_trade_no=NO,
    transaction_id=TRADE_NO,
    amount_fen=5007,
    paid_at=datetime(2026, 11, 22, 16, 29, 59, tzinfo=UTC),
)


def nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(request.url)


def read(body: bytes) -> Paid | Refunded | None:
    return alipay(nobody).read_notification({}, body, now=NOW)


def refused(body: bytes) -> RefusalKind:
    with pytest.raises(NotificationRefused) as caught:
        read(body)
    return caught.value.kind


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
def test_a_paid_trade_is_a_payment_of_its_total(status: str) -> None:
    assert read(form({**FIELDS, "trade_status": status})) == PAID


def test_a_repeated_notification_is_the_same_message() -> None:
    assert read(form({**FIELDS, "notify_time": "2026-11-23 15:30:00"})) == PAID


@pytest.mark.parametrize(
    "changes",
    [
        {"trade_status": "WAIT_BUYER_PAY"},
        {"trade_status": "TRADE_CLOSED", "gmt_close": "2026-11-23 00:45:00"},
        {"notify_type": "dut_user_sign"},
    ],
)
def test_a_message_without_a_fact_is_acknowledged_and_nothing_more(changes: dict[str, str]) -> None:
    assert read(form({**FIELDS, **changes})) is None


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"])
def test_a_refund_is_never_a_second_payment(status: str) -> None:
    assert read(form({**REFUND, "trade_status": status})) == Refunded(
        provider=Provider.ALIPAY,
        source=Source.NOTIFICATION,
        message_id="2026112300222003000000000000000001",
        out_trade_no=NO,
        out_refund_no=f"{NO}R1",
        channel_refund_id=f"{NO}R1",
        amount_fen=3000,
        outcome=RefundOutcome.SUCCESS,
        at=datetime(2026, 11, 23, 1, 0, 0, tzinfo=UTC),
    )


@pytest.mark.parametrize("out_biz_no", [f"{NO}R2", f"{NO}R10", f"{NO}R11"])
def test_a_refund_whose_own_amount_is_not_told_is_left_to_the_query(out_biz_no: str) -> None:
    assert read(form({**REFUND, "out_biz_no": out_biz_no})) is None


def test_a_sum_of_refunds_alone_marks_a_refund() -> None:
    fact = read(form({name: value for name, value in REFUND.items() if name != "gmt_refund"}))

    assert isinstance(fact, Refunded)
    assert (fact.out_refund_no, fact.amount_fen) == (f"{NO}R1", 3000)
    assert fact.at == datetime(2026, 11, 22, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize("field", ["app_id", "seller_id"])
def test_row_9_a_genuine_notification_of_another_merchant_is_refused(field: str) -> None:
    assert refused(form({**FIELDS, field: "2088999999999999"})) is RefusalKind.MERCHANT


def test_row_9_a_genuine_notification_that_names_nobody_is_refused() -> None:
    assert refused(form({**FIELDS, "app_id": "", "seller_id": ""})) is RefusalKind.MERCHANT


@pytest.mark.parametrize("field", ["app_id", "seller_id"])
@pytest.mark.parametrize("covers_empties", [False, True])
def test_an_empty_field_is_not_there_whether_the_signature_covers_it_or_not(
    field: str, covers_empties: bool
) -> None:
    fields = {**FIELDS, field: ""}

    assert read(form(fields, covers_empties=covers_empties)) == PAID


@pytest.mark.parametrize("number", [TRADE_NO, "R1", "20261122R1"])
@pytest.mark.parametrize("status", ["TRADE_CLOSED", "TRADE_SUCCESS"])
def test_a_refund_made_in_alipays_console_is_told_under_its_own_number(number: str, status: str) -> None:
    fact = read(form({**REFUND, "out_biz_no": number, "trade_status": status}))

    assert isinstance(fact, Refunded)
    assert (fact.out_trade_no, fact.out_refund_no, fact.outcome) == (NO, number, RefundOutcome.SUCCESS)


def test_a_refund_without_any_number_is_told_without_one() -> None:
    fact = read(form({**REFUND, "out_biz_no": ""}))

    assert isinstance(fact, Refunded)
    assert (fact.out_trade_no, fact.out_refund_no) == (NO, "")


@pytest.mark.parametrize(
    "extra", [{"out_biz_no": "20261122"}, {"refund_fee": "0.00", "gmt_close": "2026-11-23 00:30:00"}]
)
def test_a_payment_may_have_fields_of_refunds(extra: dict[str, str]) -> None:
    assert read(form({**FIELDS, **extra})) == PAID


def test_row_1_a_changed_amount_is_refused() -> None:
    assert refused(form(FIELDS).replace(b"50.07", b"50.08")) is RefusalKind.SIGNATURE


@pytest.mark.parametrize(
    "sign", ["", "%%%", "not base64", "中文", "eA==", signature("other"), signature("x", key=STRANGER)]
)
def test_row_2_a_signature_that_is_none_is_refused(sign: str) -> None:
    fields = dict(parse_qsl(form(FIELDS).decode()))

    assert refused(urlencode({**fields, "sign": sign}).encode()) is RefusalKind.SIGNATURE


def test_row_2_a_missing_signature_is_refused() -> None:
    assert refused(urlencode({**FIELDS, "sign_type": "RSA2"}).encode()) is RefusalKind.SIGNATURE


@pytest.mark.parametrize("key", [OURS, STRANGER])
def test_row_2_a_signature_of_another_key_is_refused(key: object) -> None:
    assert refused(form(FIELDS, key=key)) is RefusalKind.SIGNATURE


@pytest.mark.parametrize("sign_type", ["RSA", "", "rsa2", "MD5"])
def test_row_24_another_sign_type_is_refused(sign_type: str) -> None:
    assert refused(form(FIELDS, sign_type=sign_type)) is RefusalKind.SIGNATURE


@pytest.mark.parametrize("algorithm", [SHA1(), MD5()])
def test_row_24_a_weaker_hash_is_refused_whatever_the_sign_type_says(algorithm: Any) -> None:
    assert refused(form(FIELDS, algorithm=algorithm)) is RefusalKind.SIGNATURE


@pytest.mark.parametrize(
    "addition",
    [
        b"&out_biz_no=1",
        b"&a=1",
        b"&total_amount=0.01",
        b"&total_amount=50.07",
        b"&sign_type=RSA2",
        b"&%00=1",
    ],
)
def test_row_24_an_added_field_is_refused(addition: bytes) -> None:
    assert refused(form(FIELDS) + addition) is RefusalKind.SIGNATURE


def test_an_added_empty_field_is_as_if_it_were_not_there() -> None:
    assert read(form(FIELDS) + b"&out_biz_no=&gmt_refund=") == PAID


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"a=%ff", b"&".join(b"%d=1" % n for n in range(101)), b"x" * 9]
)
def test_row_2_what_is_no_form_is_refused(body: bytes) -> None:
    assert refused(body) is RefusalKind.SIGNATURE


def test_row_2_a_form_of_more_fields_than_alipay_sends_is_refused_before_its_signature() -> None:
    more = {f"field_{number}": "1" for number in range(100 - len(FIELDS) - 2)}

    assert read(form({**FIELDS, **more})) == PAID
    assert refused(form({**FIELDS, **more, "one_more": "1"})) is RefusalKind.SIGNATURE


@pytest.mark.parametrize("field", ["trade_status", "out_trade_no", "trade_no", "total_amount"])
def test_a_genuine_notification_without_what_cannot_be_done_without_is_a_case(field: str) -> None:
    without = {name: value for name, value in FIELDS.items() if name != field}

    with pytest.raises(NotificationUnreadable):
        read(form(without))


@pytest.mark.parametrize(("field", "value"), [("total_amount", "1e2"), ("trade_status", "TRADE_SOMEHOW")])
def test_row_10_amounts_and_states_are_read_strictly(field: str, value: str) -> None:
    with pytest.raises(NotificationUnreadable) as unreadable:
        read(form({**FIELDS, field: value}))
    assert unreadable.value.reference == NO


@pytest.mark.parametrize("value", ["", "gestern"])
def test_a_payment_without_its_time_has_the_messages_or_ours(value: str) -> None:
    told = {**FIELDS, "gmt_payment": value}

    by_message = read(form({**told, "notify_time": "2026-11-23 00:30:01"}))
    by_us = read(form({**told, "notify_time": ""}))

    assert by_message == replace(PAID, paid_at=datetime(2026, 11, 22, 16, 30, 1, tzinfo=UTC))
    assert by_us == replace(PAID, paid_at=NOW)


def test_a_payment_without_a_message_id_is_named_by_its_trade() -> None:
    assert read(form({**FIELDS, "notify_id": ""})) == replace(PAID, message_id=f"paid:{TRADE_NO}")
