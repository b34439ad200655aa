"""Timers of scheduling."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.jobs import Job
from guahao.kernel.log import logger
from guahao.scheduling.queries.law import broken_slots
from guahao.scheduling.service.materialise import materialise_due
from guahao.scheduling.service.returns import finish_sessions, release_cooling, return_reserves


async def check_place_law(db: AsyncSession) -> int:
    """Compare every slot with its log; a difference is a defect somebody must look at now."""
    broken = await broken_slots(db)
    if broken:
        logger().error("place-law-broken", count=len(broken))
    return 0


JOBS = (
    Job(name="scheduling.materialise", every=timedelta(seconds=10), run=materialise_due),
    Job(name="scheduling.return_reserves", every=timedelta(seconds=20), run=return_reserves),
    Job(name="scheduling.release_cooling", every=timedelta(seconds=5), run=release_cooling),
    Job(name="scheduling.finish_sessions", every=timedelta(seconds=30), run=finish_sessions),
    Job(name="scheduling.check_place_law", every=timedelta(hours=1), run=check_place_law),
)
