from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.identity.models.person import DocumentType
from guahao.identity.policy import document
from guahao.identity.policy.document import (
    Identity,
    is_same_name,
    read_identity,
    read_name,
    read_number,
)
from guahao.identity.policy.number import check_digit, number_form
from guahao.kernel.clock import age_on
from guahao.kernel.sex import Sex
from tests.factories.person import resident_id

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "values.json").read_text("utf-8"))[
    "documents"
]
TODAY = date(2026, 3, 1)
BIRTHS = st.dates(date(1900, 1, 1), TODAY)


def read(
    kind: DocumentType,
    number: str,
    *,
    birth_date: date | None = None,
    sex: Sex | None = None,
    name: str = "张三",
) -> Identity:
    return read_identity(kind, number=number, name=name, birth_date=birth_date, sex=sex, today=TODAY)


def resident(number: str, **details: object) -> Identity:
    return read_identity(
        DocumentType.RESIDENT_ID,
        **({"number": number, "name": "张三", "birth_date": None, "sex": None, "today": TODAY} | details),  # type: ignore[arg-type]
    )


def test_a_published_example_number_is_read() -> None:
    found = resident("11010519491231002X")

    assert (found.birth_date, found.sex) == (date(1949, 12, 31), Sex.FEMALE)


@given(BIRTHS, st.sampled_from(Sex))
def test_birth_date_and_sex_come_from_a_resident_number(birth: date, sex: Sex) -> None:
    found = resident(resident_id(birth, sex))

    assert (found.birth_date, found.sex) == (birth, sex)


@given(st.integers(0, 17), st.integers(0, 10))
def test_no_single_wrong_digit_passes(position: int, other: int) -> None:
    number = resident_id(date(1988, 8, 8), Sex.MALE)
    sign = "0123456789X"[other]
    typed = number[:position] + sign + number[position + 1 :]

    if typed != number:
        with pytest.raises(document.DocumentNumberInvalid):
            resident(typed)


@given(st.integers(0, 16))
def test_no_two_neighbours_may_change_places(position: int) -> None:
    number = resident_id(date(1975, 3, 9), Sex.FEMALE)
    typed = number[:position] + number[position + 1] + number[position] + number[position + 2 :]

    if typed != number:
        with pytest.raises(document.DocumentNumberInvalid):
            resident(typed)


@given(st.sampled_from(DocumentType), st.text(max_size=32))
def test_whatever_is_typed_is_read_or_refused(kind: DocumentType, number: str) -> None:
    try:
        found = read(kind, number, birth_date=date(2025, 1, 1), sex=Sex.MALE)
    except (document.DocumentNumberInvalid, document.BirthDetailsContradict):
        return
    assert found.number.isascii()


def test_small_x_full_width_digits_and_spaces_are_understood() -> None:
    assert resident(" 110105 19491231 002x ").number == "11010519491231002X"
    assert resident("１１０１０５１９４９１２３１００２Ｘ").number == "11010519491231002X"


def numbered(head: str) -> str:
    return head + check_digit(head)


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        ("11010519491231002", "18 位"),
        ("11010519491231002A", "18 位"),
        ("110105194912310021", "校验码"),
        (numbered("99010519491231002"), "永久居留证号码"),
        (numbered("16010519491231002"), "地区"),
        (numbered("11010519490231002"), "出生日期"),
        (numbered("11010519491331002"), "出生日期"),
        (numbered("11010519000229002"), "出生日期"),
        ("", "没有填写"),
        ("11010519491231002X。", "共 19 位，多 1 位；第 19 位“。”不是字母或数字"),
        ("身11010519491231002", "第 1 位是“身”，应为数字"),
    ],
)
def test_a_wrong_resident_number_says_why(number: str, hint: str) -> None:
    with pytest.raises(document.DocumentNumberInvalid) as refused:
        resident(number)

    assert hint in refused.value.title


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['type']} {vector['typed']!a}")
def test_a_number_is_read_to_its_form_for_life_or_all_that_is_wrong_is_told(vector: dict[str, Any]) -> None:
    kind = DocumentType(vector["type"])
    if vector["form"] is not None:
        assert read_number(kind, vector["typed"]) == number_form(kind, vector["typed"]) == vector["form"]
        return

    with pytest.raises(document.DocumentNumberInvalid) as refused:
        read_number(kind, vector["typed"])

    told = [part for part in vector["told"] if part in refused.value.title]
    assert told == vector["told"], refused.value.title
    assert refused.value.extra["errors"] == [
        {"in": "body", "field": "document_number", "message": refused.value.extra["hint"]}
    ]


def test_what_is_missing_or_contradicts_is_told_by_its_field() -> None:
    with pytest.raises(document.BirthDetailsRequired) as missing:
        read(DocumentType.PASSPORT, "E12345678")
    with pytest.raises(document.BirthDetailsContradict) as contradicts:
        resident("11010519491231002X", sex=Sex.MALE)

    assert missing.value.extra["errors"] == [
        {"in": "body", "field": "birth_date", "message": "必须填写"},
        {"in": "body", "field": "sex", "message": "必须填写"},
    ]
    assert contradicts.value.extra["errors"] == [
        {"in": "body", "field": "sex", "message": "与证件号码中的性别不一致"}
    ]


