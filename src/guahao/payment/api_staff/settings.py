"""What a hospital decides about its money: channels, the limit of one person, what is watched."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, model_validator

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import EditConflict, NotFound
from guahao.kernel.http import Body, Db, problems
from guahao.payment.api_staff.schemas import HospitalId
from guahao.payment.models import WatchKind
from guahao.payment.policy import Watch
from guahao.payment.queries.setting import Choices, choices_of
from guahao.payment.service.setting import Change, ControlWeakened, change

router = APIRouter(prefix="/payment-settings", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_PAYMENT_SETTINGS))]
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
            message = "each kind at most once"
            raise ValueError(message)
        return self


class WatchOut(BaseModel):
    """When a case is opened."""

    kind: WatchKind
    threshold: int
    window_min: int
    is_on: bool


class SettingsOut(BaseModel):
    """What holds at a hospital, its own choice or the default; `version` 0 is nothing but defaults."""

    version: int

    is_alipay_offered: bool
    second_person_over_fen: int
    watches: list[WatchOut]

    @classmethod
    def of(cls, choices: Choices) -> SettingsOut:
        """Show choices."""
        return cls(
            version=choices.version,
            is_alipay_offered=choices.is_alipay_offered,
            second_person_over_fen=choices.second_person_over_fen,
            watches=[
                WatchOut(kind=kind, threshold=watch.threshold, window_min=watch.window_min, is_on=watch.is_on)
                for kind, watch in choices.watches.items()
            ],
        )


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def show_settings(hospital_id: HospitalId, db: Db, who: Viewer) -> SettingsOut:
    """What holds at a hospital."""
    who.require(hospital_id)
    return SettingsOut.of(await choices_of(db, hospital_id=hospital_id))


@router.put("", responses=problems(NotLoggedIn, PermissionMissing, NotFound, ControlWeakened, EditConflict))
async def change_settings(hospital_id: HospitalId, body: SettingsIn, db: Db, who: Editor) -> SettingsOut:
    """Change them; what weakens a control opens a case, and is refused to somebody who may refund."""
    who.require(hospital_id)
    watches = {
        one.kind: Watch(threshold=one.threshold, window_min=one.window_min, is_on=one.is_on)
        for one in body.watches
    }
    wanted = Change(
        version=body.version,
        is_alipay_offered=body.is_alipay_offered,
        second_person_over_fen=body.second_person_over_fen,
        watches=watches,
        by=f"staff:{who.id}",
        may_refund=Permission.MANAGE_MONEY in who.permissions,
    )
    return SettingsOut.of(await change(db, hospital_id=hospital_id, wanted=wanted))
