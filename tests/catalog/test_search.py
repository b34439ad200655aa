from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import EntryKind, HospitalState, SearchEntry
from guahao.catalog.policy.national import national_departments
from guahao.catalog.policy.pinyin import Spelling, spelled, spellings_of_person
from guahao.catalog.policy.symptoms import departments_for, symptoms
from guahao.catalog.queries.search import SHOWN_AT_MOST, Hit, search
from guahao.catalog.service import reindex
from guahao.kernel.paging import CursorInvalid, encode_cursor
from guahao.kernel.value.search import search_form
from tests.factories.catalog import make_department, make_doctor, make_hospital

pytestmark = pytest.mark.anyio


async def find(db: AsyncSession, q: str, *, limit: int = 20, only: str | None = None) -> list[Hit]:
    return (await search(db, q=q, single_hospital=only, cursor=None, limit=limit))[0]


async def names(db: AsyncSession, q: str) -> list[tuple[str, str]]:
    return [(str(hit.kind), hit.name) for hit in await find(db, q)]


async def make_findable(db: AsyncSession, **overrides: str) -> int:
    hospital_id = await make_hospital(db, **{"name": "重庆长安医院", "city": "重庆", **overrides})
    add = {"hospital_id": hospital_id}
    await make_department(db, **add, code="XH", name="消化内科", national_code="03.02", place="门诊楼3层")
    await make_department(db, **add, code="NFM", name="内分泌科", national_code="03.07")
    await make_department(
        db, **add, code="SJ", name="神经内科", national_code="03.03", diseases=("面肌痉挛",)
    )
    await make_department(db, **add, code="GK", name="骨科", national_code="04.03")
    await make_department(db, **add, code="XZ", name="心脏内科", national_code="03.04")
    await make_doctor(db, **add, code="1", name="单志远", title="主任医师", department_codes=("XH",))
    await make_doctor(db, **add, code="3", name="曾国强", department_codes=("GK",))
    await make_doctor(
        db,
        **add,
        code="2",
        name="张伟",
        department_codes=("NFM",),
        diseases=("糖尿病足",),
        skills="擅长甲亢的诊治",
    )
    await reindex(db, hospital_id=hospital_id)
    return hospital_id


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("消化内科", ("department", "消化内科")),
        ("消化", ("department", "消化内科")),
        ("骨科", ("department", "骨科")),
        ("xiaohua", ("department", "消化内科")),
        ("xhnk", ("department", "消化内科")),
        ("XHNK", ("department", "消化内科")),
        ("xiao hua nei ke", ("department", "消化内科")),
        ("内分必科", ("department", "内分泌科")),
        ("neifengmike", ("department", "内分泌科")),
        ("单志远", ("doctor", "单志远")),
        ("shanzhiyuan", ("doctor", "单志远")),
        ("szy", ("doctor", "单志远")),
        ("张玮", ("doctor", "张伟")),
        ("重庆长安", ("hospital", "重庆长安医院")),
        ("chongqingchangan", ("hospital", "重庆长安医院")),
        ("cqca", ("hospital", "重庆长安医院")),
        ("糖尿病足", ("disease", "糖尿病足")),
        ("面肌痉挛", ("disease", "面肌痉挛")),
        ("头痛", ("disease", "头痛")),
        ("头疼", ("disease", "头痛")),
        ("拉肚子", ("disease", "腹泻")),
        ("我最近总是肚子疼怎么办", ("disease", "腹痛")),
        ("ＴＯＵ ＴＯＮＧ", ("disease", "头痛")),
        ("頭痛", ("disease", "头痛")),
        ("心臟", ("department", "心脏内科")),
        ("zenguoqiang", ("doctor", "曾国强")),
        ("zengguoqian", ("doctor", "曾国强")),
    ],
)  # fmt: skip
async def test_what_people_type_finds_what_they_mean(
    db: AsyncSession, q: str, first: tuple[str, str]
) -> None:
    await make_findable(db)

    assert (await names(db, q))[0] == first


async def test_a_word_in_the_other_script_or_with_a_slip_finds_as_the_right_one(db: AsyncSession) -> None:
    await make_findable(db)

    right = await names(db, "内科")

    assert {name for kind, name in right if kind == "department"} >= {"消化内科", "神经内科", "心脏内科"}
    for q in ("內科", "内课"):
        assert set(await names(db, q)) >= set(right), q


async def test_a_disease_leads_to_the_department_with_its_name_as_hint(db: AsyncSession) -> None:
    hospital_id = await make_findable(db)

    hit = (await find(db, "头疼"))[0]

    department = await db.scalar(
        select(SearchEntry.entity_id).where(SearchEntry.name == "神经内科", SearchEntry.kind == "department")
    )
    assert hit == Hit(
        kind=EntryKind.DISEASE,
        id=str(department),
        name="头痛",
        hospital_id=hospital_id,
        hospital_name="重庆长安医院",
        hint="神经内科",
    )


async def test_a_department_is_found_once_by_the_complaint_that_fits_best(db: AsyncSession) -> None:
    hospital_id = await make_findable(db)
    await make_department(db, hospital_id=hospital_id, code="ET", name="儿科", diseases=("小儿咳嗽", "咳嗽"))
    await reindex(db, hospital_id=hospital_id)

    found = [(hit.name, hit.hint) for hit in await find(db, "咳嗽") if hit.kind is EntryKind.DISEASE]

    assert found.count(("咳嗽", "儿科")) == 1
    assert ("小儿咳嗽", "儿科") not in found


async def test_a_doctor_is_found_by_disease_and_skill(db: AsyncSession) -> None:
    await make_findable(db)

    assert ("doctor", "张伟") in await names(db, "糖尿病足")
    assert ("doctor", "张伟") in await names(db, "甲亢")


