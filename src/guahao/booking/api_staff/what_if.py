"""The route on which other rules are tried out on the bookings that exist."""

from __future__ import annotations

import datetime as dt
from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from guahao.booking.queries.what_if import Found, Period, RefusedKind, what_if
from guahao.catalog.queries import RulesInvalid, rules_schema, rules_tried
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import Invalid, NotFound
from guahao.kernel.http import Body, Db, Keys, Now, problems
from guahao.kernel.ids import parse_hospital_id
from guahao.kernel.value.fields import fault

router = APIRouter()

RuleMaker = Annotated[StaffRef, Depends(staff(Permission.EDIT_RULES))]
MOST_DAYS = 31
_SCHEMA: dict[str, Any] = rules_schema()
_Rules = Annotated[dict[str, object], Field(max_length=len(_SCHEMA["properties"])), WithJsonSchema(_SCHEMA)]
_Day = Annotated[dt.date, Field(ge=dt.date(2000, 1, 1), le=dt.date(2100, 1, 1))]


class WhatIfIn(Body):
    """Rules to try out on visits from one day to another, both included; at most 31 days.

    Values left out are those of the newest version.
    """

    model_config = ConfigDict(populate_by_name=True)

    rules: _Rules
    since: Annotated[_Day, Field(alias="from")]
    until: Annotated[_Day, Field(alias="to")]

    @model_validator(mode="after")
    def _in_order_and_short(self) -> Self:
        if not timedelta(0) <= self.until - self.since < timedelta(days=MOST_DAYS):
            raise fault("range_days", field="to", days=MOST_DAYS)
        return self


class ExampleOut(BaseModel):
    """One booking that would have been refused.

    Who may not see bookings is not told whose it is: `appointment_id` and `patient` (masked) are null.
    """

    appointment_id: str | None
    patient: str | None
    code: str
    title: str
    booked_at: datetime
    starts_at: datetime
    department: str
    doctor: str


class WhatIfOut(BaseModel):
    """What these rules would have refused that the rules in force allow.

    When `is_sample`, only `checked` of the `total` bookings were judged, and all counts are about those.
    """

    total: int
    checked: int
    is_sample: bool
    refused_total: int
    refused: list[RefusedKind]
    examples: list[ExampleOut]

    @classmethod
    def of(cls, found: Found, *, is_whole: bool) -> WhatIfOut:
        """Show what was found; `is_whole` to who may see whose bookings they are."""
        return cls(
            total=found.total,
            checked=found.checked,
            is_sample=found.checked < found.total,
            refused_total=found.refused_total,
            refused=list(found.refused),
            examples=[
                ExampleOut(
                    appointment_id=str(one.appointment_id) if is_whole else None,
                    patient=one.patient,
                    code=one.code,
                    title=one.title,
                    booked_at=one.booked_at,
                    starts_at=one.starts_at,
                    department=one.department,
                    doctor=one.doctor,
                )
                for one in found.examples
            ],
        )


@router.post(
    "/hospitals/{hospital_id}/rules/what-if",
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, Invalid, RulesInvalid),
)
async def try_rules(
    hospital_id: str, body: WhatIfIn, db: Db, keys: Keys, who: RuleMaker, now: Now
) -> WhatIfOut:
    """Judge the bookings of a period, as they were made, by rules that are not published."""
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    wanted = await rules_tried(db, hospital_id=id_, values=body.rules)
    period = Period(hospital_id=id_, since=body.since, until=body.until)
    is_whole = Permission.VIEW_APPOINTMENTS in who.permissions
    found = await what_if(db, period=period, rules=wanted, key_ring=keys if is_whole else None, now=now)
    return WhatIfOut.of(found, is_whole=is_whole)
