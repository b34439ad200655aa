"""Commands for whoever runs an installation: staff accounts, the audit trail."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from guahao.audit.queries import Verification, all_entries, read_anchors, verify
from guahao.identity.policy.permission import Role
from guahao.identity.service.invitations import Invitation, invite
from guahao.identity.service.staff import NewMember
from guahao.identity.service.staff import create_staff as make_staff
from guahao.kernel.clock import utc_now
from guahao.kernel.db import read_in_parts, transaction
from guahao.kernel.errors import Problem
from guahao.kernel.settings import Settings
from guahao.web import configuration, wiring
from guahao.web.cli.console import Refused, err, out
from guahao.web.cli.data import opened, select_hospital

admin = typer.Typer(help="Accounts of staff.", no_args_is_help=True)
audit = typer.Typer(help="The audit trail.", no_args_is_help=True)


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
    """Create a member of staff and print the invitation by which they choose a password.

    Who can run this has the machine: it is how an installation gets its second administrator.
    """
    with configuration.database(configuration.load()) as (settings, _):
        member, invitation = asyncio.run(
            _create_staff(settings, username=username, name=name, roles=role, hospital=hospital)
        )
        out.print(member)
        out.print(invitation.code)
    err.print(f"The invitation is good for one use, until {invitation.expires_at:%Y-%m-%d %H:%M} UTC.")


async def _create_staff(
    settings: Settings, *, username: str, name: str, roles: list[Role], hospital: str | None
) -> tuple[str, Invitation]:
    key_ring = wiring.key_ring_of(settings)
    async with opened(settings) as sessions, transaction(sessions) as db:
        new = NewMember(
            hospital_id=None if hospital is None else await select_hospital(db, hospital),
            username=username,
            name=name,
            roles=roles,
        )
        try:
            member = await make_staff(db, actor="system", new=new)
        except Problem as problem:
            message = f"{problem.code}: {problem.title}"
            raise Refused(message) from problem
        invitation = await invite(db, staff=member, actor="system", key_ring=key_ring, now=utc_now())
        return str(member.id), invitation


@audit.command("verify")
def verify_trail(
    hospital: Annotated[str | None, typer.Option(help="Code of one hospital; all when not given.")] = None,
) -> None:
    """Recompute the hash chains; exit 1 and name the first bad row of each when something was changed.

    "Intact" is said of what an anchor outside the database vouches for, and of nothing else.
    """
    with configuration.database(configuration.load()) as (settings, _):
        found = asyncio.run(_verify(settings, hospital))
    for one in found:
        out.print(f"hospital {one.hospital_id}: {one.links} chained, {one.waiting} waiting, {_state(one)}")
    if any(one.bad is not None for one in found):
        message = "the audit trail was changed"
        raise Refused(message)
    if all(one.is_intact for one in found):
        err.print("The audit trail is intact.")
    else:
        err.print("Nothing is broken; for what is not anchored yet, nobody outside the database vouches.")


def _state(one: Verification) -> str:
    if one.bad is not None:
        return f"BROKEN: {one.bad.damage.value} at {one.bad.seq} {one.bad.entry_id}"
    if one.unanchored_since is None:
        return "intact"
    since = one.unanchored_since.isoformat(timespec="seconds")
    return (
        f"intact up to {one.anchored}, unanchored since {since}"
        if one.anchored
        else f"unanchored since {since}"
    )


@audit.command("export")
def export_trail(
    path: Annotated[Path, typer.Argument(help="The file to write: one JSON object a line.")],
    starts_at: Annotated[datetime | None, typer.Option("--from", help="First moment, UTC.")] = None,
    ends_at: Annotated[datetime | None, typer.Option("--to", help="First moment after it, UTC.")] = None,
) -> None:
    """Write the entries of all hospitals with their links, as data that another system can keep."""
    with configuration.database(configuration.load()) as (settings, _):
        count = asyncio.run(_export(settings, path, _utc(starts_at), _utc(ends_at)))
    err.print(f"Wrote {count} entries into {path}.", markup=False)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


async def _export(
    settings: Settings, path: Path, starts_at: datetime | None, ends_at: datetime | None
) -> int:
    count = 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out_file:
        async with opened(settings) as sessions, transaction(sessions) as db:
            statement = all_entries(starts_at=starts_at, ends_at=ends_at)
            async for rows in read_in_parts(db, statement):
                lines = [msgspec.json.encode(row._asdict()) + b"\n" for row in rows]
                out_file.writelines(lines)
                count += len(lines)
    return count


async def _verify(settings: Settings, hospital: str | None) -> list[Verification]:
    key = wiring.key_ring_of(settings).audit
    anchors = read_anchors(wiring.anchors_file(settings))
    async with opened(settings) as sessions, transaction(sessions) as db:
        hospital_id = None if hospital is None else await select_hospital(db, hospital)
        return await verify(db, key=key, anchors=anchors, hospital_id=hospital_id)
