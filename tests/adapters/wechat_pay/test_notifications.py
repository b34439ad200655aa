from __future__ import annotations

import hashlib
import json
import random
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.adapters.wechat_pay.notification import read
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
from tests.adapters.wechat_pay.platform import (
    APIV3,
    APP_ID,
    CERTIFICATE,
    MCHID,
    NOW,
    OLD_APIV3,
    ORDER,
    PUBLIC_KEY_ID,
    TRANSACTION,
    make_keys,
    order,
    refund_notice,
    sealed,
    sign,
    signed_headers,
)

PAID = Paid(
    provider=Provider.WECHAT,
    source=Source.NOTIFICATION,
    message_id="EV-2018022511223320873",
    out_trade_no=ORDER,
    transaction_id=TRANSACTION,
    amount_fen=5000,
    paid_at=datetime(2026, 3, 2, 1, 29, 58, tzinfo=UTC),
)
REFUNDED = Refunded(
    provider=Provider.WECHAT,
    source=Source.NOTIFICATION,
    message_id="EV-2018022511223320873",
    out_trade_no=ORDER,
    out_refund_no=ORDER + "R1",
    channel_refund_id="50000000382019052709732678859",
    amount_fen=3000,
    outcome=RefundOutcome.SUCCESS,
    at=datetime(2026, 3, 2, 1, 29, 57, tzinfo=UTC),
    went_to_hospital=False,
)


def read_(body: bytes, headers: dict[str, str] | None = None, **overrides: Any) -> Paid | Refunded:
    defaults = {"keys": make_keys(), "mchid": MCHID, "app_id": APP_ID, "now": NOW}
    return read(signed_headers(body) if headers is None else headers, body, **{**defaults, **overrides})


def unreadable(body: bytes) -> str:
    with pytest.raises(NotificationUnreadable) as error:
        read_(body)
    return error.value.reference


def refusal_of(body: bytes, headers: dict[str, str] | None = None, **overrides: Any) -> RefusalKind:
    with pytest.raises(NotificationRefused) as refused:
        read_(body, headers, **overrides)
    assert refused.value.args == (refused.value.kind.value,)
    return refused.value.kind


def test_a_payment_is_read_with_the_orders_total_and_the_envelopes_id() -> None:
    fact = read_(sealed(order()))

    assert fact == PAID
    assert fact.paid_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("status", "outcome"), [("ABNORMAL", RefundOutcome.ABNORMAL), ("CLOSED", RefundOutcome.CLOSED)]
)
def test_a_refund_without_a_success_has_the_time_of_the_envelope(status: str, outcome: RefundOutcome) -> None:
    fact = read_(sealed(refund_notice(status), event=f"REFUND.{status}"))

    assert fact == replace(REFUNDED, outcome=outcome, at=datetime(2026, 3, 2, 1, 29, 59, tzinfo=UTC))
    assert fact.at.tzinfo is UTC


def test_a_successful_refund_is_read_with_the_refunded_amount() -> None:
    fact = read_(sealed(refund_notice(), event="REFUND.SUCCESS"))

    assert fact == REFUNDED
    assert fact.at.tzinfo is UTC


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_the_case_of_header_names_means_nothing(change: Any) -> None:
    body = sealed(order())

    assert read_(body, {change(name): value for name, value in signed_headers(body).items()}) == PAID


def test_row_1_a_body_with_any_byte_changed_is_refused() -> None:
    body = sealed(order())
    headers = signed_headers(body)

    for index in [0, len(body) - 1, *random.Random(1).sample(range(len(body)), 50)]:
        changed = bytearray(body)
        changed[index] ^= 1
        assert refusal_of(bytes(changed), headers) is RefusalKind.SIGNATURE
    assert refusal_of(body + b"\n", headers) is RefusalKind.SIGNATURE
    assert refusal_of(b"", headers) is RefusalKind.SIGNATURE


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "not base64!",
        "签名",
        "AAAA",
        b64encode(bytes(256)).decode(),
        b64encode(bytes(255) + b"\1").decode(),
    ],
)
def test_row_2_a_signature_that_is_none_is_refused(signature: str) -> None:
    body = sealed(order())

    assert (
        refusal_of(body, {**signed_headers(body), "Wechatpay-Signature": signature}) is RefusalKind.SIGNATURE
    )


