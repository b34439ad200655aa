from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.kernel.crypto import KeyRing, KeysUnusable, SealBroken, TamperedData, UnknownKey, load_key_ring
from guahao.kernel.masking import mask_document, mask_name, mask_phone

ROW = UUID(int=7)
OTHER_ROW = UUID(int=8)
FIELD = "patient.phone"


def ring(*numbers: int) -> KeyRing:
    return KeyRing(
        sealing={number: bytes([number]) * 32 for number in numbers or (1,)},
        blind=b"b" * 32,
        pepper=b"p" * 32,
        audit=b"a" * 32,
        made_for_trying_out=False,
    )


def test_what_was_sealed_opens_in_its_place_and_is_never_the_same_twice() -> None:
    first = ring().seal("13812348000", field=FIELD, row=ROW, hospital_id=3)
    second = ring().seal("13812348000", field=FIELD, row=ROW, hospital_id=3)

    assert ring().open(first, field=FIELD, row=ROW, hospital_id=3) == "13812348000"
    assert first != second
    assert b"13812348000" not in first
    assert len(first) == 32 + 11


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    token = ring().seal(text, field=FIELD, row=ROW)

    assert ring().open(token, field=FIELD, row=ROW) == text


@pytest.mark.parametrize(
    ("field", "row", "hospital_id"),
    [("patient.name", ROW, 0), (FIELD, OTHER_ROW, 0), (FIELD, ROW, 1)],
    ids=["column", "row", "hospital"],
)
def test_a_token_moved_elsewhere_does_not_open(field: str, row: UUID, hospital_id: int) -> None:
    token = ring().seal("text", field=FIELD, row=ROW)

    with pytest.raises(TamperedData) as broken:
        ring().open(token, field=field, row=row, hospital_id=hospital_id)

    assert broken.value.place.row == row


def test_no_single_bit_can_be_changed() -> None:
    token = ring().seal("text", field=FIELD, row=ROW)

    for bit in range(len(token) * 8):
        changed = bytearray(token)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            ring().open(bytes(changed), field=FIELD, row=ROW)


@given(st.binary(max_size=80))
def test_bytes_that_were_never_sealed_do_not_open(token: bytes) -> None:
    with pytest.raises(SealBroken):
        ring().open(token, field=FIELD, row=ROW)


def test_the_newest_key_seals_and_all_open() -> None:
    old = ring(1).seal("text", field=FIELD, row=ROW)
    new = ring(1, 2).seal("text", field=FIELD, row=ROW)

    assert ring(1, 2).open(old, field=FIELD, row=ROW) == "text"
    assert ring(2).open(new, field=FIELD, row=ROW) == "text"
    with pytest.raises(UnknownKey):
        ring(2).open(old, field=FIELD, row=ROW)


def test_a_token_does_not_open_under_the_number_of_another_key() -> None:
    token = bytearray(ring(1).seal("text", field=FIELD, row=ROW))
    token[3] = 2

    with pytest.raises(TamperedData):
        ring(1, 2).open(bytes(token), field=FIELD, row=ROW)


def test_an_error_says_where_and_never_what() -> None:
    token = ring().seal("13812348000", field=FIELD, row=ROW)

    with pytest.raises(TamperedData) as broken:
        ring().open(token, field=FIELD, row=OTHER_ROW)

    assert str(broken.value) == f"patient.phone of row {OTHER_ROW} does not open"


def test_blind_indexes_are_equal_for_equal_text_of_one_field_alone() -> None:
    index = ring().blind_index("person.document", "E12345678")

    assert len(index) == 16
    assert index == ring(1, 2).blind_index("person.document", "E12345678")
    assert index != ring().blind_index("person.document", "E12345679")
    assert index != ring().blind_index("account.phone", "E12345678")


def test_a_ring_shows_no_key_when_printed() -> None:
    shown = repr(ring())

    assert "bbbb" not in shown
    assert "pppp" not in shown
    assert "x01" not in shown


def test_keys_for_trying_out_are_made_once_private_and_marked(tmp_path: Path) -> None:
    first = load_key_ring(tmp_path / "var" / "keys", production=False)
    second = load_key_ring(tmp_path / "var" / "keys", production=False)

    assert first == second
    assert first.made_for_trying_out
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "var" / "keys").iterdir()}
    assert modes == {"sealing-1.key": 0o600, "blind.key": 0o600, "pepper.key": 0o600, "audit.key": 0o600}
    assert len({first.sealing[1], first.blind, first.pepper, first.audit}) == 4


def test_processes_that_start_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: load_key_ring(tmp_path / "keys", production=False), range(8)))

    assert all(found == rings[0] for found in rings)
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def keys_in(folder: Path, **content: str) -> Path:
    folder.mkdir(mode=0o700)
    for name in ("sealing-1", "blind", "pepper", "audit"):
        path = folder / f"{name}.key"
        path.write_text(content.get(name.replace("-", "_"), secrets.token_hex(32)) + "\n")
        path.chmod(0o600)
    return folder


def test_production_accepts_its_own_keys(tmp_path: Path) -> None:
    own = secrets.token_hex(32)

    found = load_key_ring(keys_in(tmp_path / "keys", pepper=own), production=True)

    assert not found.made_for_trying_out
    assert found.pepper == bytes.fromhex(own)


def test_production_refuses_keys_made_for_trying_out(tmp_path: Path) -> None:
    load_key_ring(tmp_path / "keys", production=False)

    with pytest.raises(KeysUnusable, match="made for trying out"):
        load_key_ring(tmp_path / "keys", production=True)


@pytest.mark.parametrize("production", [True, False])
def test_a_folder_that_lost_a_key_is_refused(tmp_path: Path, production: bool) -> None:
    folder = keys_in(tmp_path / "keys")
    (folder / "blind.key").unlink()

    with pytest.raises(KeysUnusable, match=r"blind\.key"):
        load_key_ring(folder, production=production)


def test_production_makes_no_keys(tmp_path: Path) -> None:
    with pytest.raises(KeysUnusable, match="GUAHAO_KEYS_DIR"):
        load_key_ring(tmp_path / "keys", production=True)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "ab" * 31, "ab" * 33, "zz" * 32, "密" * 32])
def test_a_key_file_with_other_content_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(KeysUnusable, match=r"pepper\.key"):
        load_key_ring(keys_in(tmp_path / "keys", pepper=content), production=True)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    folder = keys_in(tmp_path / "keys")
    (folder / "audit.key").chmod(0o640)

    with pytest.raises(KeysUnusable, match="chmod 600"):
        load_key_ring(folder, production=True)


@pytest.mark.parametrize("number", ["0", "65536", "x", ""])
def test_the_number_of_a_sealing_key_fits_two_bytes(tmp_path: Path, number: str) -> None:
    folder = keys_in(tmp_path / "keys")
    (folder / "sealing-1.key").rename(folder / f"sealing-{number}.key")

    with pytest.raises(KeysUnusable, match="1 to 65535"):
        load_key_ring(folder, production=True)


def test_personal_values_are_shown_masked() -> None:
    assert mask_phone("13812348000") == "138****8000"
    assert mask_phone("110") == "***"
    assert [mask_name(name) for name in ("张", "张三", "张小丰", "欧阳小丰")] == [
        "*",
        "张*",
        "张*丰",
        "欧**丰",
    ]
    assert mask_document("11010119900101123X") == "110***********123X"
    assert mask_document("E12345678") == "E******78"
    assert mask_document("123") == "***"
