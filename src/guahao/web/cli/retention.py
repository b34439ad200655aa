"""The command that forgets what has had its time, as the daily job does."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from guahao.booking.service.retention import count_due, forget_due
from guahao.kernel.clock import utc_now
from guahao.kernel.db import transaction
from guahao.kernel.settings import Settings
from guahao.web import configuration, wiring
from guahao.web.cli.console import out
from guahao.web.cli.data import opened


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what has had its time.")] = False,  # noqa: FBT002  # a flag
) -> None:
    """Forget what has had its time, by the hospitals' rules and the data map; a worker does it daily."""
    with configuration.database(configuration.load()) as (settings, _):
        counts = asyncio.run(_retain(settings, dry_run=dry_run))
    for name, count in counts.items():
        out.print(f"{name}: {count} {'due' if dry_run else 'forgotten'}")
    out.print("audit_entry: kept for good, the trail is never cut")


async def _retain(settings: Settings, *, dry_run: bool) -> dict[str, int]:
    key_ring = wiring.key_ring_of(settings)
    async with opened(settings) as sessions:
        if not dry_run:
            return await forget_due(sessions, key_ring=key_ring, now=utc_now())
        async with transaction(sessions) as db:
            return await count_due(db, key_ring=key_ring, now=utc_now())
