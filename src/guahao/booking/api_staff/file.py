"""Routes on which staff read everything about one appointment, and one personal value in full."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from guahao.audit.service import AuditEntry, record
from guahao.booking import policy
from guahao.booking.api_patient.schemas import AppointmentOut
from guahao.booking.api_staff.access import Viewer, own_doctor
from guahao.booking.api_staff.blocks import BlockOut
from guahao.booking.models import AppointmentState, CreditKind
from guahao.booking.queries.deeds import DeedName
from guahao.booking.queries.file import AppointmentFile, file_of
from guahao.booking.queries.lists import appointment_of_hospital
from guahao.booking.queries.screen import views
from guahao.booking.service.check_in import check_in_code
from guahao.booking.service.reschedule import AppointmentNotPaid
from guahao.booking.service.transition import AppointmentEnded
from guahao.identity.access import NotLoggedIn, PermissionMissing
from guahao.identity.queries.people import DocumentType, PatientValue, enrolled_at, opened_value
from guahao.identity.service.person_quota import PersonQuotaSpent, Quota, QuotaKind, spend_quota
from guahao.kernel.clock import age_on
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AppSettings, Body, Db, Keys, Now, problems
from guahao.kernel.i18n import text
from guahao.kernel.ids import parse_id
from guahao.kernel.qr import qr_image
from guahao.kernel.sex import Sex
from guahao.kernel.value.fields import reason_text
from guahao.notification.queries import NoticeKind, NoticeState
from guahao.payment.queries import Channel, OrderState
from guahao.payment.queries.progress import Stage, stage_of
from guahao.payment.queries.way_back import money_back_text

router = APIRouter(prefix="/appointments/{appointment_id}")

_PROBLEMS = problems(NotLoggedIn, PermissionMissing, NotFound)


class PatientPart(BaseModel):
    """Whom it is for; name, phone and number are masked."""

    id: str
    person_id: str
    name: str
    phone: str | None
    document_type: DocumentType
    document_number: str
    birth_date: date
    age_years: int
    sex: Sex
    is_verified: bool


class StepPart(BaseModel):
    """One thing that happened: who did it, why, and what it led from and to."""

    at: datetime
    action: str
    text: str
    who: str
    reason: str | None
    before: AppointmentState | None
    after: AppointmentState | None


class PaymentPart(BaseModel):
    """One try to pay."""

    id: str
    channel: Channel
    channel_text: str
    state: str
    amount_fen: int
    paid_at: datetime | None
    created_at: datetime


class RefundPart(BaseModel):
    """Money on its way back."""

    id: str
    amount_fen: int
    stage: Stage
    stage_text: str
    requested_at: datetime
    arrived_at: datetime | None


class MoneyPart(BaseModel):
    """The order with its payments and refunds."""

    order_id: str
    state: OrderState
    amount_fen: int
    payable_fen: int
    paid_at: datetime | None
    payments: list[PaymentPart]
    refunds: list[RefundPart]


class NoticePart(BaseModel):
    """A message owed to the person; delivery comes with its channels."""

    kind: NoticeKind
    kind_text: str
    state: NoticeState
    due_at: datetime
    created_at: datetime


class CreditPart(BaseModel):
    """What counts against the person because of this appointment, or counted until it was excused."""

    kind: CreditKind
    occurred_at: datetime
    voided_at: datetime | None
    voided_by: str | None
    void_reason: str | None


class DeedPart(BaseModel):
    """What can be done; `text` says what it costs, or why it cannot be done."""

    name: DeedName
    is_allowed: bool
    text: str


class FileOut(BaseModel):
    """Everything about one appointment; `moved_to` is the appointment that took its place."""

    appointment: AppointmentOut
    patient: PatientPart
    session_id: str
    timeline: list[StepPart]
    money: MoneyPart
    notices: list[NoticePart]
    credit: CreditPart | None
    blocks: list[BlockOut]
    deeds: list[DeedPart]
    moved_to: str | None

    @classmethod
    def of(cls, file: AppointmentFile) -> FileOut:
        """Show a file."""
        row = file.view.appointment
        return cls(
            appointment=AppointmentOut.of(file.view),
            patient=_patient(file),
            session_id=str(row.session_id),
            timeline=_timeline(file),
            money=_money(file),
            notices=_notices(file),
            credit=_credit(file),
            blocks=[BlockOut.of(block) for block in file.blocks],
            deeds=[DeedPart(name=one.name, is_allowed=one.is_allowed, text=one.text) for one in file.deeds],
            moved_to=str(file.moved_to) if file.moved_to else None,
        )


def _patient(file: AppointmentFile) -> PatientPart:
    shown, day = file.patient, file.view.appointment.date
    return PatientPart(
        id=str(shown.patient_id),
        person_id=str(shown.person_id),
        name=shown.name,
        phone=shown.phone,
        document_type=shown.document_type,
        document_number=shown.document_number,
        birth_date=shown.birth_date,
        age_years=age_on(day, birth_date=shown.birth_date),
        sex=shown.sex,
        is_verified=shown.is_verified,
    )


def _timeline(file: AppointmentFile) -> list[StepPart]:
    return [
        StepPart(
            at=step.at,
            action=step.action,
            text=step.text,
            who=file.named(step.actor),
            reason=step.reason,
            before=step.before,
            after=step.after,
        )
        for step in file.steps
    ]


def _money(file: AppointmentFile) -> MoneyPart:
    order = file.money.order
    payments = [
        PaymentPart(
            id=str(one.id),
            channel=one.channel,
            channel_text=text(f"pay-channel.{one.channel.value}"),
            state=one.state.value,
            amount_fen=one.amount_fen,
            paid_at=one.captured_at,
            created_at=one.created_at,
        )
        for one in file.money.payments
    ]
    refunds = [
        RefundPart(
            id=str(one.id),
            amount_fen=one.amount_fen,
            stage=stage_of(one.state),
            stage_text=text(f"refund-stage.{stage_of(one.state).value}"),
            requested_at=one.requested_at,
            arrived_at=one.settled_at,
        )
        for one in file.money.refunds
    ]
    return MoneyPart(
        order_id=str(order.id),
        state=order.state,
        amount_fen=order.amount_fen,
        payable_fen=order.payable_fen,
        paid_at=order.paid_at,
        payments=payments,
        refunds=refunds,
    )


def _notices(file: AppointmentFile) -> list[NoticePart]:
    return [
        NoticePart(
            kind=one.kind,
            kind_text=text(f"notice.{one.kind.value}"),
            state=one.state,
            due_at=one.due_at,
            created_at=one.created_at,
        )
        for one in file.notices
    ]


def _credit(file: AppointmentFile) -> CreditPart | None:
    credit = file.credit
    if credit is None:
        return None
    return CreditPart(
        kind=credit.kind,
        occurred_at=credit.occurred_at,
        voided_at=credit.voided_at,
        voided_by=file.named(credit.voided_by) if credit.voided_by else None,
        void_reason=credit.void_reason,
    )


@router.get("/file", responses=_PROBLEMS)
async def read_file(appointment_id: str, db: Db, keys: Keys, who: Viewer) -> FileOut:
    """One appointment of your hospital with its person, timeline, money, messages and what can be done."""
    row = await appointment_of_hospital(
        db, appointment_id=parse_id(appointment_id), hospital_id=who.hospital_id, doctor_id=own_doctor(who)
    )
    return FileOut.of(await file_of(db, row, key_ring=keys))


class RevealIn(Body):
    """Which value is needed in full, and what for."""

    field: PatientValue
    reason: Annotated[str, reason_text(least=2)]


class RevealedOut(BaseModel):
    """The value; null where none is known."""

    value: str | None


@router.post("/reveal", responses=problems(NotLoggedIn, PermissionMissing, NotFound, PersonQuotaSpent))
async def reveal(
    appointment_id: str, body: RevealIn, db: Db, keys: Keys, who: Viewer, settings: AppSettings, now: Now
) -> RevealedOut:
    """Show one personal value of the patient in full, for a reason and within the day's quota.

    The trail keeps who saw which and why, here and at each hospital at whose desk the person is enrolled.
    """
    row = await appointment_of_hospital(
        db, appointment_id=parse_id(appointment_id), hospital_id=who.hospital_id, doctor_id=own_doctor(who)
    )
    quota = Quota(
        kind=QuotaKind.REVEAL,
        per_staff=settings.reveals_per_staff,
        per_hospital=settings.reveals_per_hospital,
    )
    await spend_quota(db, quota=quota, hospital_id=row.hospital_id, staff_id=who.id, now=now)
    value = await opened_value(db, patient_id=row.patient_id, value=body.field, key_ring=keys)
    actor, data = f"staff:{who.id}", {"field": body.field.value, "reason": body.reason}
    subject = f"appointment:{row.id}"
    others = await enrolled_at(db, person_id=row.person_id)
    await record(
        db,
        AuditEntry(
            hospital_id=row.hospital_id, actor=actor, action="appointment.reveal", subject=subject, data=data
        ),
        *(
            AuditEntry(
                hospital_id=other,
                actor=actor,
                action="person.reveal",
                subject=f"person:{row.person_id}",
                data={**data, "by_hospital": row.hospital_id},
            )
            for other in others
            if other != row.hospital_id
        ),
    )
    return RevealedOut(value=value)


class SlipOut(BaseModel):
    """What is printed for the person at the counter; the code is what they show on arrival.

    `cancel_text` tells how the money comes back if the visit is cancelled in time.
    """

    appointment: AppointmentOut
    is_paid: bool
    cancel_text: str
    code: str
    image: str
    printed_at: datetime
    printed_by: str


@router.get(
    "/slip",
    responses=problems(
        NotLoggedIn,
        PermissionMissing,
        NotFound,
        AppointmentNotPaid,
        AppointmentEnded,
        policy.SessionSuspended,
    ),
)
async def read_slip(appointment_id: str, db: Db, keys: Keys, who: Viewer, now: Now) -> SlipOut:
    """The slip of a booked appointment, with the check-in code as a PNG `data:` URI."""
    row = await appointment_of_hospital(
        db, appointment_id=parse_id(appointment_id), hospital_id=who.hospital_id, doctor_id=own_doctor(who)
    )
    code = check_in_code(row, keys=keys)
    view = (await views(db, [row], key_ring=keys))[0]
    return SlipOut(
        appointment=AppointmentOut.of(view),
        is_paid=view.order.state in (OrderState.PAID, OrderState.PAID_LATE, OrderState.PART_REFUNDED),
        cancel_text=text("slip.cancel", money=money_back_text(view.kept)),
        code=code,
        image=qr_image(code),
        printed_at=now,
        printed_by=who.name,
    )
