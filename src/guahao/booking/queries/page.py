"""What only an appointment's own page shows: its history, and what to bring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import ENDED, Appointment
from guahao.booking.queries.events import events_of
from guahao.booking.queries.screen import AppointmentView
from guahao.booking.queries.timeline import AppointmentHistory, Moment, timeline_of
from guahao.catalog.queries import Rules, rules_of_version
from guahao.identity.queries.patients import ShownDocument, document_of
from guahao.kernel.clock import CHINA
from guahao.kernel.i18n import text
from guahao.payment.queries.progress import refunds_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentPage:
    """The history, oldest first, and sentences of what to bring; none once the appointment ended."""

    timeline: tuple[Moment, ...]
    bring: tuple[str, ...]


async def page_of(db: AsyncSession, view: AppointmentView) -> AppointmentPage:
    """Read what is shown of one appointment besides its view."""
    row = view.appointment
    history = AppointmentHistory(
        appointment=row,
        events=await events_of(db, row),
        order=view.order,
        paid_by=view.kept.channel if view.kept is not None else None,
        refunds=await refunds_of(db, view.order),
    )
    return AppointmentPage(timeline=tuple(timeline_of(history)), bring=await _bring(db, row))


async def _bring(db: AsyncSession, row: Appointment) -> tuple[str, ...]:
    if row.state in ENDED:
        return ()
    booked_under = await rules_of_version(db, hospital_id=row.hospital_id, version=row.rule_version)
    document = await document_of(db, patient_id=row.patient_id)
    return tuple(what_to_bring(row, document=document, rules=booked_under.rules))


def what_to_bring(row: Appointment, *, document: ShownDocument, rules: Rules) -> list[str]:
    """What the patient brings and when check-in opens, by the document and the rules of the booking."""
    opens_at = row.starts_at - timedelta(minutes=rules.check_in_opens_min)
    keys = [document.kind.value]
    if document.is_minor_on(row.date):
        keys.append("guardian")
    return [
        *(text(f"bring.{key}") for key in (*keys, "insurance", "history")),
        text(
            "bring.check-in",
            opens=f"{opens_at.astimezone(CHINA):%H:%M}",
            starts=f"{row.starts_at.astimezone(CHINA):%H:%M}",
        ),
    ]
