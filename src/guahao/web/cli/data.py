"""Commands on data: migrate, import, export."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Hospital
from guahao.kernel.db import Sessions, make_engine, make_sessions, transaction
from guahao.kernel.settings import Settings
from guahao.web import configuration
from guahao.web.cli.console import Refused, err, out, progress_bar
from guahao.web.cli.run import require_migrated
from guahao.web.migrate import upgrade_async
from guahao.web.roles import NoSuchRole, let_serve
from guahao.web.workbook.account import SheetAccount
from guahao.web.workbook.current import current_workbook
from guahao.web.workbook.load import load_workbook
from guahao.web.workbook.report import Choice, ImportReport
from guahao.web.workbook.template import write_template
from guahao.web.workbook.write import write_workbook


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Sessions]:
    """Open the migrated database for one command."""
    await require_migrated(settings)
    assert settings.database_url is not None
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=2)
    try:
        yield make_sessions(engine)
    finally:
        await engine.dispose()


async def select_hospital(db: AsyncSession, code: str) -> int:
    """Find a hospital by its code. Raises `Refused`."""
    found: int | None = await db.scalar(select(Hospital.id).where(Hospital.code == code))
    if found is None:
        message = f"there is no hospital with the code {code}"
        raise Refused(message)
    return found


def migrate() -> None:
    """Bring the database to this program's newest revision; harmless to repeat.

    With GUAHAO_OWNER_DATABASE_URL that role does it, and the one of GUAHAO_DATABASE_URL may then serve.
    """
    with configuration.database(configuration.load()) as (settings, _):
        bring_to_head(settings)


def bring_to_head(settings: Settings) -> None:
    """Migrate, and let the serving role serve where the tables have another owner. Raises `Refused`."""
    assert settings.database_url is not None
    serving = settings.database_url.get_secret_value()
    owner = settings.owner_database_url.get_secret_value() if settings.owner_database_url else serving
    revision = asyncio.run(upgrade_async(owner))
    err.print(f"The database is at revision {revision}.")
    if owner != serving:
        try:
            role = asyncio.run(let_serve(owner, serving))
        except NoSuchRole as error:
            raise Refused(str(error)) from None
        err.print(
            f"The role {role} may serve, and neither change tables nor rewrite the trail.", markup=False
        )


def import_(
    path: Annotated[Path, typer.Argument(exists=True, help="An .xlsx workbook, or a folder of .csv files.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what would happen.")] = False,  # noqa: FBT002
    good_rows: Annotated[  # noqa: FBT002
        bool, typer.Option("--good-rows", help="Leave out rows with faults; at most one row in ten.")
    ] = False,
    confirm: Annotated[
        str | None, typer.Option(help="What a dry run printed: import although sessions are closed.")
    ] = None,
) -> None:
    """Import hospitals, departments, doctors, fees and schedules: all of it or, with any fault, nothing."""
    choice = Choice.GOOD_ROWS if good_rows else Choice.ALL
    with configuration.database(configuration.load()) as (settings, _):
        report = asyncio.run(_import(settings, path, dry_run=dry_run, choice=choice, confirm=confirm))
    for count in report.counts:
        out.print(f"{count.title}: +{count.created} ~{count.updated} ={count.unchanged}", markup=False)
    for account in report.accounts:
        out.print(_account_line(account), markup=False)
    for line in (*report.remarks, *report.faults, *report.touched, *report.touching_rows):
        err.print(str(line), markup=False)
    if report.confirm is not None:
        err.print(f"--confirm {report.confirm}", markup=False)
    if report.is_refused:
        message = f"{len(report.faults)} faults, nothing was imported"
        raise Refused(message)
    if report.faults:
        err.print(f"{len(report.faults)} faults, the rows with faults were left out.")


def _account_line(account: SheetAccount) -> str:
    skipped = "".join(f", {count} {reason}" for reason, count in account.skipped.items())
    return (
        f"{account.name}: {account.seen} rows seen, {account.read} read, {account.refused} refused{skipped}"
    )


async def _import(
    settings: Settings, path: Path, *, dry_run: bool, choice: Choice, confirm: str | None
) -> ImportReport:
    async with opened(settings) as sessions:
        with progress_bar() as progress:
            return await load_workbook(
                sessions, path, dry_run=dry_run, choice=choice, confirm=confirm, progress=progress
            )


def export(
    path: Annotated[Path, typer.Argument(help="The .xlsx file to write.")],
    hospital: Annotated[
        list[str] | None, typer.Option(help="Code of a hospital; all when not given.")
    ] = None,
    template: Annotated[bool, typer.Option("--template", help="Write the empty template.")] = False,  # noqa: FBT002
) -> None:
    """Write hospitals into a workbook that `import` reads back, or the empty template."""
    if path.suffix.lower() != ".xlsx":
        raise typer.BadParameter("the name must end with .xlsx", param_hint="PATH")
    if template:
        write_template(path)
    else:
        with configuration.database(configuration.load()) as (settings, _):
            asyncio.run(_export(settings, path, hospital))
    err.print(f"Wrote {path}.", markup=False)


async def _export(settings: Settings, path: Path, codes: list[str] | None) -> None:
    async with opened(settings) as sessions, transaction(sessions) as db:
        content = await current_workbook(db, codes=codes)
    await asyncio.to_thread(write_workbook, path, content)
