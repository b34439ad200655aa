"""Routes of staff administration: members, roles, invitations, a lost second factor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, Role, StaffRef, staff
from guahao.identity.api_patient.schemas import NewPassword
from guahao.identity.api_patient.sealed_answer import SealedOnce
from guahao.identity.models.staff import Staff
from guahao.identity.queries import staff as staff_queries
from guahao.identity.queries.staff import MEMBERS
from guahao.identity.service import staff as members
from guahao.identity.service.account import PasswordWeak, check_password_strength
from guahao.identity.service.exports import Wanted, export
from guahao.identity.service.invitations import Invitation, invite, reset_password
from guahao.identity.service.password import hash_password
from guahao.identity.service.second_factor import reset_totp
from guahao.kernel.db import transaction
from guahao.kernel.errors import EditConflict, NotFound, Unavailable
from guahao.kernel.export import Form, Sheet, local_time
from guahao.kernel.http import AllSessions, Body, CountedPage, Db, Keys, Listed, Now, download, problems
from guahao.kernel.i18n import text
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import parse_id
from guahao.kernel.paging import CursorInvalid, ExportTooLarge, SortUnknown, page_of, parts_of
from guahao.kernel.value.fields import StaffName, Username, opaque

router = APIRouter(prefix="/api/v1/staff/members", tags=["staff members"])

Manager = Annotated[StaffRef, Depends(staff(Permission.MANAGE_STAFF))]
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
HospitalNumber = Annotated[int, Field(ge=1, le=(1 << 24) - 1)]
HospitalId = Annotated[str, opaque(7, pattern="[1-9][0-9]{0,6}")]

_COLUMNS = ("username", "name", "hospital", "roles", "second-factor", "created", "disabled")


class MemberIn(Body):
    """A new member of staff; without `hospital_id` one of the platform's own people."""

    hospital_id: HospitalId | None = None
    username: Username
    password: NewPassword | None = None
    name: StaffName
    roles: Roles


class MemberChangeIn(Body):
    """What shall be other than before; `version` is the one that was looked at."""

    version: int
    name: StaffName | None = None
    roles: Roles | None = None
    disabled: bool | None = None


class MemberOut(BaseModel):
    """A member of staff as administrators see them."""

    id: str
    hospital_id: str | None
    username: str
    name: str
    roles: list[Role]
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
            words=self.q,
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
    """A member just made; `invitation` is null for somebody whose password was given."""

    invitation: InvitationOut | None


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


@router.post(
    "",
    status_code=201,
    response_model=MadeMemberOut,
    responses=problems(
        NotLoggedIn,
        PermissionMissing,
        NotFound,
        PasswordWeak,
        members.StaffUsernameTaken,
        members.RolesNotAllowed,
        RequestInProgress,
        IdempotencyKeyReused,
        Unavailable,
    ),
)
async def create_member(
    body: MemberIn, who: Manager, once: SealedOnce, sessions: AllSessions, now: Now
) -> Response:
    """Make a member of staff, invited unless a password is given; a hospital's admin does so there alone."""
    hospital_id = who.hospital_id if body.hospital_id is None else int(body.hospital_id)
    if who.hospital_id is not None and hospital_id != who.hospital_id:
        raise NotFound
    password_hash = None if body.password is None else await _checked(body.password, body.username)
    async with transaction(sessions) as db:
        claim = await once.claim(db, owner=f"staff:{who.id}")
        member = await members.create_staff(
            db,
            actor=f"staff:{who.id}",
            hospital_id=hospital_id,
            username=body.username,
            password_hash=password_hash,
            name=body.name,
            roles=body.roles,
        )
        invitation = None
        if password_hash is None:
            invitation = await invite(db, staff=member, actor=f"staff:{who.id}", key_ring=once.keys, now=now)
        made = MadeMemberOut(
            **MemberOut.of(member).model_dump(),
            invitation=None if invitation is None else InvitationOut.of(invitation),
        )
        return await once.answer(claim, made, status=201)


async def _checked(password: str, username: str) -> str:
    check_password_strength(password, username=username)
    return await hash_password(password)


@router.patch(
    "/{staff_id}",
    responses=problems(
        NotLoggedIn,
        PermissionMissing,
        NotFound,
        EditConflict,
        members.RolesNotAllowed,
        members.OwnAccessUnchangeable,
    ),
)
async def change_member(staff_id: str, body: MemberChangeIn, who: Manager, db: Db, now: Now) -> MemberOut:
    """Change name, roles or disable; other roles and disabling end all logins of that person at once."""
    member = await members.change_staff(
        db,
        changer_id=who.id,
        scope=who.hospital_id,
        staff_id=parse_id(staff_id),
        name=body.name,
        roles=body.roles,
        is_disabled=body.disabled,
        version=body.version,
        now=now,
    )
    return MemberOut.of(member)


@router.post(
    "/{staff_id}/invitation",
    status_code=201,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, members.OwnAccessUnchangeable),
)
async def reset_member_password(staff_id: str, who: Manager, db: Db, keys: Keys, now: Now) -> InvitationOut:
    """Invite a member anew: the present password and every login end, the code chooses another."""
    invitation = await reset_password(
        db, changer_id=who.id, scope=who.hospital_id, staff_id=parse_id(staff_id), key_ring=keys, now=now
    )
    return InvitationOut.of(invitation)


@router.delete(
    "/{staff_id}/totp",
    status_code=204,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, members.OwnAccessUnchangeable),
)
async def reset_member_totp(staff_id: str, who: Manager, db: Db, now: Now) -> None:
    """Forget the second factor of somebody who lost their device; they log in anew and set it up."""
    await reset_totp(db, changer_id=who.id, scope=who.hospital_id, staff_id=parse_id(staff_id), now=now)
