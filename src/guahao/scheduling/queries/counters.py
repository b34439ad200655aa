"""Counters of slots, for checks that compare them with what they count."""

from __future__ import annotations

from sqlalchemy import Subquery, func, select

from guahao.scheduling.models import Slot


def slot_counters() -> Subquery:
    """Held and booked places of every slot that is not over: hospital_id, slot_id, held, booked."""
    return (
        select(Slot.hospital_id, Slot.id.label("slot_id"), Slot.held, Slot.booked)
        .where(Slot.ends_at > func.now())
        .subquery("counters")
    )
