from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.adapters.truncate import to_bytes


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        ("退" * 26 + "ab", 80, "退" * 26 + "ab"),
        ("退" * 27, 80, "退" * 26),
        ("a" + "退" * 27, 80, "a" + "退" * 26),
        ("ab" + "退" * 27, 80, "ab" + "退" * 26),
        ("𠮷" * 21, 80, "𠮷" * 20),
        ("abc𠮷", 6, "abc"),
        ("退", 2, ""),
        ("", 80, ""),
    ],
)
def test_a_text_is_cut_at_the_border_of_a_character(text: str, most: int, cut: str) -> None:
    assert to_bytes(text, most) == cut


@given(st.text(), st.integers(0, 100))
def test_what_is_cut_is_the_longest_beginning_that_fits(text: str, most: int) -> None:
    cut = to_bytes(text, most)

    assert text.startswith(cut)
    assert len(cut.encode()) <= most
    assert cut == text or len(text[: len(cut) + 1].encode()) > most
