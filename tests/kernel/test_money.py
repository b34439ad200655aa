from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.kernel.money import MAX_FEN, fen_of_yuan, yuan_text


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "¥0.00"),
        (1, "¥0.01"),
        (10, "¥0.10"),
        (99, "¥0.99"),
        (100, "¥1.00"),
        (101, "¥1.01"),
        (5000, "¥50.00"),
        (123_456_789, "¥1234567.89"),
        (-1, "-¥0.01"),
        (-101, "-¥1.01"),
    ],
)
def test_fen_are_shown_as_yuan_with_two_decimals(fen: int, text: str) -> None:
    assert yuan_text(fen) == text


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [
        ("0", 0),
        ("0.00", 0),
        ("0.01", 1),
        ("0.1", 10),
        (" 50.00\n", 5000),
        ("50", 5000),
        (50, 5000),
        (0.29, 29),
        (1.1, 110),
        (Decimal("19.99"), 1999),
        ("1.990", 199),
        (Decimal("1e2"), 10_000),
        ("10000000.00", MAX_FEN),
    ],
)
def test_yuan_of_a_file_become_fen_exactly(yuan: str | float | Decimal, fen: int) -> None:
    found = fen_of_yuan(yuan)

    assert (found, type(found)) == (fen, int)


@pytest.mark.parametrize(
    "yuan",
    [
        "",
        "fifty",
        "1,000",
        "¥5",
        "0.001",
        "1.005",
        "-0.01",
        "-1",
        "10000000.01",
        "1e2",
        "1E+05",
        "5_0",
        "\u0665",
        "NaN",
        "Infinity",
        "-Infinity",
    ],
)
def test_what_is_no_amount_is_refused_with_what_was_written(yuan: str) -> None:
    with pytest.raises(ValueError, match=r".*") as refused:
        fen_of_yuan(yuan)

    assert refused.value.args == (yuan,)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@given(st.integers(0, MAX_FEN))
def test_what_is_shown_reads_back_as_the_same_fen(fen: int) -> None:
    assert fen_of_yuan(yuan_text(fen).removeprefix("¥")) == fen
    assert yuan_text(-fen) == ("-" if fen else "") + yuan_text(fen)