def test_a_birth_today_is_possible_and_tomorrow_is_not() -> None:
    assert resident(resident_id(TODAY)).birth_date == TODAY
    with pytest.raises(document.BirthDateInvalid):
        resident(resident_id(TODAY + timedelta(days=1)))


def test_nobody_is_older_than_130() -> None:
    assert resident(resident_id(date(1895, 3, 2))).birth_date == date(1895, 3, 2)
    with pytest.raises(document.BirthDateInvalid):
        resident(resident_id(date(1895, 3, 1)))


def test_details_that_agree_are_accepted_and_others_refused() -> None:
    number = resident_id(date(1990, 1, 1), Sex.MALE)

    assert resident(number, birth_date=date(1990, 1, 1), sex=Sex.MALE).number == number
    with pytest.raises(document.BirthDetailsContradict):
        resident(number, birth_date=date(1990, 1, 2))
    with pytest.raises(document.BirthDetailsContradict):
        resident(number, sex=Sex.FEMALE)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (DocumentType.PASSPORT, "E12345678"),
        (DocumentType.PASSPORT, "ea1234567"),
        (DocumentType.PASSPORT, "123456789"),
        (DocumentType.HK_MACAO_PERMIT, "H12345678"),
        (DocumentType.HK_MACAO_PERMIT, "M12345678"),
        (DocumentType.TAIWAN_PERMIT, "12345678"),
        (DocumentType.HK_MACAO_PERMIT, "HA1234567"),
        (DocumentType.FOREIGN_PERMANENT_RESIDENCE, "USA110108000112"),
        (DocumentType.BIRTH_CERTIFICATE, "T110108888"),
    ],
)
def test_other_documents_need_birth_date_and_sex(kind: DocumentType, number: str) -> None:
    found = read(kind, number, birth_date=date(2024, 5, 6), sex=Sex.FEMALE)

    assert (found.number, found.birth_date, found.sex) == (number.upper(), date(2024, 5, 6), Sex.FEMALE)
    with pytest.raises(document.BirthDetailsRequired):
        read(kind, number, birth_date=date(2024, 5, 6))
    with pytest.raises(document.BirthDetailsRequired):
        read(kind, number, sex=Sex.FEMALE)
    with pytest.raises(document.BirthDateInvalid):
        read(kind, number, birth_date=TODAY + timedelta(days=1), sex=Sex.FEMALE)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (DocumentType.PASSPORT, "ABCDEFGH"),
        (DocumentType.PASSPORT, "E1234"),
        (DocumentType.PASSPORT, "E123456789012"),
        (DocumentType.PASSPORT, "E1234'; --"),
        (DocumentType.HK_MACAO_PERMIT, "A12345678"),
        (DocumentType.HK_MACAO_PERMIT, "H123456789"),
        (DocumentType.TAIWAN_PERMIT, "1234567"),
        (DocumentType.TAIWAN_PERMIT, "T1234567"),
        (DocumentType.FOREIGN_PERMANENT_RESIDENCE, "US1101080001122"),
        (DocumentType.FOREIGN_PERMANENT_RESIDENCE, "11010519491231002X"),
        (DocumentType.BIRTH_CERTIFICATE, "1110108888"),
        (DocumentType.BIRTH_CERTIFICATE, "T11010888"),
    ],
)
def test_numbers_of_another_shape_are_refused(kind: DocumentType, number: str) -> None:
    with pytest.raises(document.DocumentNumberInvalid):
        read(kind, number, birth_date=date(2024, 5, 6), sex=Sex.FEMALE)


def test_the_new_foreign_residence_card_carries_birth_date_and_sex() -> None:
    number = numbered("91184019850607001")

    found = read(DocumentType.FOREIGN_PERMANENT_RESIDENCE, number)

    assert (found.birth_date, found.sex) == (date(1985, 6, 7), Sex.MALE)


def test_a_birth_certificate_serves_until_the_third_birthday() -> None:
    kind, number = DocumentType.BIRTH_CERTIFICATE, "T110108888"

    assert read(kind, number, birth_date=date(2023, 3, 2), sex=Sex.MALE).number == number
    with pytest.raises(document.BirthCertificateTooOld):
        read(kind, number, birth_date=date(2023, 3, 1), sex=Sex.MALE)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("张三", "张三"),
        (" 欧阳　小丰 ", "欧阳小丰"),
        ("阿卜杜拉•买买提", "阿卜杜拉·买买提"),
        ("Anne-Marie O'Neill", "Anne-Marie O'Neill"),
        ("㐀𠮷", "㐀𠮷"),
    ],
)
def test_names_are_brought_into_one_form(typed: str, kept: str) -> None:
    assert read_name(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "张", "张3", "<b>张三", "'; DROP TABLE person", "·张三", "张\n三", "长" * 51],
)
def test_what_no_document_prints_is_no_name(typed: str) -> None:
    with pytest.raises(document.PersonNameInvalid):
        read_name(typed)


def test_case_and_spaces_make_no_other_person() -> None:
    assert is_same_name("JOHN SMITH", "John Smith")
    assert not is_same_name("张三", "张三丰")


@pytest.mark.parametrize(
    ("day", "age"),
    [(date(2026, 2, 28), 17), (date(2026, 3, 1), 18), (date(2028, 2, 29), 20), (date(2028, 2, 28), 19)],
)
def test_who_was_born_on_a_leap_day_is_older_on_the_first_of_march(day: date, age: int) -> None:
    assert age_on(day, birth_date=date(2008, 2, 29)) == age
