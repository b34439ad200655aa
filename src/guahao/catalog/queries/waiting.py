"""What of the catalogue waits for somebody."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import FeeChange, FeeChangeState, Hospital, HospitalState


def fee_changes_waiting(hospital_id: int) -> Select[int, datetime | None]:
    """How many prices of a hospital wait for a second person, and since when."""
    return select(func.count(), func.min(FeeChange.proposed_at)).where(
        FeeChange.hospital_id == hospital_id, FeeChange.state == FeeChangeState.PROPOSED
    )


async def open_hospitals(db: AsyncSession) -> dict[int, str]:
    """The names of the hospitals that patients can see."""
    rows = await db.execute(
        select(Hospital.id, Hospital.name).where(Hospital.state == HospitalState.OPEN).order_by(Hospital.id)
    )
    return {row.id: row.name for row in rows}
