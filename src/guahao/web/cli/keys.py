"""Commands on keys: seal everything anew with the newest one."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

import typer

from guahao.audit.service import AuditEntry, record
from guahao.kernel.db import transaction
from guahao.kernel.reseal import ResealReport, count_by_key
from guahao.kernel.reseal import reseal as seal_anew
from guahao.kernel.settings import Settings
from guahao.web import configuration, wiring
from guahao.web.cli.console import Refused, err, out, progress_bar
from guahao.web.cli.data import opened


def reseal(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what each key has sealed.")] = False,  # noqa: FBT002
) -> None:
    """Seal anew with the newest sealing key what older ones have sealed; the product may run meanwhile."""
    with configuration.database(configuration.load()) as (settings, _):
        reports = asyncio.run(_reseal(settings, dry_run=dry_run))
    for report in reports:
        by_key = ", ".join(f"{count} by sealing-{key}.key" for key, count in sorted(report.by_key.items()))
        out.print(f"{report.column}: {report.resealed} sealed anew; {by_key or 'empty'}")
    broken = [f"{report.column} of {row}" for report in reports for row in report.broken]
    if broken:
        message = f"{len(broken)} values do not open and were left as they are: {', '.join(broken)}"
        raise Refused(message)
    _tell_idle_keys(settings, reports)


async def _reseal(settings: Settings, *, dry_run: bool) -> list[ResealReport]:
    key_ring = wiring.key_ring_of(settings)
    async with opened(settings) as sessions:
        if dry_run:
            async with transaction(sessions) as db:
                return await count_by_key(db)
        with progress_bar() as progress:
            reports = await seal_anew(sessions, key_ring=key_ring, progress=progress)
        data = {report.column: report.resealed for report in reports if report.resealed}
        if data:
            subject = f"key:sealing-{key_ring.newest}"
            async with transaction(sessions) as db:
                await record(db, AuditEntry(actor="system", action="key.reseal", subject=subject, data=data))
        return reports


def _tell_idle_keys(settings: Settings, reports: list[ResealReport]) -> None:
    """Name the older keys that no sealed column needs any more."""
    key_ring = wiring.key_ring_of(settings)
    used = sum((report.by_key for report in reports), Counter())
    for key in sorted(set(key_ring.sealing) - {key_ring.newest} - set(used)):
        err.print(f"No column needs sealing-{key}.key any more; answers kept for repeats do for 48 hours.")
