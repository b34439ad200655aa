"""Faults by switch: what goes wrong next, at which provider, for which trade and how often."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import affected
from guahao.sandbox.models import FaultKind, SandboxFault, SandboxProvider

ANY = ""
"""In place of an order number: whichever comes next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A switch that is on; `times_left` None means until it is switched off."""

    provider: SandboxProvider
    kind: FaultKind
    out_trade_no: str
    times_left: int | None


async def switch_on(
    db: AsyncSession,
    *,
    provider: SandboxProvider,
    kind: FaultKind,
    out_trade_no: str = ANY,
    times: int | None = 1,
) -> None:
    """Let `kind` happen the next `times` times, or until it is switched off for None."""
    row = insert(SandboxFault).values(
        provider=provider, kind=kind, out_trade_no=out_trade_no, times_left=times
    )
    key = ["provider", "kind", "out_trade_no"]
    await db.execute(row.on_conflict_do_update(index_elements=key, set_={"times_left": times}))


async def switch_off(
    db: AsyncSession,
    *,
    provider: SandboxProvider | None = None,
    kind: FaultKind | None = None,
    out_trade_no: str | None = None,
) -> int:
    """Switch off what fits; without arguments everything. Answers how many were on."""
    gone = delete(SandboxFault)
    if provider is not None:
        gone = gone.where(SandboxFault.provider == provider)
    if kind is not None:
        gone = gone.where(SandboxFault.kind == kind)
    if out_trade_no is not None:
        gone = gone.where(SandboxFault.out_trade_no == out_trade_no)
    return affected(await db.execute(gone))


async def switched_on(db: AsyncSession) -> Sequence[Fault]:
    """List every switch that is on."""
    rows = await db.scalars(
        select(SandboxFault).order_by(SandboxFault.provider, SandboxFault.kind, SandboxFault.out_trade_no)
    )
    return [
        Fault(provider=row.provider, kind=row.kind, out_trade_no=row.out_trade_no, times_left=row.times_left)
        for row in rows
    ]


async def takes(
    db: AsyncSession, *, provider: SandboxProvider, kind: FaultKind, out_trade_no: str = ANY
) -> bool:
    """Tell whether `kind` happens now, and count it."""
    return kind in await taken(db, provider=provider, kinds=(kind,), out_trade_no=out_trade_no)


async def taken(
    db: AsyncSession, *, provider: SandboxProvider, kinds: Collection[FaultKind], out_trade_no: str = ANY
) -> frozenset[FaultKind]:
    """Tell which of `kinds` happen now, and count them; a switch for the very trade goes before one for any.

    The switches stay locked until the transaction ends, so that "once" happens once.
    """
    fitting = (
        select(SandboxFault.kind, SandboxFault.out_trade_no, SandboxFault.times_left)
        .where(
            SandboxFault.provider == provider,
            SandboxFault.kind.in_(kinds),
            SandboxFault.out_trade_no.in_({ANY, out_trade_no}),
        )
        .order_by(SandboxFault.kind, SandboxFault.out_trade_no)
        .with_for_update()
    )
    chosen = {
        row.kind: row for row in (await db.execute(fitting)).all()
    }  # the last: not ANY, if there are two
    for kind, row in chosen.items():
        this = (
            SandboxFault.provider == provider,
            SandboxFault.kind == kind,
            SandboxFault.out_trade_no == row.out_trade_no,
        )
        if row.times_left == 1:
            await db.execute(delete(SandboxFault).where(*this))
        elif row.times_left is not None:
            await db.execute(update(SandboxFault).where(*this).values(times_left=row.times_left - 1))
    return frozenset(chosen)