def test_row_2_a_signature_of_another_key_is_refused() -> None:
    body = sealed(order())

    assert refusal_of(body, signed_headers(body, signer="attacker")) is RefusalKind.SIGNATURE


def test_row_2_a_signature_with_something_beside_it_is_refused() -> None:
    body = sealed(order())
    headers = signed_headers(body)

    for spoilt in (headers["Wechatpay-Signature"] + "\n", " " + headers["Wechatpay-Signature"]):
        assert refusal_of(body, {**headers, "Wechatpay-Signature": spoilt}) is RefusalKind.SIGNATURE


@pytest.mark.parametrize(
    "missing", ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"]
)
def test_row_2_a_missing_or_empty_header_is_refused(missing: str) -> None:
    body = sealed(order())
    headers = signed_headers(body)

    assert refusal_of(body, {**headers, missing: ""}) is RefusalKind.SIGNATURE
    del headers[missing]
    assert refusal_of(body, headers) is RefusalKind.SIGNATURE


def test_row_2_a_genuine_signature_over_an_empty_nonce_is_refused() -> None:
    body = sealed(order())
    headers = signed_headers(body)
    signature = sign(PUBLIC_KEY_ID, f"{headers['Wechatpay-Timestamp']}\n\n".encode() + body + b"\n")

    spoilt = {**headers, "Wechatpay-Nonce": "", "Wechatpay-Signature": signature}
    assert refusal_of(body, spoilt) is RefusalKind.SIGNATURE


@given(headers=st.dictionaries(st.sampled_from(list(signed_headers(b""))), st.text()), body=st.binary())
def test_row_2_whatever_comes_is_refused_and_never_an_error(headers: dict[str, str], body: bytes) -> None:
    assert refusal_of(body, headers) in {RefusalKind.SIGNATURE, RefusalKind.PROBE}


def test_row_3_a_changed_timestamp_or_nonce_is_refused() -> None:
    body = sealed(order())
    headers = signed_headers(body)
    later = str(int(NOW.timestamp()) + 1)

    assert refusal_of(body, {**headers, "Wechatpay-Timestamp": later}) is RefusalKind.SIGNATURE
    assert refusal_of(body, {**headers, "Wechatpay-Nonce": "other"}) is RefusalKind.SIGNATURE


@pytest.mark.parametrize(
    "timestamp", ["", "soon", "-1", "1.5", "１７７２", "9" * 12, "9" * 5000, " 1772415000"]
)
def test_row_3_a_timestamp_that_is_no_number_of_seconds_is_refused(timestamp: str) -> None:
    body = sealed(order())
    headers = signed_headers(body)
    text = f"{timestamp}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"

    spoilt = {**headers, "Wechatpay-Timestamp": timestamp, "Wechatpay-Signature": sign(PUBLIC_KEY_ID, text)}
    assert refusal_of(body, spoilt) is RefusalKind.SIGNATURE


def test_row_4_a_genuine_notification_more_than_five_minutes_old_is_stale() -> None:
    body = sealed(order())

    at_the_limit = signed_headers(body, at=NOW - timedelta(minutes=5))
    assert read_(body, at_the_limit) == PAID
    too_old = signed_headers(body, at=NOW - timedelta(minutes=5, seconds=1))
    assert refusal_of(body, too_old) is RefusalKind.STALE
    assert refusal_of(body, at_the_limit, now=NOW + timedelta(milliseconds=1)) is RefusalKind.STALE


def test_row_4_a_forged_old_notification_is_no_stale_one() -> None:
    body = sealed(order())

    old = signed_headers(body, signer="attacker", at=NOW - timedelta(days=1))
    assert refusal_of(body, old) is RefusalKind.SIGNATURE