async def test_hints_say_where_and_who(db: AsyncSession) -> None:
    await make_findable(db)

    assert (await find(db, "消化内科"))[0].hint == "门诊楼3层"
    assert (await find(db, "单志远"))[0].hint == "主任医师 消化内科"


@pytest.mark.parametrize(
    "q", ["", "   ", "%", "_", "%%", "\\", "'; DROP TABLE doctor; --", "zzzzqqqq", "饕餮"]
)
async def test_what_means_nothing_finds_nothing(db: AsyncSession, q: str) -> None:
    await make_findable(db)

    assert await find(db, q) == []


async def test_what_is_no_longer_there_is_not_found(db: AsyncSession) -> None:
    hospital_id = await make_findable(db)
    await make_department(
        db, hospital_id=hospital_id, code="GK", name="骨科", national_code="04.03", is_active=False
    )
    await make_doctor(db, hospital_id=hospital_id, code="1", name="单志远", is_active=False)

    changed = await reindex(db, hospital_id=hospital_id)

    assert changed > 0
    assert await names(db, "骨科") == []
    assert await names(db, "单志远") == []
    assert await reindex(db, hospital_id=hospital_id) == 0


async def test_hospitals_that_patients_do_not_see_are_not_found(db: AsyncSession) -> None:
    await make_findable(db, code="ONE")
    await make_findable(db, code="TWO")
    await make_findable(db, code="OLD", state=HospitalState.CLOSED)

    everywhere, one = await find(db, "骨科"), await find(db, "骨科", only="ONE")

    assert len([hit for hit in everywhere if hit.kind is EntryKind.DEPARTMENT]) == 2
    assert len([hit for hit in one if hit.kind is EntryKind.DEPARTMENT]) == 1
    assert await find(db, "骨科", only="OLD") == []


async def test_pages_follow_each_other_without_gap_or_repetition(db: AsyncSession) -> None:
    await make_findable(db)
    whole = await find(db, "科", limit=100)

    paged: list[Hit] = []
    cursor = None
    while True:
        page, cursor = await search(db, q="科", single_hospital=None, cursor=cursor, limit=3)
        paged += page
        if cursor is None:
            break

    assert len(whole) >= 4
    assert paged == whole


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!!", encode_cursor(-1), encode_cursor(SHOWN_AT_MOST), encode_cursor("a")]
)
async def test_a_foreign_cursor_is_refused(db: AsyncSession, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        await search(db, q="科", single_hospital=None, cursor=cursor, limit=3)


async def test_a_community_hospital_sends_complaints_to_general_practice(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db, name="社区卫生服务中心")
    await make_department(db, hospital_id=hospital_id, code="QK", name="全科诊室", national_code="02")
    await reindex(db, hospital_id=hospital_id)

    assert {(hit.name, hit.hint) for hit in await find(db, "偏头痛")} == {("头痛", "全科诊室")}


def test_the_nearest_speciality_stands_in_for_one_that_is_missing() -> None:
    headache = next(symptom for symptom in symptoms() if symptom.name == "头痛")

    assert departments_for(headache, {"03.03": ["a"], "04.02": ["b"], "03": ["c"]}) == ["a", "b"]
    assert departments_for(headache, {"03": ["c"], "02": ["d"]}) == ["c"]
    assert departments_for(headache, {"02": ["d"]}) == ["d"]
    assert departments_for(headache, {"12": ["e"]}) == []


def test_every_symptom_names_departments_of_the_national_list_and_no_word_is_used_twice() -> None:
    words = [word for symptom in symptoms() for word in (symptom.name, *symptom.aliases)]

    assert len(symptoms()) >= 150
    assert {
        code for symptom in symptoms() for code in symptom.national_codes
    } <= national_departments().keys()
    assert len(words) == len(set(words))
    assert all(word == word.strip() and word for word in words)


@pytest.mark.parametrize(
    ("text", "pinyin", "initials"),
    [
        ("重庆医院", "chongqingyiyuan", "cqyy"),
        ("重症医学科", "zhongzhengyixueke", "zzyxk"),
        ("长沙", "changsha", "cs"),
        ("王大夫", "wangdaifu", "wdf"),
        ("ct检查室", "ctjianchashi", "ctjcs"),
    ],
)
def test_chinese_is_spelled_as_people_type_it(text: str, pinyin: str, initials: str) -> None:
    assert spelled(text) == Spelling(pinyin, initials)


def test_a_surname_is_read_as_a_surname() -> None:
    readings = [spelling.pinyin for spelling in spellings_of_person("曾小华")]
    assert readings[:2] == ["zengxiaohua", "cengxiaohua"]
    assert spelled(search_form(" ＣＴ 室 ")) == Spelling("ctshi", "cts")


async def test_two_characters_are_found_among_200_doctors(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db, name="大医院")
    surnames, given = (
        "王李张刘陈杨黄赵吴周",
        ["建国", "志远", "海燕", "丽华", "伟", "敏", "静", "磊", "洋", "艳"],
    )
    national = [code for code in national_departments() if "." in code][:60]
    for code in national:
        await make_department(
            db, hospital_id=hospital_id, code=code, name=national_departments()[code], national_code=code
        )
    for number in range(200):
        await make_doctor(
            db,
            hospital_id=hospital_id,
            name=surnames[number % 10] + given[number // 10 % 10],
            department_codes=(national[number % 60],),
            diseases=("高血压", "糖尿病"),
        )
    changed = await reindex(db, hospital_id=hospital_id)

    hits = await find(db, "王伟")

    assert changed == await db.scalar(select(func.count()).select_from(SearchEntry))
    assert hits[0].name == "王伟"
