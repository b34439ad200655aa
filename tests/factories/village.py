"""A hospital, many people and a staff, served by a real process: for tests that try everything on it."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from uuid import UUID

import asyncpg

from bench import seed, stage
from guahao.identity.policy.permission import Role, permissions_of
from guahao.identity.service.token import hash_of
from guahao.kernel.crypto import load_key_ring
from tests.architecture.matrix import operations

PEOPLE = 3000
STAFF = 3000
TOWN = seed.Town(people=PEOPLE, sessions=4, capacity=1000)
DUTIES = (
    (Role.PLATFORM_ADMIN, Role.HOSPITAL_ADMIN, Role.DESK, Role.NURSE),
    (Role.FINANCE,),
    (Role.AUDITOR,),
)
"""Roles that one person may have together; the three may do between them whatever staff do."""

_STAFF = f"""
INSERT INTO staff (id, username, password_hash, name, roles)
  SELECT {seed.DIRECTORY_ID.format(n="n")}, 'staff-' || n, '-', '王工', string_to_array($1, ' ')
  FROM generate_series($2::int, {STAFF}, {len(DUTIES)}) n
"""
_STAFF_LOGIN = """
INSERT INTO login (token_hash, id, staff_id, kind, device, created_at, last_seen_at, idle_expires_at,
    expires_at)
  SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::uuid[]) x(a, b, c),
    LATERAL (SELECT 'password', 'test', now(), now(), now() + interval '1 hour', now() + interval '8 hours') y
"""


@dataclass(slots=True, kw_only=True)
class Village:
    """Where it is served, and tokens that nobody used before."""

    url: str
    port: int
    dsn: str
    _people: Iterator[int] = field(default_factory=lambda: itertools.cycle(range(1, PEOPLE)))
    _staff: dict[int, Iterator[int]] = field(
        default_factory=lambda: {
            duty: itertools.cycle(range(duty + 1, STAFF + 1, len(DUTIES))) for duty in range(len(DUTIES))
        }
    )
    _turns: Iterator[int] = field(default_factory=itertools.count)

    def person(self) -> int:
        """The number of somebody else, never the last; patient and account have the same id."""
        return next(self._people)

    def headers(self, path: str, person: int, method: str | None = None) -> dict[str, str]:
        """The header of this person, or on the staff's paths of somebody who may do one thing there."""
        if path.startswith("/api/v1/staff/"):
            duties = duties_at(path, method)
            member = next(self._staff[duties[next(self._turns) % len(duties)]])
            return {"Authorization": f"Bearer staff-token-{member}"}
        return {"Authorization": f"Bearer {seed.token(person)}"}


@cache
def duties_at(path: str, method: str | None) -> list[int]:
    """Which of the duties allow something at this path; all of them where nobody in particular may."""
    permissions = {
        operation.permission
        for operation in operations()
        if method in {None, operation.method}
        and re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation.path)), path)
    }
    allowed = [duty for duty, roles in enumerate(DUTIES) if permissions & permissions_of(roles)]
    return allowed or list(range(len(DUTIES)))


def known_id(name: str, person: int) -> str:
    """An id that exists, for a parameter or field of this name."""
    if name == "hospital_id":
        return "1"
    if name in {"patient_id", "staff_id", "consent_id"}:
        return seed.directory_id(person)
    return seed.slot_id(1)


@contextmanager
def village(folder: Path, *, town: seed.Town = TOWN, workers: int = 1) -> Iterator[Village]:
    """Seed and serve it until the block ends."""
    folder.chmod(0o755)
    with stage.database(folder) as dsn:
        asyncio.run(_populate(dsn, folder, town))
        with stage.serving(dsn, folder, workers=workers) as port:
            yield Village(url=f"http://127.0.0.1:{port}", port=port, dsn=dsn)


async def _populate(dsn: str, folder: Path, town: seed.Town) -> None:
    await seed.seed(dsn, town)
    keys = load_key_ring(folder / "keys", production=False)
    people = [UUID(seed.directory_id(number)) for number in range(1, PEOPLE + 1)]
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("ALTER SYSTEM SET synchronous_commit = off")  # thousands wait for it
        await connection.execute("SELECT pg_reload_conf()")
        await connection.executemany(
            "UPDATE person SET name_sealed = $2, document_sealed = $3 WHERE id = $1",
            [
                (
                    id_,
                    keys.seal("王小明", field="person.name_sealed", row=id_),
                    keys.seal("110101199001011237", field="person.document_sealed", row=id_),
                )
                for id_ in people
            ],
        )
        for first, roles in enumerate(DUTIES, 1):
            await connection.execute(_STAFF, " ".join(roles), first)
        staff = range(1, STAFF + 1)
        await connection.execute(
            _STAFF_LOGIN,
            [hash_of(f"staff-token-{number}") for number in staff],
            [seed.directory_id(number + PEOPLE) for number in staff],
            [seed.directory_id(number) for number in staff],
        )
    finally:
        await connection.close()