def test_row_6_a_notification_more_than_five_minutes_ahead_is_stale() -> None:
    body = sealed(order())

    assert read_(body, signed_headers(body, at=NOW + timedelta(minutes=5))) == PAID
    ahead = signed_headers(body, at=NOW + timedelta(minutes=5, seconds=1))
    assert refusal_of(body, ahead) is RefusalKind.STALE


def test_row_7_a_thousand_unknown_serials_change_no_key() -> None:
    keys = make_keys()
    before = dict(keys.verification)
    body = sealed(order())
    headers = signed_headers(body, signer="attacker")

    for number in range(1000):
        forged = {**headers, "Wechatpay-Serial": f"{number:040X}"}
        assert refusal_of(body, forged, keys=keys) is RefusalKind.SIGNATURE
    assert keys.verification == before


def test_row_8_a_probe_is_refused_as_such() -> None:
    body = sealed(order())
    headers = signed_headers(body)

    probe = {**headers, "Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]}
    assert refusal_of(body, probe) is RefusalKind.PROBE
    middle = {**headers, "Wechatpay-Signature": "A" + probe["Wechatpay-Signature"]}
    assert refusal_of(body, middle) is RefusalKind.SIGNATURE


@pytest.mark.parametrize(
    "changes", [{"mchid": "1900000110"}, {"appid": "wxfedcba9876543210"}, {"appid": MCHID}]
)
def test_row_9_a_payment_to_another_merchant_or_app_is_refused(changes: dict[str, str]) -> None:
    assert refusal_of(sealed(order(**changes))) is RefusalKind.MERCHANT


@pytest.mark.parametrize("changes", [{"mchid": ""}, {"mchid": None}, {"appid": ""}, {"appid": None}])
def test_what_our_own_key_opens_need_not_name_us(changes: dict[str, str | None]) -> None:
    assert read_(sealed(order(**changes))) == PAID


def test_row_9_a_refund_of_another_merchant_is_refused() -> None:
    body = sealed(refund_notice(mchid="1900000110"), event="REFUND.SUCCESS")

    assert refusal_of(body) is RefusalKind.MERCHANT


def test_row_22_public_key_and_certificate_both_verify_and_a_removed_key_refuses() -> None:
    body = sealed(order())
    by_certificate = signed_headers(body, serial=CERTIFICATE)

    both = make_keys(PUBLIC_KEY_ID, CERTIFICATE)
    assert read_(body, keys=both) == PAID
    assert read_(body, by_certificate, keys=both) == PAID
    assert refusal_of(body, by_certificate, keys=make_keys(PUBLIC_KEY_ID)) is RefusalKind.SIGNATURE


def test_row_22_the_serial_names_the_key_and_no_other_is_tried() -> None:
    body = sealed(order())
    mixed = signed_headers(body, serial=CERTIFICATE, signer=PUBLIC_KEY_ID)

    assert refusal_of(body, mixed, keys=make_keys(PUBLIC_KEY_ID, CERTIFICATE)) is RefusalKind.SIGNATURE


def test_row_23_every_key_of_the_ring_opens_what_was_encrypted_with_it() -> None:
    ring = make_keys(apiv3=(APIV3, OLD_APIV3))

    assert read_(sealed(order()), keys=ring) == PAID
    assert read_(sealed(order(), key=OLD_APIV3), keys=ring) == PAID
    assert refusal_of(sealed(order(), key=OLD_APIV3)) is RefusalKind.CONTENT
    assert refusal_of(sealed(order(), key=b"x" * 32), keys=ring) is RefusalKind.CONTENT


@pytest.mark.parametrize(
    "changes",
    [
        {"ciphertext": "not base64"},
        {"ciphertext": ""},
        {"ciphertext": "签名"},
        {"nonce": ""},
        {"nonce": "short"},
        {"nonce": "fdasflkja484w2"},
        {"associated_data": "refund"},
        {"algorithm": "AEAD_SM4_GCM"},
        {"ciphertext": None},
        {"nonce": 5},
    ],
)
def test_a_signed_resource_that_cannot_be_opened_is_refused(changes: dict[str, Any]) -> None:
    assert refusal_of(sealed(order(), resource=changes)) is RefusalKind.CONTENT


@pytest.mark.parametrize("algorithm", ["", None])
def test_there_is_only_one_algorithm(algorithm: str | None) -> None:
    assert read_(sealed(order(), resource={"algorithm": algorithm})) == PAID


@pytest.mark.parametrize("name", ["", None])
def test_an_envelope_without_an_id_is_named_by_its_content(name: str | None) -> None:
    body = json.dumps({**json.loads(sealed(order())), "id": name}).encode()

    assert read_(body) == replace(PAID, message_id=hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("time", ["2026-03-02T09:29:59", "now", None, 0])
def test_an_envelope_without_a_time_came_now(time: object) -> None:
    notice = refund_notice("CLOSED")
    body = json.dumps({**json.loads(sealed(notice, event="REFUND.CLOSED")), "create_time": time}).encode()

    assert read_(body) == replace(REFUNDED, outcome=RefundOutcome.CLOSED, at=NOW)


def test_an_envelope_without_a_resource_cannot_be_opened() -> None:
    body = json.dumps({**json.loads(sealed(order())), "resource": None}).encode()

    assert refusal_of(body) is RefusalKind.CONTENT


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"id": "\xff"}', b"null"])
def test_a_signed_body_that_is_no_envelope_is_refused(body: bytes) -> None:
    assert refusal_of(body) is RefusalKind.CONTENT


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"mchid": "\xff"}', b"null"])
@pytest.mark.parametrize("event", ["TRANSACTION.SUCCESS", "REFUND.SUCCESS"])
def test_a_signed_content_that_is_no_order_is_a_case_by_the_envelopes_id(content: bytes, event: str) -> None:
    assert unreadable(sealed(content, event=event)) == PAID.message_id


