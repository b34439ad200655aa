from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from hypothesis import given
from hypothesis import strategies as st

from guahao.adapters.alipay.protocol import (
    Unreadable,
    fen,
    local_text,
    moment_of,
    read_answer,
    signed_text,
    yuan,
)
from tests.adapters.alipay.counterpart import KEYS, OURS, STRANGER, answer, signature

QUERY = "alipay.trade.query"
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | TEXTS
    | st.sampled_from(["}", '{"', '\\"}', '","sign":"', "]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NODES = st.dictionaries(TEXTS, VALUES, max_size=6)


def test_text_to_sign_is_sorted_without_sign_and_empty_fields() -> None:
    fields = {"b": "2&x=1", "a": "中文 ", "sign": "s", "empty": "", "sign_type": "RSA2", "B": "1"}

    assert signed_text(fields) == "B=1&a=中文 &b=2&x=1&sign_type=RSA2"
    assert signed_text(fields, unsigned=("sign", "sign_type")) == "B=1&a=中文 &b=2&x=1"


@given(st.dictionaries(TEXTS, TEXTS))
def test_text_to_sign_does_not_depend_on_the_order_of_fields(fields: dict[str, str]) -> None:
    assert signed_text(fields) == signed_text(dict(reversed(list(fields.items()))))


@given(fields=st.dictionaries(TEXTS.filter(lambda name: name != "sign"), TEXTS.filter(bool), min_size=1))
def test_every_filled_field_is_covered(fields: dict[str, str]) -> None:
    for name, value in fields.items():
        assert signed_text(fields) != signed_text({**fields, name: value + "1"})


@given(st.integers(min_value=1, max_value=10**14 - 1))
def test_yuan_and_fen_are_inverse(amount_fen: int) -> None:
    assert fen(yuan(amount_fen)) == amount_fen


@pytest.mark.parametrize(
    ("written", "expected"),
    [("0.00", 0), ("0.01", 1), ("0.1", 10), ("1", 100), ("50.07", 5007), ("100.10", 10010), ("007.50", 750)],
)
def test_amounts_are_read_exactly(written: str, expected: int) -> None:
    assert fen(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "",
        ".5",
        "1.",
        "1.001",
        "-1.00",
        "+1.00",
        " 1.00",
        "1.00\n",
        "1e2",
        "1,000.00",
        "NaN",
        "１.00",
        88.888,
        1e22,
        True,
        None,
    ],
)
def test_what_is_no_amount_is_unreadable(written: object) -> None:
    with pytest.raises(Unreadable, match=r"^amount$"):
        fen(written)


@given(st.integers(0, 10**11))
def test_an_amount_is_the_same_as_a_text_and_as_a_number(amount_fen: int) -> None:
    assert fen(f"{amount_fen // 100}.{amount_fen % 100:02d}") == fen(amount_fen / 100) == amount_fen


@pytest.mark.parametrize(
    ("amount_fen", "written"), [(1, "0.01"), (10, "0.10"), (5000, "50.00"), (12345, "123.45")]
)
def test_fen_are_written_as_yuan(amount_fen: int, written: str) -> None:
    assert yuan(amount_fen) == written


@pytest.mark.parametrize("amount_fen", [0, -1])
def test_an_order_of_nothing_is_a_mistake_of_ours(amount_fen: int) -> None:
    with pytest.raises(ValueError, match=f"^{amount_fen}$"):
        yuan(amount_fen)


def test_times_are_beijing_times() -> None:
    moment = datetime(2026, 12, 31, 16, 0, 7, 999_999, tzinfo=UTC)

    assert local_text(moment) == "2027-01-01 00:00:07"
    assert moment_of("2027-01-01 00:00:07") == moment.replace(microsecond=0)
    assert moment_of("2027-01-01 00:00:07.320") == moment.replace(microsecond=0)
    assert moment_of("2027-01-01 00:00:07").tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    ["", None, 5, "2027-01-01", "2027-02-30 00:00:00", "2027-01-01 00:00:07+00:00", "2027-01-01T00:00:07"],
)
def test_what_is_no_time_is_unreadable(written: object) -> None:
    with pytest.raises(Unreadable, match=r"^time$"):
        moment_of(written)


def read(content: bytes) -> object:
    return read_answer(content, method=QUERY, keys=KEYS)


@given(NODES)
def test_row_25_braces_quotes_and_nesting_in_a_genuine_answer_are_accepted(node: dict[str, Any]) -> None:
    assert read(answer(QUERY, node)) == node


