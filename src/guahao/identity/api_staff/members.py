"""Routes of staff administration: members, roles, invitations, a lost second factor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, Role, StaffRef, staff
from guahao.identity.api_patient.sealed_answer import SealedOnce
from guahao.identity.api_staff.control import ProposalOut
from guahao.identity.models.staff import RequestKind, Staff
from guahao.identity.policy.permission import CONTROL_ROLES
from guahao.identity.ports.doctors import DoctorDirectory
from guahao.identity.queries import staff as staff_queries
from guahao.identity.queries.staff import MEMBERS
from guahao.identity.service import staff as members
from guahao.identity.service.control import ControlRequestOpen
from guahao.identity.service.exports import Wanted, export
from guahao.identity.service.invitations import Invitation, invite, reset_password
from guahao.identity.service.second_factor import reset_totp
from guahao.identity.service.staff_control import Proposal, propose_change, propose_member, propose_reset
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import transaction
from guahao.kernel.errors import EditConflict, NotFound, Unavailable
from guahao.kernel.export import Form, Sheet, local_time
from guahao.kernel.http import AllSessions, Body, CountedPage, Db, Keys, Listed, Now, download, problems
from guahao.kernel.i18n import text
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import parse_id
from guahao.kernel.paging import CursorInvalid, ExportTooLarge, SortUnknown, page_of, parts_of
from guahao.kernel.value.fields import Id, StaffName, Username, opaque
from guahao.kernel.value.signs import narrow

router = APIRouter(prefix="/api/v1/staff/members", tags=["staff members"])

Manager = Annotated[StaffRef, Depends(staff(Permission.MANAGE_STAFF))]
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
HospitalNumber = Annotated[int, Field(ge=1, le=(1 << 24) - 1)]
HospitalId = Annotated[str, opaque(7, pattern="[1-9][0-9]{0,6}")]

_COLUMNS = ("username", "name", "hospital", "roles", "second-factor", "created", "disabled")


async def _doctor_directory(request: Request) -> DoctorDirectory:
    directory: DoctorDirectory = request.app.state.doctor_directory
    return directory


Doctors = Annotated[DoctorDirectory, Depends(_doctor_directory)]


async def _known_doctor(db: AsyncSession, doctors: DoctorDirectory, given: str | None) -> UUID | None:
    """Answer the doctor with this id, or None for none. Raises `DoctorRequired`."""
    if given is None:
        return None
    doctor_id = parse_id(given)
    if not await doctors(db, doctor_id=doctor_id):
        raise members.DoctorRequired
    return doctor_id


class MemberIn(Body):
    """A new member of staff, who will be invited; without `hospital_id` one of the platform's own people.

    Somebody with the role of a doctor sees the sessions and patients of `doctor_id`; no other role has it.
    """

    hospital_id: HospitalId | None = None
    username: Username
    name: StaffName
    roles: Roles
    doctor_id: Id | None = None


class MemberChangeIn(Body):
    """What shall be other than before; `version` is the one that was looked at.

    `doctor_id` comes with `roles`, where the role of a doctor is among them, and never without it.
    """

    version: int
    name: StaffName | None = None
    roles: Roles | None = None
    doctor_id: Id | None = None
    disabled: bool | None = None


class MemberOut(BaseModel):
    """A member of staff as administrators see them."""

    id: str
    hospital_id: str | None
    username: str
    name: str
    roles: list[Role]
    doctor_id: str | None = Field(description="Whose sessions and patients a doctor sees")
    has_password: bool = Field(description="False until an invitation was accepted")
    has_second_factor: bool
    version: int
    created_at: datetime
    disabled_at: datetime | None

    @classmethod
    def of(cls, member: Staff) -> MemberOut:
        """Show one member."""
        return cls(
            id=str(member.id),
            hospital_id=None if member.hospital_id is None else str(member.hospital_id),
            username=member.username,
            name=member.name,
            roles=[Role(role) for role in member.roles],
            doctor_id=None if member.doctor_id is None else str(member.doctor_id),
            has_password=member.password_hash is not None,
            has_second_factor=member.totp_confirmed_at is not None,
            version=member.version,
            created_at=member.created_at,
            disabled_at=member.disabled_at,
        )


class MemberList(Listed):
    """Which members; `q` is a part of the name or username."""

    q: Annotated[str | None, Field(min_length=1, max_length=50)] = None
    role: Role | None = None
    hospital_id: HospitalNumber | None = None
    is_disabled: bool | None = None

    def of(self, who: StaffRef) -> staff_queries.MemberSearch:
        """What of it is looked for by whom."""
        return staff_queries.MemberSearch(
            scope=who.hospital_id,
            hospital_id=self.hospital_id,
            role=self.role,
            is_disabled=self.is_disabled,
            words=None if self.q is None else narrow(self.q),
        )


class InvitationOut(BaseModel):
    """A code by which a member chooses a password, shown this once."""

    code: str
    expires_at: datetime

    @classmethod
    def of(cls, invitation: Invitation) -> InvitationOut:
        """Show one invitation."""
        return cls(code=invitation.code, expires_at=invitation.expires_at)


class MadeMemberOut(MemberOut):
    """A member just made, and the code by which they join."""

    invitation: InvitationOut


@router.get(
    ".{form}",
    response_class=Response,
    responses=problems(NotLoggedIn, PermissionMissing, SortUnknown, ExportTooLarge, Unavailable),
)
async def export_members(
    form: Form, search: Annotated[MemberList, Query()], who: Manager, db: Db
) -> Response:
    """The members that are searched for as a file."""
    parts = parts_of(db, staff_queries.members(search.of(who)), listing=MEMBERS, sort=search.sort)
    sheets = (partial(_sheet, rows) async for rows in parts)
    file = Wanted(name="members", form=form, filters=search.filters)
    return download(await export(db, sheets, wanted=file, by=who, hospital_id=who.hospital_id))


def _sheet(rows: Sequence[Staff]) -> Sheet:
    return Sheet(
        title=text("staff-file.title"),
        headings=[text(f"staff-file.{column}") for column in _COLUMNS],
        rows=[
            (
                member.username,
                member.name,
                member.hospital_id,
                text("staff-file.comma").join(text(f"role.{role}") for role in member.roles),
                local_time(member.totp_confirmed_at),
                local_time(member.created_at),
                local_time(member.disabled_at),
            )
            for member in rows
        ],
    )


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, SortUnknown, CursorInvalid))
async def list_members(
    search: Annotated[MemberList, Query()], who: Manager, db: Db
) -> CountedPage[MemberOut]:
    """The staff of the caller's hospital; the platform's administrators see everybody."""
    wanted = staff_queries.members(search.of(who))
    return CountedPage.of(await page_of(db, wanted, listing=MEMBERS, asked=search.asked), MemberOut.of)


_PROPOSED: dict[int | str, dict[str, Any]] = {
    202: {"model": ProposalOut, "description": "Waits for a second administrator"}
}
_ROLE_PROBLEMS = (members.RolesNotAllowed, members.RolesIncompatible, members.DoctorRequired)


@router.post(
    "",
    status_code=201,
    response_model=MadeMemberOut,
    responses=_PROPOSED
    | problems(
        NotLoggedIn,
        PermissionMissing,
        NotFound,
        members.StaffUsernameTaken,
        *_ROLE_PROBLEMS,
        ControlRequestOpen,
        RequestInProgress,
        IdempotencyKeyReused,
        Unavailable,
    ),
)
async def create_member(
    body: MemberIn, who: Manager, once: SealedOnce, sessions: AllSessions, doctors: Doctors, now: Now
) -> Response:
    """Invite a member of staff; a hospital's administrator does so there alone.

    With a role of control (administrator, finance, auditor) the account is made when a second
    administrator agrees, and each of the two knows one half of its invitation.
    """
    hospital_id = who.hospital_id if body.hospital_id is None else int(body.hospital_id)
    if who.hospital_id is not None and hospital_id != who.hospital_id:
        raise NotFound
    async with transaction(sessions) as db:
        claim = await once.claim(db, owner=f"staff:{who.id}")
        new = members.NewMember(
            hospital_id=hospital_id,
            username=body.username,
            name=body.name,
            roles=body.roles,
            doctor_id=await _known_doctor(db, doctors, body.doctor_id),
        )
        if CONTROL_ROLES.intersection(new.roles):
            proposal = await propose_member(db, new=new, proposer_id=who.id, key_ring=once.keys, now=now)
            return await once.answer(claim, ProposalOut.of(proposal), status=202)
        actor = f"staff:{who.id}"
        member = await members.create_staff(db, actor=actor, new=new)
        invitation = await invite(db, staff=member, actor=actor, key_ring=once.keys, now=now)
        made = MadeMemberOut(**MemberOut.of(member).model_dump(), invitation=InvitationOut.of(invitation))
        return await once.answer(claim, made, status=201)


@router.patch(
    "/{staff_id}",
    response_model=MemberOut,
    responses=_PROPOSED
    | problems(
        NotLoggedIn,
        PermissionMissing,
        NotFound,
        EditConflict,
        *_ROLE_PROBLEMS,
        ControlRequestOpen,
        members.OwnAccessUnchangeable,
    ),
)
async def change_member(
    staff_id: str, body: MemberChangeIn, who: Manager, db: Db, keys: Keys, doctors: Doctors, now: Now
) -> MemberOut | JSONResponse:
    """Change name, roles or disable; other roles and disabling end all logins of that person at once.

    A role of control that the member has not yet, and the end of a disable, wait for a second
    administrator (202); what else the request says is not done either.
    """
    member_id = parse_id(staff_id)
    change = members.MemberChange(
        version=body.version,
        name=body.name,
        roles=body.roles,
        doctor_id=await _known_doctor(db, doctors, body.doctor_id),
        is_disabled=body.disabled,
    )
    try:
        member = await members.change_staff(
            db, changer_id=who.id, scope=who.hospital_id, staff_id=member_id, change=change, now=now
        )
    except members.SecondAdministratorNeeded:
        proposal = await propose_change(
            db,
            changer_id=who.id,
            scope=who.hospital_id,
            staff_id=member_id,
            change=change,
            key_ring=keys,
            now=now,
        )
        return _proposed(proposal)
    return MemberOut.of(member)


def _proposed(proposal: Proposal) -> JSONResponse:
    return JSONResponse(ProposalOut.of(proposal).model_dump(mode="json"), 202)


@router.post(
    "/{staff_id}/invitation",
    status_code=201,
    response_model=InvitationOut,
    responses=_PROPOSED
    | problems(NotLoggedIn, PermissionMissing, NotFound, ControlRequestOpen, members.OwnAccessUnchangeable),
)
async def reset_member_password(
    staff_id: str, who: Manager, db: Db, keys: Keys, now: Now
) -> InvitationOut | JSONResponse:
    """Invite a member anew: the present password and every login end, the code chooses another.

    Of somebody with a role of control this waits for a second administrator (202).
    """
    member_id = parse_id(staff_id)
    try:
        invitation = await reset_password(
            db, changer_id=who.id, scope=who.hospital_id, staff_id=member_id, key_ring=keys, now=now
        )
    except members.SecondAdministratorNeeded:
        return _proposed(await _propose_reset(RequestKind.RESET_LOGIN, member_id, who, db, keys, now))
    return InvitationOut.of(invitation)


@router.delete(
    "/{staff_id}/totp",
    status_code=204,
    response_model=None,
    responses=_PROPOSED
    | problems(NotLoggedIn, PermissionMissing, NotFound, ControlRequestOpen, members.OwnAccessUnchangeable),
)
async def reset_member_totp(staff_id: str, who: Manager, db: Db, keys: Keys, now: Now) -> Response:
    """Forget the second factor of somebody who lost their device; they log in anew and set it up.

    Of somebody with a role of control this waits for a second administrator (202).
    """
    member_id = parse_id(staff_id)
    try:
        await reset_totp(db, changer_id=who.id, scope=who.hospital_id, staff_id=member_id, now=now)
    except members.SecondAdministratorNeeded:
        return _proposed(await _propose_reset(RequestKind.RESET_TOTP, member_id, who, db, keys, now))
    return Response(status_code=204)


async def _propose_reset(
    kind: RequestKind, member_id: UUID, who: StaffRef, db: AsyncSession, keys: KeyRing, now: datetime
) -> Proposal:
    return await propose_reset(
        db,
        kind=kind,
        changer_id=who.id,
        scope=who.hospital_id,
        staff_id=member_id,
        key_ring=keys,
        now=now,
    )
