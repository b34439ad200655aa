from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Department, DoctorLevel
from guahao.catalog.queries import departments_by_codes, doctors_by_codes
from guahao.catalog.queries.search import search
from guahao.catalog.service import CodeTaken, DepartmentLoop, DepartmentRow, DoctorRow, EditConflict
from guahao.catalog.service.edit import create_department, create_doctor, update_department
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import new_id
from tests.factories.catalog import make_department, make_hospital

pytestmark = pytest.mark.anyio


async def save(
    sessions: Sessions, id_: UUID, row: DepartmentRow, *, version: int = 1
) -> type[Exception] | None:
    try:
        async with transaction(sessions) as db:
            await update_department(db, department_id=id_, version=version, row=row, actor="staff:1")
    except (EditConflict, DepartmentLoop, CodeTaken) as refused:
        return type(refused)
    return None


async def test_of_many_edits_of_one_version_exactly_one_is_saved(sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        hospital_id = await make_hospital(db)
        id_ = await make_department(db, hospital_id=hospital_id, code="XH", name="零")

    outcomes = await asyncio.gather(
        *(save(sessions, id_, DepartmentRow(code="XH", name=name)) for name in "一二三四五六")
    )

    assert outcomes.count(None) == 1
    assert outcomes.count(EditConflict) == 5
    async with transaction(sessions) as db:
        row = await db.get_one(Department, (hospital_id, id_))
        assert (row.version, row.name) == (2, "一二三四五六"[outcomes.index(None)])


async def test_two_moves_at_once_never_close_a_loop(sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        hospital_id = await make_hospital(db)
        a = await make_department(db, hospital_id=hospital_id, code="A", name="A")
        b = await make_department(db, hospital_id=hospital_id, code="B", name="B")

    outcomes = await asyncio.gather(
        save(sessions, a, DepartmentRow(code="A", name="A", parent_code="B")),
        save(sessions, b, DepartmentRow(code="B", name="B", parent_code="A")),
    )

    assert sorted(outcomes, key=str) == sorted([None, DepartmentLoop], key=str)


async def test_edits_of_all_kinds_at_once_wait_for_each_other_without_deadlock(sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        hospital_id = await make_hospital(db)
        id_ = await make_department(db, hospital_id=hospital_id, code="XH")

    async def add_department(number: int) -> None:
        async with transaction(sessions) as db:
            row = DepartmentRow(code=f"N{number}", name=f"科室{number}", parent_code="XH")
            await create_department(db, hospital_id=hospital_id, row=row, actor="staff:1")

    async def add_doctor(number: int) -> None:
        async with transaction(sessions) as db:
            row = DoctorRow(
                code=f"D{number}", name=f"王{number}", level=DoctorLevel.GENERAL, department_codes=("XH",)
            )
            await create_doctor(db, hospital_id=hospital_id, row=row, actor="staff:1")

    await asyncio.gather(
        *(add_department(number) for number in range(4)),
        *(add_doctor(number) for number in range(4)),
        save(sessions, id_, DepartmentRow(code="XH", name="新名")),
    )

    async with transaction(sessions) as db:
        assert len(await departments_by_codes(db, hospital_id=hospital_id)) == 5
        assert len(await doctors_by_codes(db, hospital_id=hospital_id)) == 4
        for word in ("科室3", "王3", "新名"):
            assert (await search(db, q=word, single_hospital=None, cursor=None, limit=5))[0][0].name == word


async def test_a_department_that_does_not_exist_is_not_found(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)

    with pytest.raises(NotFound):
        await update_department(
            db,
            department_id=new_id(hospital_id),
            version=1,
            row=DepartmentRow(code="X", name="X"),
            actor="staff:1",
        )
