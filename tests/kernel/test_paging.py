from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.kernel.paging import CursorInvalid, decode_cursor, encode_cursor


@given(st.datetimes(timezones=st.just(UTC)), st.uuids(), st.text(), st.integers(-(2**63), 2**63))
def test_a_cursor_gives_back_the_position_it_was_made_of(
    moment: datetime, id_: UUID, word: str, number: int
) -> None:
    position = (moment, id_, word, number)

    cursor = encode_cursor(position)

    assert cursor.isascii()
    assert "=" not in cursor
    assert decode_cursor(cursor, tuple[datetime, UUID, str, int]) == position


@pytest.mark.parametrize(
    "cursor", ["", "x", "====", "!", "中文", "bnVsbA", encode_cursor("7"), encode_cursor([7])]
)
def test_what_is_no_cursor_of_the_list_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        decode_cursor(cursor, int)


@given(st.text(max_size=60))
def test_any_text_is_a_position_or_refused(cursor: str) -> None:
    with suppress(CursorInvalid):
        assert isinstance(decode_cursor(cursor, int), int)
