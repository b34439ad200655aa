from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Department, DoctorDepartment, FeeItem, Hospital, HospitalState
from guahao.catalog.queries import (
    DoctorLevel,
    FeeKind,
    campuses_by_ids,
    departments_by_codes,
    departments_by_ids,
    doctors_by_codes,
    doctors_by_ids,
    doctors_of_department,
    fees_of,
    hospital_by_code,
    hospitals_by_ids,
    require_visible,
)
from guahao.catalog.service import (
    CatalogCodeUnknown,
    DepartmentLoop,
    DepartmentRow,
    DoctorRow,
    FeeRow,
    NationalCodeUnknown,
    national_departments,
    upsert_department,
    upsert_doctor,
    upsert_fee,
    upsert_hospital,
)
from guahao.kernel.db import constraint_of
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of, new_id
from guahao.kernel.sex import Sex
from tests.factories.catalog import hospital_row, make_campus, make_department, make_doctor, make_hospital

pytestmark = pytest.mark.anyio


async def test_the_same_row_twice_is_one_row_and_no_new_version(db: AsyncSession) -> None:
    row = hospital_row(phones=("010-1", "010-2"), latitude=39.9, longitude=116.4)

    first = await upsert_hospital(db, row=row, actor="system")
    second = await upsert_hospital(db, row=row, actor="system")

    stored = await db.get_one(Hospital, first)
    assert first == second
    assert (stored.version, stored.phones, stored.latitude) == (1, ["010-1", "010-2"], 39.9)


async def test_a_changed_row_is_brought_up_to_date_under_its_number(db: AsyncSession) -> None:
    row = hospital_row()
    first = await upsert_hospital(db, row=row, actor="system")

    again = await upsert_hospital(db, row=dataclasses.replace(row, name="新名字医院"), actor="system")

    stored = await db.get_one(Hospital, first)
    assert (again, stored.name, stored.version) == (first, "新名字医院", 2)


async def test_a_department_is_found_by_the_codes_of_its_parent_and_campus(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    campus_id = await make_campus(db, hospital_id=hospital_id, code="S")
    parent_id = await make_department(db, hospital_id=hospital_id, code="NK", name="内科", national_code="03")

    id_ = await make_department(
        db,
        hospital_id=hospital_id,
        code="XH",
        parent_code="NK",
        campus_code="S",
        sex_limit=Sex.FEMALE,
        max_age_years=14,
    )

    facts = (await departments_by_ids(db, [id_]))[id_]
    assert hospital_of(id_) == hospital_id
    assert (facts.parent_id, facts.campus_id, facts.sex_limit) == (parent_id, campus_id, Sex.FEMALE)
    assert (facts.min_age_years, facts.max_age_years, facts.is_active) == (0, 14, True)
    assert (await campuses_by_ids(db, [campus_id, new_id(9)])).keys() == {campus_id}


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"parent_code": "no"}, CatalogCodeUnknown),
        ({"campus_code": "no"}, CatalogCodeUnknown),
        ({"national_code": "99"}, NationalCodeUnknown),
        ({"parent_code": "XH"}, IntegrityError),
    ],
)
async def test_a_department_with_a_wrong_reference_is_refused(
    db: AsyncSession, overrides: dict[str, Any], problem: type[Exception]
) -> None:
    hospital_id = await make_hospital(db)
    await make_department(db, hospital_id=hospital_id, code="XH")

    with pytest.raises(problem) as refused:
        await upsert_department(
            db, hospital_id=hospital_id, row=DepartmentRow(code="XH", name="科室", **overrides)
        )

    if problem is IntegrityError:
        assert constraint_of(refused.value) == "department_not_its_own_parent"


