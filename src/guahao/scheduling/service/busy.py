"""Naming the session that is in the way of another."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.errors import Problem
from guahao.scheduling.policy.change import clash_extra
from guahao.scheduling.policy.refusals import DoctorBusy, RoomBusy
from guahao.scheduling.policy.sight import Neighbour
from guahao.scheduling.queries.seen import doctors_seen, neighbour_in_the_way


async def busy_naming(db: AsyncSession, wanted: Neighbour, *, hospital_id: int) -> Problem | None:
    """The refusal that names the session in the way, None when nothing is."""
    other = await neighbour_in_the_way(db, wanted, hospital_id=hospital_id)
    if other is None:
        return None
    extra = clash_extra(other, await doctors_seen(db, [other.doctor_id]))
    return DoctorBusy(**extra) if other.doctor_id == wanted.doctor_id else RoomBusy(**extra)
