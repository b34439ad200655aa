"""The file of one appointment for staff: the person, what happened, money, messages, what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.queries import deeds
from guahao.booking.models import Appointment, BookingBlock, CreditEvent
from guahao.booking.queries.deeds import StaffDeed, Standing, staff_deeds
from guahao.booking.queries.events import events_of
from guahao.booking.queries.screen import AppointmentView, views
from guahao.booking.queries.staff_timeline import REVEAL, StaffHistory, Step, actor_name, steps_of
from guahao.catalog.queries import rules_of_version
from guahao.identity.queries.actors import actor_names
from guahao.identity.queries.people import ShownPatient, patient_shown
from guahao.kernel.crypto import KeyRing
from guahao.notification.queries import Notice, notices_of
from guahao.payment.queries.staff import OrderFile, order_file


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentFile:
    """Everything about one appointment; `moved_to` is the one that took its place."""

    view: AppointmentView
    patient: ShownPatient
    steps: Sequence[Step]
    names: Mapping[str, str]
    money: OrderFile
    notices: Sequence[Notice]
    credit: CreditEvent | None
    blocks: Sequence[BookingBlock]
    deeds: Sequence[StaffDeed]
    moved_to: UUID | None

    def named(self, actor: str) -> str:
        """How an audit actor is called."""
        return actor_name(actor, self.names)


async def file_of(db: AsyncSession, row: Appointment, *, key_ring: KeyRing) -> AppointmentFile:
    """Read the file of an appointment."""
    view = (await views(db, [row], key_ring=key_ring))[0]
    money = await order_file(db, order_id=row.order_id)
    credit = await db.get(CreditEvent, (row.hospital_id, row.id), populate_existing=True)
    steps = steps_of(await _history(db, row, money, credit))
    actors = {step.actor for step in steps}
    if credit is not None and credit.voided_by is not None:
        actors.add(credit.voided_by)
    booked_under = await rules_of_version(db, hospital_id=row.hospital_id, version=row.rule_version)
    return AppointmentFile(
        view=view,
        patient=await patient_shown(db, patient_id=row.patient_id, key_ring=key_ring),
        steps=steps,
        names=await actor_names(db, actors),
        money=money,
        notices=await notices_of(db, hospital_id=row.hospital_id, subject=f"appointment:{row.id}"),
        credit=credit,
        blocks=await _blocks(db, row),
        deeds=staff_deeds(
            Standing(
                appointment=row,
                order=view.order,
                kept=view.kept,
                credit=credit,
                rules=booked_under.rules,
                now=view.slot.now,
            )
        ),
        moved_to=await _moved_to(db, row),
    )


async def _history(
    db: AsyncSession, row: Appointment, money: OrderFile, credit: CreditEvent | None
) -> StaffHistory:
    return StaffHistory(
        appointment=row,
        events=await events_of(db, row),
        money=money,
        credit=credit,
        reveals=await deeds(
            db, hospital_id=row.hospital_id, subjects=[f"appointment:{row.id}"], action=REVEAL
        ),
    )


async def _blocks(db: AsyncSession, row: Appointment) -> Sequence[BookingBlock]:
    """The pauses of the person that are running at this hospital."""
    rows = await db.scalars(
        select(BookingBlock)
        .where(
            BookingBlock.hospital_id == row.hospital_id,
            BookingBlock.person_id == row.person_id,
            BookingBlock.lifted_at.is_(None),
            BookingBlock.ends_at > func.now(),
        )
        .order_by(BookingBlock.ends_at)
    )
    return rows.all()


async def _moved_to(db: AsyncSession, row: Appointment) -> UUID | None:
    """The appointment that took this one's place, by the person's index."""
    moved_to: UUID | None = await db.scalar(
        select(Appointment.id).where(
            Appointment.person_id == row.person_id,
            Appointment.hospital_id == row.hospital_id,
            Appointment.rescheduled_from == row.id,
        )
    )
    return moved_to