async def test_a_department_cannot_be_below_itself(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    await make_department(db, hospital_id=hospital_id, code="A", name="A")
    await make_department(db, hospital_id=hospital_id, code="B", name="B", parent_code="A")
    await make_department(db, hospital_id=hospital_id, code="C", name="C", parent_code="B")

    with pytest.raises(DepartmentLoop):
        await make_department(db, hospital_id=hospital_id, code="A", name="A", parent_code="C")


async def test_codes_of_another_hospital_name_nothing_here(db: AsyncSession) -> None:
    here, there = await make_hospital(db), await make_hospital(db)
    await make_department(db, hospital_id=there, code="XH")

    with pytest.raises(CatalogCodeUnknown) as refused:
        await make_doctor(db, hospital_id=here, department_codes=("XH",))

    assert refused.value.extra == {"field": "department_codes", "catalog_code": "XH"}


async def test_the_departments_of_a_doctor_follow_the_row(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    ids = [await make_department(db, hospital_id=hospital_id, code=code) for code in "ABC"]
    row = DoctorRow(code="D1", name="王医生", level=DoctorLevel.EXPERT, department_codes=("A", "B"))
    id_ = await upsert_doctor(db, hospital_id=hospital_id, row=row)

    again = await upsert_doctor(
        db, hospital_id=hospital_id, row=dataclasses.replace(row, department_codes=("B", "C"))
    )

    facts = (await doctors_by_ids(db, [id_]))[id_]
    assert again == id_
    assert set(facts.department_ids) == set(ids[1:])
    assert await db.scalar(select(func.count()).select_from(DoctorDepartment)) == 2
    assert (await doctors_by_codes(db, hospital_id=hospital_id)).keys() == {"D1"}


async def test_the_doctors_of_a_department_are_its_active_ones(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    department_id = await make_department(db, hospital_id=hospital_id, code="XH")
    of = {"hospital_id": hospital_id, "department_codes": ("XH",)}
    await make_doctor(db, **of, code="1", level=DoctorLevel.GENERAL)
    await make_doctor(db, **of, code="2", level=DoctorLevel.SPECIAL)
    await make_doctor(db, **of, code="3", is_active=False)
    await make_doctor(db, hospital_id=hospital_id, code="4")

    found = await doctors_of_department(db, department_id)

    assert [doctor.code for doctor in found] == ["2", "1"]


async def test_a_price_counts_from_its_day_and_a_doctors_own_beats_the_level(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    doctor_id = await make_doctor(db, hospital_id=hospital_id, code="D1")
    level, day = DoctorLevel.EXPERT, date(2026, 3, 1)
    for row in (
        FeeRow(level=level, fee_fen=5000, effective_from=date(2026, 1, 1)),
        FeeRow(level=level, fee_fen=6000, effective_from=day),
        FeeRow(level=level, fee_fen=9900, effective_from=date(2026, 1, 1), doctor_code="D1"),
        FeeRow(level=level, fee_fen=100, effective_from=date(2026, 1, 1), kind=FeeKind.REGISTRATION),
        FeeRow(level=level, fee_fen=9900, effective_from=date(2026, 1, 1), doctor_code="D1"),
    ):
        await upsert_fee(db, hospital_id=hospital_id, row=row)

    fees = await fees_of(db, hospital_id=hospital_id)

    other = new_id(hospital_id)
    assert fees.fee_fen(level=level, doctor_id=other, day=date(2026, 2, 28)) == 5100
    assert fees.fee_fen(level=level, doctor_id=other, day=day) == 6100
    assert fees.fee_fen(level=level, doctor_id=doctor_id, day=day) == 10000
    assert fees.fee_fen(level=level, doctor_id=None, day=date(2025, 12, 31)) is None
    assert fees.fee_fen(level=DoctorLevel.GENERAL, doctor_id=doctor_id, day=day) is None
    assert await db.scalar(select(func.count()).select_from(FeeItem)) == 4


async def test_a_price_without_a_doctor_is_unique_too(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    row = FeeRow(level=DoctorLevel.GENERAL, fee_fen=5000, effective_from=date(2026, 1, 1))

    first = await upsert_fee(db, hospital_id=hospital_id, row=row)
    second = await upsert_fee(db, hospital_id=hospital_id, row=dataclasses.replace(row, fee_fen=0))

    assert first == second
    free = (await fees_of(db, hospital_id=hospital_id)).fee_fen(
        level=DoctorLevel.GENERAL, doctor_id=None, day=date(2026, 1, 1)
    )
    assert free == 0


async def test_only_hospitals_that_patients_may_see_are_visible(db: AsyncSession) -> None:
    one = await make_hospital(db, code="ONE")
    two = await make_hospital(db, code="TWO")
    closed = await make_hospital(db, code="OLD", state=HospitalState.CLOSED)

    await require_visible(db, hospital_id=one, single_hospital=None)
    await require_visible(db, hospital_id=two, single_hospital="TWO")
    for hidden, only in ((closed, None), (one, "TWO"), (closed, "OLD"), (4711, None)):
        with pytest.raises(NotFound):
            await require_visible(db, hospital_id=hidden, single_hospital=only)
    assert {facts.code for facts in (await hospitals_by_ids(db, [one, two, 99])).values()} == {"ONE", "TWO"}
    found = await hospital_by_code(db, "OLD")
    assert found is not None
    assert not found.is_open


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("UPDATE hospital SET latitude = 1", "hospital_map_point"),
        ("UPDATE hospital SET kind = 'zoo'", "hospital_kind"),
        ("UPDATE hospital SET state = 'gone'", "hospital_state"),
        ("UPDATE department SET min_age_years = 15, max_age_years = 14", "department_age_limits"),
        ("UPDATE department SET sex_limit = 'x'", "department_sex_limit"),
        ("UPDATE doctor SET level = 'god'", "doctor_level"),
        ("UPDATE fee_item SET fee_fen = -1", "fee_item_fee"),
        ("UPDATE campus SET longitude = 1", "campus_map_point"),
        ("UPDATE rule_set SET version = 0", "rule_set_version"),
        ("UPDATE hospital SET id = 16777216", "hospital_id_fits_ids"),
    ],
)
async def test_the_database_refuses_what_can_never_be(db: AsyncSession, change: str, constraint: str) -> None:
    hospital_id = await make_hospital(db)
    await make_campus(db, hospital_id=hospital_id)
    await make_department(db, hospital_id=hospital_id)
    await make_doctor(db, hospital_id=hospital_id)
    fee = FeeRow(level=DoctorLevel.GENERAL, fee_fen=1, effective_from=date(2026, 1, 1))
    await upsert_fee(db, hospital_id=hospital_id, row=fee)

    with pytest.raises(IntegrityError) as refused:
        await db.execute(text(change))

    assert constraint_of(refused.value) == constraint


async def test_a_row_cannot_point_into_another_hospital(db: AsyncSession) -> None:
    here, there = await make_hospital(db), await make_hospital(db)
    parent_id = await make_department(db, hospital_id=there)
    child_id = await make_department(db, hospital_id=here)

    with pytest.raises(IntegrityError) as refused:
        await db.execute(update(Department).where(Department.id == child_id).values(parent_id=parent_id))

    assert constraint_of(refused.value) == "department_hospital_id_parent_id_fkey"


async def test_departments_are_listed_by_code(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    await make_department(db, hospital_id=hospital_id, code="A")
    await make_department(db, hospital_id=hospital_id, code="B")

    assert (await departments_by_codes(db, hospital_id=hospital_id)).keys() == {"A", "B"}


async def test_the_national_list_is_shipped() -> None:
    national = national_departments()

    assert len(national) == 156
    assert (national["03.02"], national["28"]) == ("消化内科专业", "重症医学科")
