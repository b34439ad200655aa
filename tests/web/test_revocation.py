"""A login that was ended counts in every server process within a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from guahao.identity.policy.permission import Role
from guahao.kernel.db import make_engine, make_sessions
from tests.database import execute, migrated_database
from tests.factories.booking import make_booker
from tests.factories.staff import make_staff, staff_header
from tests.web.processes import environment, free_port, running, until

CONNECTIONS = 16


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with migrated_database("revocation") as address:
        yield address


@pytest.fixture(scope="module")
def port(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    number = free_port()
    variables = environment(tmp_path_factory.mktemp("data"), number, database_url=dsn, drain_s=1)
    with running("serve", variables, "--workers", "2"):
        until(number, "/livez", 200)
        yield number


async def logins(dsn: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Addresses that a patient, and a finance officer, may read, and their tokens."""
    engine = make_engine(dsn, pool_size=1)
    async with make_sessions(engine)() as db:
        booker = await make_booker(db)
        staff = await make_staff(db, Role.PLATFORM_ADMIN)
        headers = await staff_header(db, staff.id)
        await db.commit()
    await engine.dispose()
    return {"account": ("/api/v1/me", booker.headers), "staff": ("/api/v1/staff/members", headers)}


ENDINGS = {
    "a logout": ("account", "UPDATE login SET revoked_at = now() WHERE account_id IS NOT NULL", 401),
    "a disabled account": ("account", "UPDATE account SET disabled_at = now()", 401),
    "disabled staff": ("staff", "UPDATE staff SET disabled_at = now()", 401),
    "other roles": ("staff", "UPDATE staff SET roles = '{auditor}'", 403),
}


def watch(
    clients: list[httpx.Client], path: str, headers: dict[str, str], ended: float
) -> tuple[float, set[int]]:
    """Ask on every connection for a while; when the last that got in was sent, and how late ones ended."""
    last, statuses = ended, set()
    while time.monotonic() < ended + 2.5:
        for client in clients:
            sent = time.monotonic()
            status = client.get(path, headers=headers).status_code
            if status == 200:
                last = sent
            elif sent > ended + 1:
                statuses.add(status)
    return last, statuses


@pytest.fixture
def clients(port: int) -> Iterator[list[httpx.Client]]:
    """Connections spread by the kernel over both processes."""
    with ExitStack() as opened:
        base = f"http://127.0.0.1:{port}"
        yield [opened.enter_context(httpx.Client(base_url=base, timeout=60)) for _ in range(CONNECTIONS)]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ending_made_elsewhere_counts_in_every_process_within_a_second(
    clients: list[httpx.Client], dsn: str, ending: str
) -> None:
    whose, statement, refused = ENDINGS[ending]
    asyncio.run(execute(dsn, "CALL test.clean()"))
    path, headers = asyncio.run(logins(dsn))[whose]
    assert {client.get(path, headers=headers).status_code for client in clients * 2} == {200}

    asyncio.run(execute(dsn, statement))
    ended = time.monotonic()
    last, statuses = watch(clients, path, headers, ended)

    assert last - ended < 1
    assert statuses == {refused}
