"""Staff routes for a hospital's booking rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field, WithJsonSchema

from guahao.catalog.api_staff.schemas import Version
from guahao.catalog.policy.form import FormGroup, form
from guahao.catalog.policy.reading import (
    NAMES,
    Phase,
    RulesInvalid,
    differences,
    phases,
    rules_from,
    rules_schema,
)
from guahao.catalog.policy.rules import Rules
from guahao.catalog.policy.sentences import sentences_of
from guahao.catalog.queries.rules import newest_rules, rule_set_of, rule_versions
from guahao.catalog.service.conflict import EditConflict
from guahao.catalog.service.rules import RulesTooSoon, publish_rules
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.identity.queries.actors import actor_names
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


class PreviewIn(Body):
    """Rules as they stand in the form; values left out keep their value in the newest version."""

    rules: RuleValues


class ChangeOut(BaseModel):
    """One value that another version sets differently."""

    field: str
    label: str
    before: object
    after: object


class RuleSetOut(BaseModel):
    """One version of the rules; `changes` is what it sets differently from the version before it.

    `created_by` is an audit actor, `created_by_name` is null when that is no member of staff.
    """

    version: int
    effective_from: datetime
    phase: Phase
    created_by: str
    created_by_name: str | None
    created_at: datetime
    rules: dict[str, object]
    sentences: list[str]
    changes: list[ChangeOut]


class FaultOut(BaseModel):
    """What is wrong with one value."""

    field: str
    message: str


class PreviewOut(BaseModel):
    """What patients would read; `sentences` and `changes` are empty while there are `errors`."""

    sentences: list[str]
    changes: list[ChangeOut]
    errors: list[FaultOut]


class FormOut(BaseModel):
    """The fields of the form, in groups and in order."""

    groups: list[FormGroup]


def _own(who: StaffRef, hospital_id: str) -> int:
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    return id_


def _changes(before: Rules, after: Rules) -> list[ChangeOut]:
    return [ChangeOut.model_validate(change, from_attributes=True) for change in differences(before, after)]


async def _shown(db: Db, hospital_id: int, now: datetime) -> list[RuleSetOut]:
    """Every version, newest first; raises NotFound when there is none."""
    rows = await rule_versions(db, hospital_id=hospital_id)
    if not rows:
        raise NotFound
    versions = [rule_set_of(row) for row in rows]
    phase_of = phases(versions, now=now)
    names = await actor_names(db, {row.created_by for row in rows})
    rules = {version.version: version.rules for version in versions}
    return [
        RuleSetOut(
            version=version.version,
            effective_from=version.effective_from,
            phase=phase_of[version.version],
            created_by=row.created_by,
            created_by_name=names.get(row.created_by),
            created_at=row.created_at,
            rules=msgspec.to_builtins(version.rules),
            sentences=sentences_of(version.rules),
            changes=_changes(rules.get(version.version - 1, version.rules), version.rules),
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
    return Page(items=_changes(rules[before], rules[after]))


@router.get("/form", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def show_form(hospital_id: str, who: Viewer) -> FormOut:
    """The form in which these rules are edited: every value with its name, kind and range."""
    _own(who, hospital_id)
    return FormOut(groups=list(form()))


@router.post("/preview", responses=problems(NotLoggedIn, PermissionMissing, NotFound, Invalid))
async def preview(hospital_id: str, body: PreviewIn, db: Db, who: RuleMaker) -> PreviewOut:
    """The sentences patients would read under these rules, or what is wrong with them; nothing is saved."""
    newest = (await newest_rules(db, hospital_id=_own(who, hospital_id))).rules
    try:
        wanted = rules_from(body.rules, base=newest)
    except RulesInvalid as refused:
        return PreviewOut(sentences=[], changes=[], errors=_faults(refused))
    return PreviewOut(sentences=sentences_of(wanted), changes=_changes(newest, wanted), errors=[])


def _faults(refused: RulesInvalid) -> list[FaultOut]:
    return [FaultOut.model_validate(fault) for fault in refused.errors]


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
