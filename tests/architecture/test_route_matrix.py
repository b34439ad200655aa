from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.policy.permission import HOSPITAL_ROLES, PERMISSIONS_OF, PLATFORM_ROLES, Role
from guahao.kernel.db import Base, Sessions, make_engine, make_sessions, transaction
from guahao.kernel.ids import hospital_of
from guahao.kernel.settings import Settings
from guahao.web.app import create_app
from tests.architecture.matrix import Operation, Rows, operations, request_of
from tests.factories.any_row import any_row
from tests.factories.booking import book, make_booker
from tests.factories.scheduling import make_session, slots_of
from tests.factories.staff import make_staff, staff_header

pytestmark = pytest.mark.anyio
OPERATIONS = operations()
BY_OTHERS = [each for each in OPERATIONS if not each.is_about_oneself]
MARK = "foreign-mark"
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TABLES = [table for table in Base.metadata.sorted_tables if "hospital_id" in table.c]
DIGEST = " UNION ALL ".join(
    f"SELECT '{table.name}', md5(string_agg(r::text, '' ORDER BY r::text)) FROM {table.name} r"
    " WHERE hospital_id = :h"
    for table in TABLES
)


@dataclass(frozen=True, kw_only=True)
class World:
    """Two hospitals: people of one of them and of the platform, and a row in each table of the other."""

    client: httpx.AsyncClient
    sessions: Sessions
    foreign: Rows
    headers: dict[Role, dict[str, str]]
    platform: dict[Role, dict[str, str]]

    async def send(
        self, operation: Operation, header: dict[str, str], extra: dict[str, str] | None = None
    ) -> httpx.Response:
        wanted = request_of(operation, self.foreign)
        headers = header | wanted.sent.get("headers", {})
        sent = wanted.sent | ({"json": wanted.sent["json"] | extra} if extra else {})
        return await self.client.request(
            wanted.method, wanted.url, params=wanted.params, **sent | {"headers": headers}
        )

    async def digest(self) -> dict[str, str]:
        async with self.sessions() as db:
            rows = await db.execute(text(DIGEST), {"h": self.foreign.hospital_id})
            return {row[0]: row[1] for row in rows}


async def populate(db: AsyncSession) -> Rows:
    """A hospital where somebody booked and paid, then a row in every table that is still empty."""
    session = await make_session(db)
    (slot,) = await slots_of(db, session)
    await book(db, await make_booker(db), slot.id)
    hospital_id = session.hospital_id
    await make_staff(db, Role.HOSPITAL_ADMIN, hospital_id=hospital_id)
    await db.execute(text("UPDATE event SET state = 'dead' WHERE hospital_id = :h"), {"h": hospital_id})
    await db.execute(text("UPDATE staff SET name = :m WHERE hospital_id = :h"), {"m": MARK, "h": hospital_id})
    for table in TABLES:
        here = select(table).where(table.c.hospital_id == hospital_id).limit(1)
        if (await db.execute(here)).first() is None:
            await any_row(db, table, hospital_id=hospital_id, mark=MARK)
    ids = {}
    for table in TABLES:
        if "id" in table.c:
            first = select(table.c.id).where(table.c.hospital_id == hospital_id).limit(1)
            ids[table.name] = str(await db.scalar(first))
    return Rows(hospital_id=hospital_id, ids=ids)


