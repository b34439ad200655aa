"""What a hospital decides about its money: channels, the limit of one person, what is watched."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, model_validator

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.identity.queries.control import open_request
from guahao.identity.service.control import (
    ControlRequest,
    ControlRequestClosed,
    ControlRequestOpen,
    Decider,
    RequestKind,
)
from guahao.kernel.errors import EditConflict, NotFound, SamePerson
from guahao.kernel.http import Body, Db, Now, problems
from guahao.kernel.ids import parse_id
from guahao.kernel.value.fields import fault
from guahao.payment.api_staff.schemas import HospitalId
from guahao.payment.models import WatchKind
from guahao.payment.policy import Watch
from guahao.payment.queries.setting import Choices, choices_of
from guahao.payment.service.setting import (
    Change,
    ControlWeakened,
    approve_change,
    change,
    subject_of,
)

router = APIRouter(prefix="/payment-settings", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_PAYMENT_SETTINGS))]
Approver = Annotated[StaffRef, Depends(staff(Permission.APPROVE_CONTROL))]
Editor = Annotated[StaffRef, Depends(staff(Permission.EDIT_PAYMENT_SETTINGS))]


class WatchIn(Body):
    """From `threshold` on (a count; fen for refunds) within `window_min` minutes a case is opened."""

    kind: WatchKind
    threshold: Annotated[int, Field(ge=1, le=1_000_000_000)]
    window_min: Annotated[int, Field(ge=1, le=525_600)]
    is_on: bool


class SettingsIn(Body):
    """All choices of a hospital; `watches` that are left out stay as they are.

    With the `version` that was read, somebody else's change in between is not written over.
    """

    version: Annotated[int | None, Field(ge=0)] = None

    is_alipay_offered: bool
    second_person_over_fen: Annotated[int, Field(ge=0, le=1_000_000_000)]
    watches: Annotated[tuple[WatchIn, ...], Field(max_length=len(WatchKind))] = ()

    @model_validator(mode="after")
    def _each_once(self) -> SettingsIn:
        if len({watch.kind for watch in self.watches}) < len(self.watches):
            raise fault("each_once", field="watches")
        return self


class WatchOut(BaseModel):
    """When a case is opened."""

    kind: WatchKind
    threshold: int
    window_min: int
    is_on: bool


class LooseningOut(BaseModel):
    """A looser limit or watch (`fields`) that waits for a second administrator."""

    request_id: str
    fields: list[str]
    expires_at: datetime

    @classmethod
    def of(cls, request: ControlRequest) -> LooseningOut:
        """Show what waits."""
        return cls(
            request_id=str(request.id),
            fields=[str(name) for name in cast("list[str]", request.detail["weakened"])],
            expires_at=request.expires_at,
        )


class SettingsOut(BaseModel):
    """What holds at a hospital, its own choice or the default; `version` 0 is nothing but defaults.

    `waits` is a change that loosens a control and holds only when another administrator allows it.
    """

    version: int

    is_alipay_offered: bool
    second_person_over_fen: int
    watches: list[WatchOut]
    waits: LooseningOut | None

    @classmethod
    def of(cls, choices: Choices, request: ControlRequest | None) -> SettingsOut:
        """Show choices, and what waits."""
        return cls(
            version=choices.version,
            is_alipay_offered=choices.is_alipay_offered,
            second_person_over_fen=choices.second_person_over_fen,
            watches=[
                WatchOut(kind=kind, threshold=watch.threshold, window_min=watch.window_min, is_on=watch.is_on)
                for kind, watch in choices.watches.items()
            ],
            waits=None if request is None else LooseningOut.of(request),
        )


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def show_settings(hospital_id: HospitalId, db: Db, who: Viewer, now: Now) -> SettingsOut:
    """What holds at a hospital."""
    who.require(hospital_id)
    waiting = await open_request(
        db, kind=RequestKind.LOOSEN_CONTROL, subject=subject_of(hospital_id), now=now
    )
    return SettingsOut.of(await choices_of(db, hospital_id=hospital_id), waiting)


_WAITS: dict[int | str, dict[str, Any]] = {
    202: {"model": SettingsOut, "description": "Loosens a control: waits for a second administrator"}
}


@router.put(
    "",
    responses=_WAITS
    | problems(NotLoggedIn, PermissionMissing, NotFound, ControlWeakened, ControlRequestOpen, EditConflict),
)
async def change_settings(
    hospital_id: HospitalId, body: SettingsIn, db: Db, who: Editor, now: Now, response: Response
) -> SettingsOut:
    """Change them; what loosens a control changes nothing until a second administrator allows it."""
    who.require(hospital_id)
    watches = {
        watch.kind: Watch(threshold=watch.threshold, window_min=watch.window_min, is_on=watch.is_on)
        for watch in body.watches
    }
    wanted = Change(
        version=body.version,
        is_alipay_offered=body.is_alipay_offered,
        second_person_over_fen=body.second_person_over_fen,
        watches=watches,
        by=who.id,
        may_refund=Permission.MANAGE_MONEY in who.permissions,
    )
    changed = await change(db, hospital_id=hospital_id, wanted=wanted, now=now)
    if changed.request is not None:
        response.status_code = 202
    return SettingsOut.of(changed.choices, changed.request)


@router.post(
    "/requests/{request_id}/approval",
    responses=problems(
        NotLoggedIn, PermissionMissing, NotFound, SamePerson, ControlRequestClosed, ControlWeakened
    ),
)
async def approve_loosening(request_id: str, db: Db, who: Approver, now: Now) -> SettingsOut:
    """Allow a looser limit or watch that another administrator asked for."""
    choices = await approve_change(
        db,
        request_id=parse_id(request_id),
        decider=Decider(id=who.id, scope=who.hospital_id),
        may_refund=Permission.MANAGE_MONEY in who.permissions,
        now=now,
    )
    return SettingsOut.of(choices, None)