@given(NODES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_row_25_spacing_and_escapes_are_verified_as_they_stand(
    node: dict[str, Any], ensure_ascii: bool, indent: int | str | None
) -> None:
    exact = json.dumps(node, ensure_ascii=ensure_ascii, indent=indent)

    assert read(answer(QUERY, exact)) == node


def test_row_25_an_answer_may_be_spaced_and_carry_more_members() -> None:
    exact = '{"a":"}","b":{"sign":"x"}}'
    content = f' {{ "sign" : "{signature(exact)}" ,\n"sn":"1", "alipay_trade_query_response":\t{exact} }}\r\n'

    assert read(content.encode()) == {"a": "}", "b": {"sign": "x"}}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [('{"alipay', '("alipay'), ('_response":', '_response"='), ("},", "};"), ('"}', '")'), ('"}', '"}}')],
)
def test_row_25_a_genuine_node_in_something_that_is_no_object_is_rejected(right: str, wrong: str) -> None:
    content = answer(QUERY, '{"code":1}').decode()
    assert content.count(right) == 1

    with pytest.raises(Unreadable, match=r"^answer$"):
        read(content.replace(right, wrong).encode())


def test_row_25_the_subject_of_an_order_may_hold_braces() -> None:
    node = {"code": "10000", "subject": '挂号费 {"sign":"}"} }'}

    assert read(answer(QUERY, node)) == node


@given(st.data())
def test_row_25_an_answer_changed_by_one_character_is_rejected(data: st.DataObject) -> None:
    exact = '{"code":"10000","total_amount":"50.07","trade_status":"TRADE_SUCCESS"}'
    place = data.draw(st.integers(min_value=0, max_value=len(exact) - 1))
    changed = exact[:place] + chr(ord(exact[place]) ^ 1) + exact[place + 1 :]
    content = answer(QUERY, exact).replace(exact.encode(), changed.encode())

    with pytest.raises(Unreadable):
        read(content)


def test_an_answer_of_an_error_node_is_read_alike() -> None:
    exact = '{"code":"40004"}'

    assert read(f'{{"error_response":{exact},"sign":"{signature(exact)}"}}'.encode()) == {"code": "40004"}


@pytest.mark.parametrize(
    ("signing", "reason"),
    [
        ({"algorithm": SHA1()}, "signature"),
        ({"algorithm": MD5()}, "signature"),
        ({"key": STRANGER}, "signature"),
        ({"key": OURS}, "signature"),
    ],
    ids=["sha1", "md5", "stranger", "our own key"],
)
def test_row_24_a_weaker_or_foreign_signature_of_an_answer_is_rejected(
    signing: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        read(answer(QUERY, {"code": "10000"}, **signing))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"alipay_trade_query_response":{"code":"10000"}}', "unsigned 10000"),
        (b'{"alipay_trade_query_response":{"code":"10000"},"sign":null}', "unsigned 10000"),
        (
            b'{"error_response":{"code":"40002","sub_code":"isv.invalid-app-id"}}',
            "unsigned isv.invalid-app-id",
        ),
        (b'{"error_response":{"code":"40002","sub_code":"a person\'s name"}}', "unsigned 40002"),
        (b'{"error_response":{"sub_code":""}}', "unsigned "),
        (b'{"alipay_trade_query_response":{"code":"10000"},"sign":""}', "signature"),
        (b'{"alipay_trade_query_response":{"code":"10000"},"sign":"%%%"}', "signature"),
        (b'{"alipay_trade_query_response":{"code":"10000"},"sign":"\xe4\xb8\xad"}', "signature"),
        (b'{"alipay_trade_query_response":"10000","sign":"eA=="}', "node"),
        (b'{"alipay_trade_close_response":{},"sign":"eA=="}', "node"),
        (b'{"alipay_trade_query_response":{},"error_response":{},"sign":"eA=="}', "node"),
        (b'{"alipay_trade_query_response":{},"alipay_trade_query_response":{},"sign":"eA=="}', "answer"),
        (b'{"sign":"eA=="}', "node"),
        (b"", "answer"),
        (b"{}", "answer"),
        (b"[1]", "answer"),
        (b'{"a":1', "answer"),
        (b'{"a" 1}', "answer"),
        (b'{"a"X:1}', "answer"),
        (b'{"a":1}x', "answer"),
        (b"{1:1}", "answer"),
        (b'{"a":}', "answer"),
        (b'\xff{"a":1}', "answer"),
        (b"<html>", "answer"),
        (b'{"a":' + b"[" * 200_000, "answer"),
    ],
)
def test_row_16_an_answer_that_nobody_signed_is_rejected(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        read(content)
