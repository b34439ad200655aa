"""A doctor is found by every reading of the name, in any script, whatever shows nothing is typed with it."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import SearchEntry
from guahao.catalog.queries.search import search
from guahao.catalog.service import reindex
from guahao.catalog.service.search import reindex_next
from tests.factories.catalog import make_department, make_doctor, make_hospital, staff_headers

pytestmark = pytest.mark.anyio

SURNAMES = {
    "秘": ("bi", "mi"),
    "能": ("nai", "neng"),
    "祭": ("zhai", "ji"),
    "佴": ("nai", "er"),
    "乜": ("nie", "mie"),
    "句": ("gou", "ju"),
    "柏": ("bai", "bo"),
    "隗": ("wei", "kui"),
    "郗": ("xi", "chi"),
    "仇": ("qiu", "chou"),
    "覃": ("qin", "tan"),
    "尉迟": ("yuchi", "weichi"),
    "曾": ("zeng", "ceng"),
    "单": ("shan", "dan", "chan"),
    "解": ("xie", "jie"),
    "查": ("zha", "cha"),
    "盖": ("ge", "gai"),
    "区": ("ou", "qu"),
    "朴": ("piao", "pu"),
    "翟": ("zhai", "di"),
    "乐": ("yue", "le"),
    "员": ("yun", "yuan"),
    "缪": ("miao", "mou"),
    "种": ("chong", "zhong"),
    "折": ("she", "zhe"),
    "繁": ("po", "fan"),
    "冼": ("xian",),
    "洗": ("xian", "xi"),
    "谌": ("chen", "shen"),
    "召": ("shao", "zhao"),
    "那": ("na", "nuo"),
    "薄": ("bo", "bao"),
    "牟": ("mu", "mou"),
    "都": ("du", "dou"),
    "阚": ("kan", "han"),
    "车": ("che", "ju"),
    "贾": ("jia", "gu"),
    "强": ("qiang", "jiang"),
    "宓": ("mi", "fu"),
    "石": ("shi", "dan"),
    "莘": ("shen", "xin"),
    "长孙": ("zhangsun", "changsun"),
    "万俟": ("moqi", "wansi"),
    "澹台": ("tantai", "dantai"),
    "单于": ("chanyu", "danyu"),
}
GIVEN = {"海重": (("haizhong", "hz"), ("haichong", "hc")), "丽华": (("lihua", "lh"),)}
TRADITIONAL = {"单": "單", "尉迟": "尉遲", "乐": "樂", "丽华": "麗華", "区": "區", "盖": "蓋", "缪": "繆"}
INVISIBLE = "\u200b\ufeff\u200e\u00ad\u2060\u202d"


def wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) for sign in text)


def initials(reading: str, surname: str) -> str:
    """The first letter, or those of both syllables: the second of each compound surname here."""
    second = {"yuchi": "c", "weichi": "c", "zhangsun": "s", "changsun": "s", "moqi": "q", "wansi": "s"}
    second |= {"tantai": "t", "dantai": "t", "chanyu": "y", "danyu": "y"}
    return reading[0] + (second[reading] if len(surname) == 2 else "")


async def found(db: AsyncSession, q: str) -> list[str]:
    hits, _ = await search(db, q=q, single_hospital=None, cursor=None, limit=100)
    return [hit.name for hit in hits if hit.kind == "doctor"]


async def test_every_surname_is_found_by_every_reading_script_and_width(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    await make_department(db, hospital_id=hospital_id, code="XH", name="消化内科", national_code="03.02")
    for number, surname in enumerate(SURNAMES):
        for given in GIVEN:
            name = surname + given
            code = f"{number}-{len(given)}-{ord(given[0])}"
            await make_doctor(db, hospital_id=hospital_id, code=code, name=name, department_codes=("XH",))
    await reindex(db, hospital_id=hospital_id)

    missed = []
    for surname, readings in SURNAMES.items():
        for given, ways in GIVEN.items():
            name = surname + given
            typed = [name, f"\u200b{name}", f"{surname}\u2060{given}", f"{name}\ufeff", f"{surname} {given}"]
            typed += [TRADITIONAL.get(surname, surname) + TRADITIONAL.get(given, given)]
            for reading in readings:
                typed += [reading + way for way, _ in ways]
                typed += [initials(reading, surname) + letters for _, letters in ways]
                typed += [wide(reading + ways[0][0]), f"{reading}\u200b {ways[0][0]}".upper()]
            missed += [(name, q) for q in typed if name not in await found(db, q)]
    assert missed == []


@pytest.mark.parametrize("stored", ["曾麗華", "曾丽华"])
async def test_script_hides_nobody_in_either_direction(db: AsyncSession, stored: str) -> None:
    hospital_id = await make_hospital(db)
    await make_doctor(db, hospital_id=hospital_id, code="1", name=stored)
    await make_doctor(db, hospital_id=hospital_id, code="2", name="張偉")
    await make_doctor(db, hospital_id=hospital_id, code="3", name="张敏")
    await reindex(db, hospital_id=hospital_id)

    for q in ("曾丽", "曾麗", "曾麗华", "丽華", "zengli", "cenglihua"):
        assert stored in await found(db, q), q
    assert sorted(await found(db, "張")) == sorted(await found(db, "张"))
    assert {"張偉", "张敏"} <= set(await found(db, "張"))


@pytest.mark.parametrize("mark", INVISIBLE)
async def test_marks_that_show_nothing_change_no_result(db: AsyncSession, mark: str) -> None:
    hospital_id = await make_hospital(db)
    await make_department(db, hospital_id=hospital_id, code="EK", name="儿科", national_code="07")
    await make_department(db, hospital_id=hospital_id, code="XEK", name="小儿外科", national_code="08")
    await reindex(db, hospital_id=hospital_id)
    plain, _ = await search(db, q="儿科", single_hospital=None, cursor=None, limit=100)

    for q in (f"{mark}儿科", f"儿{mark}科", f"儿科{mark}"):
        assert (await search(db, q=q, single_hospital=None, cursor=None, limit=100))[0] == plain
    assert len(plain) > 1


@pytest.mark.parametrize("typed", ["{}，", "{}。", "“{}”", "（{}）", "#{}", "{}？！", "《{}》 "])
async def test_marks_around_a_word_change_no_result(db: AsyncSession, typed: str) -> None:
    hospital_id = await make_hospital(db)
    for number, name in enumerate(("儿科", "新生儿科")):
        await make_department(db, hospital_id=hospital_id, code=f"E{number}", name=name)
    await reindex(db, hospital_id=hospital_id)

    plain = await search(db, q="儿科", single_hospital=None, cursor=None, limit=20)

    assert len(plain[0]) == 2
    assert await search(db, q=typed.format("儿科"), single_hospital=None, cursor=None, limit=20) == plain
    assert await search(db, q="，。！", single_hospital=None, cursor=None, limit=20) == ([], None)


async def test_lists_of_staff_find_doctors_and_departments_alike(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    hospital_id = await make_hospital(db)
    await make_department(db, hospital_id=hospital_id, code="EK", name="儿科", national_code="07")
    await make_doctor(db, hospital_id=hospital_id, code="D1", name="仇麗華", department_codes=("EK",))
    await reindex(db, hospital_id=hospital_id)
    headers = await staff_headers(db, hospital_id=hospital_id)
    await db.commit()
    base = f"/api/v1/staff/hospitals/{hospital_id}"

    for q in ("仇丽", "仇麗", "chouli", "qlh", "clh", "ＣＬＨ", "\u200b仇", "d1", "Ｄ１"):
        listed = (await client.get(f"{base}/doctors", params={"q": q}, headers=headers)).json()
        assert [item["name"] for item in listed["items"]] == ["仇麗華"], q
    for q in ("兒科", "儿\u200b科", "ek", "ＥＫ"):
        listed = (await client.get(f"{base}/departments", params={"q": q}, headers=headers)).json()
        assert [item["name"] for item in listed["items"]] == ["儿科"], q


async def test_an_index_that_was_emptied_is_made_anew_hospital_by_hospital(db: AsyncSession) -> None:
    made = [await make_hospital(db) for _ in range(2)]
    for hospital_id in made:
        await reindex(db, hospital_id=hospital_id)
    await db.execute(delete(SearchEntry))

    assert [await reindex_next(db) for _ in range(3)] == [1, 1, 0]
    indexed = await db.scalars(select(SearchEntry.hospital_id).group_by(SearchEntry.hospital_id))
    assert sorted(indexed) == sorted(made)
    assert await db.scalar(select(func.count()).select_from(SearchEntry)) == 2
