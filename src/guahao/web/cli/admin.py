"""Commands for whoever runs an installation: staff accounts, the audit trail."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

import typer

from guahao.audit.queries import Verification, read_anchors, verify
from guahao.identity.models.staff import Staff
from guahao.identity.policy.login import is_weak_password
from guahao.identity.policy.permission import Role
from guahao.identity.service.password import hash_password
from guahao.identity.service.staff import create_staff as make_staff
from guahao.kernel.db import transaction
from guahao.kernel.errors import Problem
from guahao.kernel.settings import Settings
from guahao.web import configuration, wiring
from guahao.web.cli.console import Refused, err, out
from guahao.web.cli.data import opened, select_hospital

admin = typer.Typer(help="Accounts of staff.", no_args_is_help=True)
audit = typer.Typer(help="The audit trail.", no_args_is_help=True)
_PASSWORD_MIN = 8


@admin.callback()
def _admin() -> None:
    """Accounts of staff."""


@audit.callback()
def _audit() -> None:
    """The audit trail."""


@admin.command("create-staff")
def create_staff(
    username: Annotated[str, typer.Argument(help="Name to log in with.")],
    name: Annotated[str, typer.Option(help="The person's name.")],
    role: Annotated[list[Role], typer.Option(help="A role; may be given several times.")],
    hospital: Annotated[
        str | None, typer.Option(help="Code of the hospital; the platform's when not given.")
    ] = None,
) -> None:
    """Create a member of staff; the password is asked, or read from standard input."""
    password = _read_password()
    if is_weak_password(password, username=username) or len(password) < _PASSWORD_MIN:
        message = "the password is too short or too common; take 8 characters or more that nobody guesses"
        raise Refused(message)
    with configuration.database(configuration.load()) as (settings, _):
        make = partial(
            make_staff,
            actor="system",
            username=username,
            password_hash=asyncio.run(hash_password(password)),
            name=name,
            roles=role,
        )
        out.print(asyncio.run(_create_staff(settings, make, hospital)))


def _read_password() -> str:
    if sys.stdin.isatty():
        password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return password
    return sys.stdin.readline().rstrip("\n")


async def _create_staff(
    settings: Settings, make: Callable[..., Awaitable[Staff]], hospital: str | None
) -> str:
    async with opened(settings) as sessions, transaction(sessions) as db:
        hospital_id = None if hospital is None else await select_hospital(db, hospital)
        try:
            return str((await make(db, hospital_id=hospital_id)).id)
        except Problem as problem:
            message = f"{problem.code}: {problem.title}"
            raise Refused(message) from problem


@audit.command("verify")
def verify_trail(
    hospital: Annotated[str | None, typer.Option(help="Code of one hospital; all when not given.")] = None,
) -> None:
    """Recompute the hash chains; exit 1 and name the first bad row of each when something was changed."""
    with configuration.database(configuration.load()) as (settings, _):
        found = asyncio.run(_verify(settings, hospital))
    for one in found:
        state = (
            "intact"
            if one.bad is None
            else f"BROKEN: {one.bad.damage.value} at {one.bad.seq} {one.bad.entry_id}"
        )
        out.print(f"hospital {one.hospital_id}: {one.links} chained, {one.waiting} waiting, {state}")
    if any(one.bad is not None for one in found):
        message = "the audit trail was changed"
        raise Refused(message)
    err.print("The audit trail is intact.")


async def _verify(settings: Settings, hospital: str | None) -> list[Verification]:
    key = wiring.key_ring_of(settings).audit
    anchors = read_anchors(wiring.anchors_file(settings))
    async with opened(settings) as sessions, transaction(sessions) as db:
        hospital_id = None if hospital is None else await select_hospital(db, hospital)
        return await verify(db, key=key, anchors=anchors, hospital_id=hospital_id)
