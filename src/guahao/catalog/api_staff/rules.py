"""Staff routes for a hospital's booking rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field, WithJsonSchema

from guahao.catalog.api_staff.schemas import RuleSetOut, Version
from guahao.catalog.policy.reading import NAMES, RulesInvalid, differences, phases, rules_from, rules_schema
from guahao.catalog.policy.sentences import sentences_of
from guahao.catalog.queries.rules import rule_set_of, rule_versions
from guahao.catalog.service.conflict import EditConflict
from guahao.catalog.service.rules import RulesTooSoon, publish_rules
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import Invalid, NotFound, Problem
from guahao.kernel.http import Body, Db, Now, Page, problems
from guahao.kernel.ids import parse_hospital_id

router = APIRouter(prefix="/api/v1/staff/hospitals/{hospital_id}/rules", tags=["rules (staff)"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_CATALOG))]
RuleMaker = Annotated[StaffRef, Depends(staff(Permission.EDIT_RULES))]
VersionAsked = Annotated[int, Query(ge=1, le=2_000_000_000)]
PUBLISHED: tuple[type[Problem], ...] = (
    NotLoggedIn,
    PermissionMissing,
    NotFound,
    Invalid,
    RulesInvalid,
    RulesTooSoon,
    EditConflict,
)
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2100, 1, 1, tzinfo=UTC))
]
RuleValues = Annotated[dict[str, object], Field(max_length=len(NAMES)), WithJsonSchema(rules_schema())]


class RulesIn(Body):
    """The next version; values left out keep their value in the version it is based on."""

    version: Version
    effective_from: Moment | None = Field(
        None, description="At least 60 seconds ahead; as soon as possible when null"
    )
    rules: RuleValues


class ChangeOut(BaseModel):
    """One value that another version sets differently."""

    field: str
    label: str
    before: object
    after: object


def _own(who: StaffRef, hospital_id: str) -> int:
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    return id_


async def _shown(db: Db, hospital_id: int, now: datetime) -> list[RuleSetOut]:
    """Every version, newest first; raises NotFound when there is none."""
    rows = await rule_versions(db, hospital_id=hospital_id)
    if not rows:
        raise NotFound
    versions = [rule_set_of(row) for row in rows]
    phase_of = phases(versions, now=now)
    return [
        RuleSetOut(
            version=version.version,
            effective_from=version.effective_from,
            phase=phase_of[version.version],
            created_by=row.created_by,
            rules=msgspec.to_builtins(version.rules),
            sentences=sentences_of(version.rules),
        )
        for row, version in zip(rows, versions, strict=True)
    ]


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def show_rules(hospital_id: str, db: Db, who: Viewer, now: Now) -> RuleSetOut:
    """The newest version, which the next one is based on; it may be planned for later."""
    return (await _shown(db, _own(who, hospital_id), now))[0]


@router.get("/history", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def show_history(hospital_id: str, db: Db, who: Viewer, now: Now) -> Page[RuleSetOut]:
    """Every version, newest first."""
    return Page(items=await _shown(db, _own(who, hospital_id), now))


@router.get("/differences", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def show_differences(
    hospital_id: str, before: VersionAsked, after: VersionAsked, db: Db, who: Viewer
) -> Page[ChangeOut]:
    """What version `after` sets differently from version `before`."""
    rows = await rule_versions(db, hospital_id=_own(who, hospital_id))
    rules = {row.version: rule_set_of(row).rules for row in rows}
    if not {before, after} <= rules.keys():
        raise NotFound
    changes = differences(rules[before], rules[after])
    return Page(items=[ChangeOut.model_validate(change, from_attributes=True) for change in changes])


@router.put("", responses=problems(*PUBLISHED))
async def publish(hospital_id: str, body: RulesIn, db: Db, who: RuleMaker, now: Now) -> RuleSetOut:
    """Publish the next version; every version stays readable for the bookings made under it."""
    id_ = _own(who, hospital_id)
    base = next((v for v in await rule_versions(db, hospital_id=id_) if v.version == body.version), None)
    if base is None:
        raise NotFound
    await publish_rules(
        db,
        hospital_id=id_,
        rules=rules_from(body.rules, base=rule_set_of(base).rules),
        base_version=body.version,
        effective_from=body.effective_from,
        actor=f"staff:{who.id}",
    )
    return (await _shown(db, id_, now))[0]
