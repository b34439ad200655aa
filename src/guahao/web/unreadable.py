"""Telling of sealed values that do not open: the auditor and whoever runs the product must see them."""

from __future__ import annotations

from starlette.datastructures import State

from guahao.audit.service import AuditEntry, record
from guahao.kernel.crypto import KeyRing, Place
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.log import logger


async def tell_broken(sessions: Sessions, *places: Place) -> None:
    """Write into the trail which values were changed or moved behind our back."""
    entries = [
        AuditEntry(
            hospital_id=place.hospital_id,
            actor="system",
            action="seal.broken",
            subject=f"{place.field}:{place.row}",
        )
        for place in places
    ]
    async with transaction(sessions) as db:
        await record(db, *entries)


async def tell_unreadable(state: State) -> None:
    """Tell of what a screen or a file showed as unreadable since the last call; the log names the first."""
    keys: KeyRing = state.key_ring
    places = keys.take_untold()
    if not places:
        return
    first = places[0]
    logger().error("seal-broken", count=len(places), where=first.field, id=str(first.row))
    await tell_broken(state.sessions, *places)
