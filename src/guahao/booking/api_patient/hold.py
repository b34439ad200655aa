"""Routes on which patients take a place, on the usual and on the original design's route."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from guahao.booking.api_patient.group_commit import GroupCommit, Wish
from guahao.booking.api_patient.problems import BOOKING_PROBLEMS
from guahao.booking.api_patient.schemas import CompatibleData, CompatibleOut, HeldOut, HoldIn
from guahao.booking.service.hold import write_hold
from guahao.booking.service.plan import HoldPlan, HoldRequest, plan_hold
from guahao.identity.access import CurrentAccount, account_of, booking_limit, spend_booking
from guahao.kernel.http import Db, Once, once_key, problems
from guahao.kernel.i18n import text
from guahao.kernel.ids import parse_id

router = APIRouter(tags=["booking"])


def request_of(account_id: UUID, slot_id: str, patient_id: str) -> HoldRequest:
    """The wish of an account. Raises `NotFound` for what cannot be an id."""
    return HoldRequest(
        slot_id=parse_id(slot_id),
        patient_id=parse_id(patient_id),
        account_id=account_id,
        actor=f"account:{account_id}",
    )


class _Usual(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a hold as it usually comes."""

    slot_id: Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
    patient_id: Annotated[str, msgspec.Meta(min_length=36, max_length=36)]


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
            once = await once_key(request, request.headers.get("idempotency-key"))
            wish = Wish(
                request=request_of(account.id, usual.slot_id, usual.patient_id),
                claim=once.of(str(account.id)),
            )
            return await group_commit_of(request).book(wish)

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
    claim = await once.claim(db, owner=str(account.id))
    plan = await plan_hold(db, request_of(account.id, body.slot_id, body.patient_id))
    answer = claim.prepared(HeldOut.of(plan), status=201)
    await write_hold(db, plan, kept=answer.kept)
    return answer.response


def _compatible(plan: HoldPlan) -> CompatibleOut:
    return CompatibleOut(
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


@router.post(
    "/api/appointment",
    response_model=CompatibleOut,
    responses=problems(*BOOKING_PROBLEMS),
    dependencies=[Depends(booking_limit)],
)
async def hold_a_place_compatibly(body: HoldIn, db: Db, account: CurrentAccount, once: Once) -> Response:
    """Take a place as above, on the route and in the envelope of the original design."""
    claim = await once.claim(db, owner=str(account.id))
    plan = await plan_hold(db, request_of(account.id, body.slot_id, body.patient_id))
    answer = claim.prepared(_compatible(plan), status=200)
    await write_hold(db, plan, kept=answer.kept)
    return answer.response