@pytest.fixture(scope="module")
async def world(database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    engine = make_engine(database)
    async with engine.begin() as connection:
        await connection.execute(text("CALL test.clean()"))
    sessions = make_sessions(engine)
    settings = Settings(environment="demo", database_url=database, data_dir=tmp_path_factory.mktemp("matrix"))  # type: ignore[arg-type]  # as the settings read it
    app = create_app(settings, sessions=sessions)
    async with transaction(sessions) as db:
        own = (await make_session(db)).hospital_id
        foreign = await populate(db)
        headers = {role: await people(db, role, own) for role in HOSPITAL_ROLES}
        platform = {role: await people(db, role, None) for role in PLATFORM_ROLES}
        for table in ("login", "person_duplicate"):  # rows of no hospital
            foreign.ids[table] = str(await db.scalar(text(f"SELECT id FROM {table} LIMIT 1")))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as client:
        yield World(client=client, sessions=sessions, foreign=foreign, headers=headers, platform=platform)
    await engine.dispose()


async def people(db: AsyncSession, role: Role, hospital_id: int | None) -> dict[str, str]:
    return await staff_header(db, (await make_staff(db, role, hospital_id=hospital_id)).id)


async def somebody_there(world: World, operation: Operation) -> dict[str, str]:
    """The header of somebody of the planted hospital who may do this."""
    role = next(role for role in Role if operation.permission in PERMISSIONS_OF[role])
    async with transaction(world.sessions) as db:
        of_platform = None if role is Role.PLATFORM_ADMIN else world.foreign.hospital_id
        return await people(db, role, of_platform)


def test_the_matrix_covers_the_console() -> None:
    assert len(BY_OTHERS) > 100
    assert {each.permission for each in BY_OTHERS} > {"edit_catalog", "view_audit", "manage_money"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_nobody_without_a_login_gets_in(world: World, operation: Operation) -> None:
    for header in ({}, {"Authorization": "Bearer unknown"}, {"Cookie": "guahao_staff=unknown"}):
        answer = await world.send(operation, header)
        assert (answer.status_code, answer.json()["code"]) == (401, "not-logged-in")


@pytest.mark.parametrize("operation", BY_OTHERS, ids=str)
async def test_a_role_without_the_permission_is_refused(world: World, operation: Operation) -> None:
    for people in (world.headers, world.platform):
        for role, header in people.items():
            if operation.permission not in PERMISSIONS_OF[role]:
                answer = await world.send(operation, header)
                assert (answer.status_code, answer.json()["code"]) == (403, "permission-missing"), role


@pytest.mark.parametrize("operation", BY_OTHERS, ids=str)
async def test_row_33_another_hospitals_rows_are_neither_shown_nor_changed(
    world: World, operation: Operation
) -> None:
    before = await world.digest()
    for role, header in world.headers.items():
        if operation.permission not in PERMISSIONS_OF[role]:
            continue
        answer = await world.send(operation, header)
        assert answer.status_code < 500, (role, answer.text)
        if operation.names_a_hospitals_row:
            assert answer.status_code in {403, 404}, (role, answer.status_code, answer.text)
        assert MARK not in answer.text
        shown = {hospital_of(UUID(found)) for found in ID.findall(answer.text)}
        assert world.foreign.hospital_id not in shown, (role, answer.text)

    assert await world.digest() == before


@pytest.mark.parametrize("operation", [each for each in BY_OTHERS if each.takes_json], ids=str)
async def test_row_35_a_member_that_a_body_does_not_know_is_refused(
    world: World, operation: Operation
) -> None:
    role = next(role for role in Role if operation.permission in PERMISSIONS_OF[role])
    header = (world.headers | world.platform)[role]
    before = await world.digest()

    for extra in ({"role": "platform_admin"}, {"created_by": "system"}):
        answer = await world.send(operation, header, extra)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request"), answer.text

    assert await world.digest() == before


@pytest.mark.parametrize(
    "operation", [each for each in BY_OTHERS if each.method == "GET" and each.names_a_hospitals_row], ids=str
)
async def test_the_same_question_by_somebody_of_that_hospital_is_answered(
    world: World, operation: Operation
) -> None:
    header = await somebody_there(world, operation)

    answer = await world.send(operation, header)

    assert answer.status_code not in {403, 404, 422}, answer.text


READ_ELSEWHERE = {
    "/api/v1/staff/appointments",  # these two open sealed names, and only marks are planted here
    "/api/v1/staff/duplicates",
    "/api/v1/staff/reconciliations/{provider}/{day}",  # no bill was read on the planted day
}
LISTS = [
    each
    for each in BY_OTHERS
    if each.method == "GET"
    and not each.path.endswith(".{form}")
    and any(given["name"] == "cursor" for given in each.given("query"))
]


@pytest.mark.parametrize("operation", [each for each in LISTS if each.path not in READ_ELSEWHERE], ids=str)
async def test_a_list_read_row_by_row_is_the_list_and_its_last_page_names_no_next(
    world: World, operation: Operation
) -> None:
    header = await somebody_there(world, operation)
    wanted = request_of(operation, world.foreign)

    async def page(**asked: str | int) -> dict[str, Any]:
        answer = await world.client.get(wanted.url, params=wanted.params | asked, headers=header)
        assert answer.status_code == 200, answer.text
        read: dict[str, Any] = answer.json()
        return read

    whole = await page(limit=50)
    read = await page(limit=1)
    rows = read["items"]
    while read["next_cursor"] is not None:
        assert len(read["items"]) == 1
        read = await page(limit=1, cursor=read["next_cursor"])
        rows += read["items"]

    assert (rows, None) == (whole["items"], whole["next_cursor"])
    assert read["items"] or not rows