@pytest.mark.parametrize(
    "changes",
    [
        {"trade_state": "REFUND"},
        {"trade_state": "NOTPAY"},
        {"trade_state": "CLOSED"},
        {"out_trade_no": ""},
        {"transaction_id": ""},
        {"transaction_id": None},
        {"transaction_id": "4200\u0000"},
        {"transaction_id": "4" * 201},
        {"amount": None},
        {"amount": {"total": 5000, "currency": "HKD"}},
        {"amount": {"total": 50.5, "currency": "CNY"}},
        {"amount": {"total": True, "currency": "CNY"}},
        {"amount": {"currency": "CNY"}},
    ],
)
def test_a_payment_without_what_cannot_be_done_without_is_a_case(changes: dict[str, Any]) -> None:
    assert unreadable(sealed(order(**changes))) == PAID.message_id


@pytest.mark.parametrize("total", [0, -1, 10**30])
def test_an_amount_that_is_none_is_told_as_it_is(total: int) -> None:
    amount = {"total": total, "currency": "CNY"}

    assert read_(sealed(order(amount=amount))) == replace(PAID, amount_fen=total)


@pytest.mark.parametrize("time", [None, "", "2026-03-02T09:29:58", 5])
def test_a_payment_without_its_time_has_the_envelopes(time: object) -> None:
    at = datetime(2026, 3, 2, 1, 29, 59, tzinfo=UTC)

    assert read_(sealed(order(success_time=time))) == replace(PAID, paid_at=at)


@pytest.mark.parametrize("amount", [{"total": "5000"}, {"total": 5000.0}, {"total": "5000.00"}])
def test_an_amount_in_another_scalar_is_the_same(amount: dict[str, Any]) -> None:
    assert read_(sealed(order(amount=amount))) == PAID


def test_an_amount_without_a_currency_is_in_the_only_one_there_is() -> None:
    assert read_(sealed(order(amount={"total": 5000}))) == PAID


@pytest.mark.parametrize(
    ("account", "is_own"),
    [
        ("商户基本账户", True),
        ("商户结算银行账户", True),
        ("招商银行信用卡0403", False),
        ("支付用户零钱通", False),
        ("", None),
    ],
)
def test_a_refund_says_whether_the_hospital_has_it(account: str, is_own: bool | None) -> None:
    notice = refund_notice(user_received_account=account)

    assert read_(sealed(notice, event="REFUND.SUCCESS")) == replace(REFUNDED, went_to_hospital=is_own)


