"""The first administrator of a new installation, made by whoever can read the machine's setup code."""

from __future__ import annotations

import hmac
import os
from contextlib import suppress
from pathlib import Path

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.staff import Staff
from guahao.identity.policy.code import INVITATION_GROUPS, new_code, plain_code
from guahao.identity.policy.permission import Role
from guahao.identity.service.staff import NewMember, create_staff
from guahao.kernel.errors import Problem

_ONE_AT_A_TIME = 5_602_117
"""Advisory lock number: of two first administrators at once, one is too late."""


class SetupDone(Problem):
    """The installation has staff; whoever needs an account asks an administrator."""

    code = "setup-done"
    status = 409


class SetupCodeWrong(Problem):
    """The setup code is not the one that the server printed and keeps in its data folder."""

    code = "setup-code-wrong"
    status = 409


def setup_file(data_dir: Path) -> Path:
    """Where the setup code lies until the first administrator exists."""
    return data_dir / "setup-code"


def setup_code(file: Path) -> str:
    """The setup code; empty when none was offered or the setup is over, perhaps at this very moment."""
    try:
        return file.read_text("ascii").strip()
    except FileNotFoundError:
        return ""


async def needs_first_admin(db: AsyncSession) -> bool:
    """Whether nobody works here yet."""
    return not await db.scalar(select(exists().select_from(Staff)))


def offer_setup(file: Path) -> str:
    """Answer the setup code, making it at the first start; nobody but this machine's user can read it."""
    with suppress(FileExistsError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(f"{new_code(INVITATION_GROUPS)}\n")
    return setup_code(file)


async def make_first_admin(
    db: AsyncSession, *, expected: str, code: str, username: str, password_hash: str, name: str
) -> None:
    """Make the platform's first administrator, given the `expected` code and the typed one.

    Raises `SetupDone`, `SetupCodeWrong`.
    """
    await db.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    if not await needs_first_admin(db):
        raise SetupDone
    if not expected or not hmac.compare_digest(plain_code(code).encode(), plain_code(expected).encode()):
        raise SetupCodeWrong
    new = NewMember(hospital_id=None, username=username, name=name, roles=[Role.PLATFORM_ADMIN])
    admin = await create_staff(db, actor="system", new=new)
    admin.password_hash = password_hash
    await db.flush()


def end_setup(file: Path) -> None:
    """Remove the setup code, which opens nothing any more."""
    file.unlink(missing_ok=True)
