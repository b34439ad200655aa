"""Routes on which patients take a place, on the usual and on the original design's route."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from guahao.booking.api_patient.group_commit import GroupCommit, answered
from guahao.booking.api_patient.problems import BOOKING_PROBLEMS
from guahao.booking.api_patient.schemas import CompatibleData, CompatibleOut, HeldOut, HoldIn
from guahao.booking.service.book import BookingRequest, book
from guahao.booking.service.plan import HoldPlan, HoldRequest
from guahao.identity.access import CurrentAccount, account_of, booking_limit, spend_booking
from guahao.kernel.http import Db, IdempotencyContext, Once, idempotency_context, problems
from guahao.kernel.i18n import text
from guahao.kernel.ids import parse_id

router = APIRouter(tags=["booking"])


class _Usual(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a hold as it usually comes."""

    slot_id: Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
    patient_id: Annotated[str, msgspec.Meta(min_length=36, max_length=36)]


def _held(plan: HoldPlan) -> str:
    return HeldOut.of(plan).model_dump_json()


def request_of(account_id: UUID, slot_id: str, patient_id: str) -> HoldRequest:
    """The wish of an account. Raises `NotFound` for what cannot be an id."""
    return HoldRequest(
        slot_id=parse_id(slot_id),
        patient_id=parse_id(patient_id),
        account_id=account_id,
        actor=f"account:{account_id}",
    )


def _request(account_id: UUID, body: HoldIn | _Usual, once: IdempotencyContext) -> BookingRequest:
    hold = request_of(account_id, body.slot_id, body.patient_id)
    return BookingRequest(hold=hold, claim=once.of(str(account_id)), answer_of=_held)


_read_usual = msgspec.json.Decoder(_Usual).decode


def group_commit_of(request: Request) -> GroupCommit:
    """The process's one group commit, made when the first booking comes."""
    state = request.app.state
    if not hasattr(state, "group_commit"):
        state.group_commit = GroupCommit(state.sessions, most_waiting=state.settings.booking_queue)
    group: GroupCommit = state.group_commit
    return group


class _HotRoute(APIRoute):
    """Reads the usual form of a request itself and books it together with what comes at the same time.

    Anything unusual (no login, a body of another shape) goes the documented way and is refused there.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the documented handler."""
        documented = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                usual = _read_usual(await request.body())
            except (msgspec.DecodeError, UnicodeDecodeError):
                return await documented(request)
            account = await account_of(request)
            if account is None:
                return await documented(request)
            spend_booking(request, account)
            once = await idempotency_context(request, request.headers.get("idempotency-key"))
            return await group_commit_of(request).book(_request(account.id, usual, once))

        return handle


hot = APIRouter(tags=["booking"], route_class=_HotRoute)
"""Routes that the application asks before all others."""


@hot.post(
    "/api/v1/appointments",
    status_code=201,
    response_model=HeldOut,
    responses=problems(*BOOKING_PROBLEMS),
    dependencies=[Depends(booking_limit)],
)
async def hold_a_place(body: HoldIn, db: Db, account: CurrentAccount, once: Once) -> Response:
    """Take a place for one of your patients.

    Answers `held` with the time by which to pay, or `booked` with a number when nothing is due.
    Send an Idempotency-Key: repeating the request with it answers the first answer again.
    """
    booking = _request(account.id, body, once)
    return answered(booking, await book(db, booking))


def _compatible(plan: HoldPlan) -> str:
    shown = CompatibleOut(
        message=text("compatible.ok"),
        data=CompatibleData(
            appointment_id=str(plan.appointment_id),
            state=plan.state,
            number=plan.number,
            order_id=str(plan.order_id),
            amount_fen=plan.slot.fee_fen,
            hold_expires_at=plan.hold_expires_at,
        ),
    )
    return shown.model_dump_json()


@router.post(
    "/api/appointment",
    response_model=CompatibleOut,
    responses=problems(*BOOKING_PROBLEMS),
    dependencies=[Depends(booking_limit)],
)
async def hold_a_place_compatibly(body: HoldIn, db: Db, account: CurrentAccount, once: Once) -> Response:
    """Take a place as above, on the route and in the envelope of the original design."""
    booking = replace(_request(account.id, body, once), answer_of=_compatible, status=200)
    return answered(booking, await book(db, booking))
