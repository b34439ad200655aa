"""Forms that third-party clients of Alipay have met in the open, read as they were meant."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from guahao.payment.ports import NotificationRefused, Paid, Refunded, RefusalKind
from tests.adapters.alipay.counterpart import NOW, alipay, form, signature
from tests.adapters.alipay.test_notification import FIELDS, PAID


def nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(request.url)


def read(body: bytes) -> Paid | Refunded | None:
    return alipay(nobody).read_notification({}, body, now=NOW)


def refused(body: bytes) -> RefusalKind:
    with pytest.raises(NotificationRefused) as caught:
        read(body)
    return caught.value.kind


@pytest.mark.parametrize(
    "subject",
    [
        "挂号费&quot;专家&quot;",
        '{"a":"b"}',
        "a+b=c&d",
        "反斜杠\\",
        "😀",
        "尾空格 ",
        "50%25",
    ],
)
def test_a_signed_subject_of_odd_signs_is_verified_as_it_stands(subject: str) -> None:
    assert read(form({**FIELDS, "subject": subject})) == PAID


@pytest.mark.parametrize(("amount", "fen"), [("200", 20_000), ("200.0", 20_000), ("200.00", 20_000)])
def test_an_amount_with_fewer_decimals_is_the_same(amount: str, fen: int) -> None:
    assert read(form({**FIELDS, "total_amount": amount})) == replace(PAID, amount_fen=fen)


def test_a_signature_whose_plus_became_a_blank_on_the_way_is_refused() -> None:
    for number in range(100):
        body = form({**FIELDS, "passback_params": str(number)})
        fields = dict(parse_qsl(body.decode()))
        if "+" in fields["sign"]:
            break
    spoilt = {**fields, "sign": fields["sign"].replace("+", " ")}

    assert read(body) == PAID
    assert refused(urlencode(spoilt).encode()) is RefusalKind.SIGNATURE


def test_the_sign_type_is_no_part_of_what_is_signed() -> None:
    text = "&".join(f"{name}={value}" for name, value in sorted({**FIELDS, "sign_type": "RSA2"}.items()))
    covered = urlencode({**FIELDS, "sign_type": "RSA2", "sign": signature(text)}).encode()

    assert refused(covered) is RefusalKind.SIGNATURE


@pytest.mark.parametrize("charset", ["GBK", "gb2312"])
def test_a_form_in_another_charset_than_we_ask_for_is_refused(charset: str) -> None:
    fields = {**FIELDS, "charset": charset}
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    whole = {**fields, "sign_type": "RSA2", "sign": signature(text)}

    assert refused(urlencode(whole, encoding="gbk").encode()) is RefusalKind.SIGNATURE
