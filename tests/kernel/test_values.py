"""Each value has one normal form: the vectors that the mini program and the console are tested with, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.kernel.value import account, words
from guahao.kernel.value.person import person_name_form, read_person_name
from guahao.kernel.value.phone import mobile_form, read_mobile, read_phone_line
from guahao.kernel.value.search import name_search_form, search_form
from guahao.kernel.value.unfit import Unfit

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "values.json").read_text("utf-8")
)
READERS: dict[str, Callable[[str], str]] = {
    "person name": read_person_name,
    "mobile": read_mobile,
    "phone line": read_phone_line,
    "code": words.read_code,
    "name": words.read_name,
    "doctor name": words.read_doctor_name,
    "line": words.read_line,
    "reason": words.read_reason,
    "prose": words.read_prose,
    "word": words.read_word,
    "notice": words.read_notice,
    "username": account.read_username,
    "one-time code": account.read_one_time_code,
}
SEEN = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2062\ufe0f\ufeff\U000e0100"
DIRECTION = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
CONTROL = "\x00\x08\x0b\x1b\x7f\x85\x9f\ufffe\uffff\ufdd0"


def read_or_none(read: Callable[[str], str], typed: str) -> str | None:
    try:
        return read(typed)
    except Unfit as unfit:
        return None if "请" in unfit.sentence else f"no advice: {unfit.sentence}"


@pytest.mark.parametrize("vector", VECTORS["names"], ids=lambda vector: ascii(vector["typed"])[:40])
def test_a_name_is_kept_as_the_state_writes_it(vector: dict[str, str | None]) -> None:
    assert read_or_none(read_person_name, str(vector["typed"])) == vector["form"]


@pytest.mark.parametrize("vector", VECTORS["phones"], ids=lambda vector: ascii(vector["typed"]))
def test_a_mobile_is_read_however_it_is_written(vector: dict[str, str | None]) -> None:
    assert read_or_none(read_mobile, str(vector["typed"])) == vector["form"]
    if vector["form"] is not None:
        assert mobile_form(str(vector["typed"])) == vector["form"]


@pytest.mark.parametrize("vector", VECTORS["searches"], ids=lambda vector: ascii(vector["typed"]))
def test_all_writings_of_a_word_are_looked_for_alike(vector: dict[str, str]) -> None:
    assert search_form(vector["typed"]) == vector["form"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "请填写手机号"),
        ("0571-88888888", "057188888888 是固定电话，请填 11 位手机号"),
        ("1.38E+10", "“1.38E+10”是被表格软件缩写的长号码，后面的数字已经丢了，请重新输入完整的号码"),
        ("1380013800", "手机号应为 11 位，这里是 10 位，请核对"),
        ("138OO138000", "第 4 位是“O”，手机号只有数字，请改正"),
        ("12800138000", "大陆手机号以 13 到 19 开头，这里是 12，请核对"),
        ("+85291234567", "目前只能使用中国大陆的手机号，请填 11 位号码，不带国家或地区代码"),
        ("852-6123 4567", "目前只能使用中国大陆的手机号，请填 11 位号码，不带国家或地区代码"),
        ("886 0912345678", "目前只能使用中国大陆的手机号，请填 11 位号码，不带国家或地区代码"),
        ("010-12345678-1", "010123456781 是固定电话，请填 11 位手机号"),
        ("+86 1380013800", "手机号应为 11 位，这里是 10 位，请核对"),
        ("0086 12800138000", "大陆手机号以 13 到 19 开头，这里是 12，请核对"),
    ],
)
def test_a_wrong_mobile_says_what_is_wrong(typed: str, sentence: str) -> None:
    with pytest.raises(Unfit) as refused:
        read_mobile(typed)

    assert refused.value.sentence == sentence


@pytest.mark.parametrize("kind", READERS)
@given(typed=SEEN)
def test_a_normal_form_is_its_own_normal_form(kind: str, typed: str) -> None:
    form = read_or_none(READERS[kind], typed)

    assert form is None or read_or_none(READERS[kind], form) == form


@pytest.mark.parametrize("kind", [kind for kind in READERS if kind not in {"username", "one-time code"}])
@given(mark=st.sampled_from(INVISIBLE), place=st.integers(0, 11))
def test_marks_that_show_nothing_make_no_other_value(kind: str, mark: str, place: int) -> None:
    plain = "13800138000" if kind in {"mobile", "phone line"} else "张三李四王五赵六钱七孙"

    assert READERS[kind](plain[:place] + mark + plain[place:]) == plain


@pytest.mark.parametrize("kind", READERS)
@given(sign=st.sampled_from(CONTROL), place=st.integers(1, 5))
def test_no_value_holds_a_control_character(kind: str, sign: str, place: int) -> None:
    for plain in ("张三李四王五赵", "13800138000", "zhang_san", "123456"):
        form = read_or_none(READERS[kind], plain[:place] + sign + plain[place:])
        assert form is None or sign not in form


@pytest.mark.parametrize("kind", ["name", "doctor name", "line", "reason", "prose", "word", "notice", "code"])
@given(sign=st.sampled_from(DIRECTION))
def test_a_text_that_shows_other_than_it_is_written_is_refused(kind: str, sign: str) -> None:
    with pytest.raises(Unfit) as refused:
        READERS[kind](f"张{sign}三")

    assert refused.value.sentence.startswith("含有改变文字方向的隐藏符号")


@pytest.mark.parametrize("kind", ["name", "doctor name", "line", "word", "notice", "person name", "code"])
def test_what_is_one_line_has_no_line_end_inside(kind: str) -> None:
    for line_end in ("\n", "\r", "\r\n", "\u2028", "\u2029"):
        with pytest.raises(Unfit):
            READERS[kind](f"张{line_end}三")


def test_a_number_that_a_spreadsheet_took_the_zero_from_is_told() -> None:
    for typed in ("57188888888", "1088888888", "2088888888", "５７１８８８８８８８８"):
        with pytest.raises(Unfit) as refused:
            read_phone_line(typed)
        assert "少了区号的 0" in refused.value.sentence
    for typed in ("057188888888", "13800138000", "4008001234", "8008108888", "88888888", "12320"):
        assert read_phone_line(typed) == typed
    assert read_phone_line("+85223456789") == "+85223456789"


def test_a_doctors_name_has_one_form_and_keeps_its_remark() -> None:
    assert words.read_doctor_name("张\u3000三") == "张三"
    assert words.read_doctor_name("ｚｈａｎｇ６") == "zhang6"
    assert words.read_doctor_name("阿卜杜拉•买买提（返聘）") == "阿卜杜拉·买买提（返聘）"


def test_a_code_may_be_what_a_hospital_numbers_with() -> None:
    for code in ("内科一", "A#1", "N,1", "Ａ１", "=1+1", "'1", '"1"', "1、2"):
        assert words.read_code(code) == code.replace("Ａ１", "A1")
    for typed in ("A B", "A/1", "A／1", "", "长" * 33):
        assert read_or_none(words.read_code, typed) is None


@given(st.lists(SEEN.map(lambda text: read_or_none(words.read_word, text)), max_size=9))
def test_a_list_comes_back_from_its_cell_as_it_was(items: list[str | None]) -> None:
    kept = list(dict.fromkeys(item for item in items if item))

    assert words.split_words(words.join_words(kept)) == kept


def test_a_list_is_read_as_people_write_it() -> None:
    assert words.split_words("高血压，冠心病、肺炎;哮喘\n咳嗽、、 咳嗽") == [
        "高血压",
        "冠心病",
        "肺炎",
        "哮喘",
        "咳嗽",
    ]
    assert words.split_words('"冠心病，心绞痛型"、"三高"人群') == ["冠心病，心绞痛型", '"三高"人群']


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("張偉", "张伟"),
        ("曾麗華", "曾丽华"),
        ("曾丽華", "曾麗华"),
        ("鍾靈", "钟灵"),
        ("儿\u200b科", "兒科"),
        ("ＣＴ　室", "ct室"),
        ("阿卜杜拉·买买提", "阿卜杜拉買買提"),
    ],
)
def test_words_that_mean_one_thing_are_compared_as_one(first: str, second: str) -> None:
    assert search_form(first) == search_form(second)
    assert name_search_form(first) == name_search_form(second)


def test_what_a_character_is_folded_to_is_folded_no_further() -> None:
    table = files("guahao.kernel.value").joinpath("simplified.txt").read_text("utf-8")
    pairs = [pair for line in table.splitlines() if line[0] != "#" for pair in line.split()]

    assert len({pair[0] for pair in pairs}) == len(pairs)
    assert [pair for pair in pairs if search_form(pair[0]) != search_form(pair[1:])] == []


@given(SEEN)
def test_what_is_compared_is_compared_once(typed: str) -> None:
    assert search_form(search_form(typed)) == search_form(typed)
    assert person_name_form(person_name_form(typed)) == person_name_form(typed)
