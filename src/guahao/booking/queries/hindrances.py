"""What keeps an account from being closed: visits to come, and money that is not settled."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState
from guahao.identity.ports.closing import Hindrance
from guahao.kernel.i18n import text
from guahao.payment.queries.unsettled import unsettled_of


async def hindrances(db: AsyncSession, *, account_id: UUID) -> Sequence[Hindrance]:
    """List what has to be settled first; bookings made meanwhile are seen by whoever locks their persons.

    A booked visit stands until it is over; one that is held or suspended stands until somebody decides.
    """
    mine = select(Appointment.order_id).where(Appointment.account_id == account_id)
    undecided = Appointment.state.in_((AppointmentState.HELD, AppointmentState.SUSPENDED))
    to_come = (Appointment.state == AppointmentState.BOOKED) & (Appointment.ends_at > func.clock_timestamp())
    standing = (await db.scalars(mine.where(or_(undecided, to_come)))).all()
    orders = set((await db.scalars(mine)).all())
    unsettled = await unsettled_of(db, orders - set(standing))
    counts = {
        "appointments": len(standing),
        "payments": unsettled.payments,
        "refunds": unsettled.refunds,
        "cases": unsettled.cases,
    }
    return [
        Hindrance(kind=kind, text=text(f"closure.{kind}", count=count))
        for kind, count in counts.items()
        if count > 0
    ]
