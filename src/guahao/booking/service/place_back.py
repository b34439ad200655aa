"""The one way in which a place leaves its person, whatever ended the appointment."""

from __future__ import annotations

import random

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking import policy
from guahao.booking.models import Appointment
from guahao.catalog.queries import rules_of
from guahao.scheduling.queries.facts import SlotFacts
from guahao.scheduling.queries.states import Bucket
from guahao.scheduling.service.giving_back import given_back
from guahao.scheduling.service.places import Move


async def place_back(
    db: AsyncSession, appointment: Appointment, slot: SlotFacts, *, source: Bucket, reason: str
) -> Move:
    """Answer the move that gives the place back; the caller makes it with its other moves, last.

    A scarce doctor's place cools, paid or not, so that nobody can end a hold to hand it to the next.
    """
    rule_set = await rules_of(db, hospital_id=appointment.hospital_id, now=slot.now)
    return await given_back(
        db,
        slot=slot,
        source=source,
        cools_until=policy.cools_until(
            rule_set.rules,
            level=slot.level,
            starts_at=slot.starts_at,
            now=slot.now,
            chance=random.SystemRandom().random(),
        ),
        reason=reason,
        appointment_id=appointment.id,
    )
