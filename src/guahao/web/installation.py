"""What a database remembers of the installation it belongs to, so that nothing foreign starts on it."""

from __future__ import annotations

import hmac
from datetime import datetime

from sqlalchemy import LargeBinary, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from guahao.identity.queries.seal_sample import opens_what_is_sealed
from guahao.identity.queries.staff import usernames_in_use
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Base
from guahao.kernel.reseal import count_by_key
from guahao.kernel.settings import Environment
from guahao.web.demo.accounts import demo_usernames
from guahao.web.roles import may_rewrite_the_trail

_ENVIRONMENT = "environment"
_KEY = "key:"
_SEALING = "key:sealing-"


class InstallationMark(Base):
    """One thing that stays as it was at the first start: the environment, and each key's check value."""

    __tablename__ = "installation_mark"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


async def faults(db: AsyncSession, *, environment: Environment, key_ring: KeyRing) -> list[str]:
    """Name what does not belong together: these keys, this environment and what is in the database."""
    marks = {
        row.name: row.value for row in await db.execute(select(InstallationMark.name, InstallationMark.value))
    }
    return [
        *_foreign_environment(marks, environment),
        *_other_keys(marks, key_ring),
        *await _missing_keys(db, marks, key_ring),
        *(await _foreign_rows(db, marks, key_ring) if environment is Environment.PRODUCTION else ()),
    ]


async def remember(db: AsyncSession, *, environment: Environment, key_ring: KeyRing) -> None:
    """Record at a start without faults what is not recorded yet: all at the first, later a new key."""
    marks = {_ENVIRONMENT: environment.value.encode()}
    marks |= {_KEY + name: value for name, value in key_ring.check_values().items()}
    rows = [{"name": name, "value": value} for name, value in sorted(marks.items())]
    await db.execute(insert(InstallationMark).on_conflict_do_nothing(), rows)


def _foreign_environment(marks: dict[str, bytes], environment: Environment) -> list[str]:
    recorded = marks.get(_ENVIRONMENT, environment.value.encode()).decode()
    if recorded == environment.value:
        return []
    begun = f"GUAHAO_DATABASE_URL: this database was begun with GUAHAO_ENVIRONMENT={recorded}"
    return [f"{begun} and does not serve {environment.value}; use one of its own"]


def _other_keys(marks: dict[str, bytes], key_ring: KeyRing) -> list[str]:
    return [
        f"GUAHAO_KEYS_DIR: {name}.key is not the key of this database; put back its own"
        for name, value in sorted(key_ring.check_values().items())
        if not hmac.compare_digest(marks.get(_KEY + name, value), value)
    ]


async def _missing_keys(db: AsyncSession, marks: dict[str, bytes], key_ring: KeyRing) -> list[str]:
    """Name what the ring lacks: the newest key, which others seal with, and older ones that values need."""
    numbers = {int(name.removeprefix(_SEALING)) for name in marks if name.startswith(_SEALING)}
    missing = numbers - set(key_ring.sealing)
    if not missing:
        return []
    needed = {key for report in await count_by_key(db) for key in report.by_key} | {max(numbers)}
    return [
        f"GUAHAO_KEYS_DIR: sealing-{number}.key is missing, and this database has values that need it"
        for number in sorted(missing & needed)
    ]


async def _foreign_rows(db: AsyncSession, marks: dict[str, bytes], key_ring: KeyRing) -> list[str]:
    found = []
    if await may_rewrite_the_trail(db):
        found.append(
            "GUAHAO_DATABASE_URL: this role may change tables and the audit trail; serve with one that owns"
            " nothing, which guahao migrate makes fit with GUAHAO_OWNER_DATABASE_URL"
        )
    if await usernames_in_use(db, demo_usernames()):
        found.append(
            "GUAHAO_DATABASE_URL: the demo filled this database, its passwords are public; use an empty one"
        )
    has_keys = any(name.startswith(_KEY) for name in marks)
    if not has_keys and not await opens_what_is_sealed(db, key_ring):
        found.append("GUAHAO_KEYS_DIR: these keys do not open what is in this database; put back its own")
    return found