def test_the_smallest_amount_is_one_fen() -> None:
    assert read_(sealed(order(amount={"total": 1}))) == replace(PAID, amount_fen=1)
    notice = refund_notice(amount={"refund": 1})
    assert read_(sealed(notice, event="REFUND.SUCCESS")) == replace(REFUNDED, amount_fen=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"refund_status": "CLOSED"},
        {"refund_status": "PROCESSING"},
        {"refund_status": "LOST"},
        {"out_refund_no": ""},
        {"amount": {"refund": 3000, "currency": "USD"}},
    ],
)
def test_a_refund_without_what_cannot_be_done_without_is_a_case(changes: dict[str, Any]) -> None:
    assert unreadable(sealed(refund_notice(**changes), event="REFUND.SUCCESS")) == REFUNDED.message_id


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({"out_trade_no": ""}, {"out_trade_no": ""}),
        ({"refund_id": ""}, {"channel_refund_id": ""}),
        ({"amount": {"total": 5000}}, {"amount_fen": None}),
        ({"refund_status": None}, {}),
        ({"success_time": None}, {"at": datetime(2026, 3, 2, 1, 29, 59, tzinfo=UTC)}),
    ],
)
def test_a_refund_is_known_by_its_number_alone(changes: dict[str, Any], known: dict[str, Any]) -> None:
    body = sealed(refund_notice(**changes), event="REFUND.SUCCESS")

    assert read_(body) == replace(REFUNDED, **known)


@pytest.mark.parametrize("event", ["TRANSACTION.CLOSED", "PAYSCORE.USER_OPEN_SERVICE", "XREFUND.SUCCESS"])
def test_an_event_we_did_not_ask_for_is_a_case(event: str) -> None:
    assert unreadable(sealed(order(), event=event)) == PAID.message_id
    assert unreadable(sealed(refund_notice(), event=event)) == PAID.message_id


def test_the_content_tells_what_it_is_about_where_the_event_is_missing() -> None:
    assert read_(sealed(order(), event="")) == PAID
    assert read_(sealed(refund_notice(), event="")) == REFUNDED


@given(total=st.integers(1, 10**12), payer_total=st.integers(0, 10**12))
def test_the_amount_is_the_orders_total_to_the_fen(total: int, payer_total: int) -> None:
    amount = {"total": total, "payer_total": payer_total, "currency": "CNY"}

    assert read_(sealed(order(amount=amount))) == replace(PAID, amount_fen=total)


@pytest.mark.parametrize("serial", [PUBLIC_KEY_ID.lower(), f" {PUBLIC_KEY_ID}x", "pub_key_id"])
def test_a_serial_that_is_spelled_otherwise_names_no_key(serial: str) -> None:
    body = sealed(order())

    assert refusal_of(body, {**signed_headers(body), "Wechatpay-Serial": serial}) is RefusalKind.SIGNATURE


@pytest.mark.parametrize(
    "rewritten",
    [
        lambda body: body.replace(b", ", b",\r\n"),
        lambda body: body.replace(b"encrypt-resource", b"encrypt\\/resource"),
        lambda body: body + b"\n",
    ],
)
def test_the_signature_is_over_the_bytes_however_they_are_laid_out(rewritten: Any) -> None:
    body = rewritten(sealed(order()))

    assert read_(body) == PAID


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": {"total": 5000, "payer_total": 0, "currency": "CNY"}},
        {"amount": {"total": 5000, "payer_total": 4200}},
        {"promotion_detail": [{"coupon_id": "109519", "amount": 800, "wechatpay_contribute": 800}]},
        {"something_new": {"a": [1]}},
    ],
)
def test_a_coupon_leaves_the_orders_total_as_what_was_paid(changes: dict[str, Any]) -> None:
    assert read_(sealed(order(**changes))) == PAID
