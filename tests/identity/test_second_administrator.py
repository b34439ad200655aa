from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.staff import Staff
from guahao.identity.policy.permission import (
    CONTROL_ROLES,
    INCOMPATIBLE_ROLES,
    PERMISSIONS_OF,
    Permission,
    Role,
    incompatible_roles,
)
from guahao.kernel.db import Sessions, constraint_of, transaction
from tests.factories.newcomer import PASSWORD
from tests.factories.office import Member, hire, refusal

pytestmark = pytest.mark.anyio
JOIN = "/api/v1/staff/invitations"
FINANCE = {"username": "zhou_finance", "name": "周财务", "roles": ["finance"]}


@pytest.fixture
async def admin(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)


@pytest.fixture
async def other(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)


async def approve(who: Member, proposal: httpx.Response) -> httpx.Response:
    return await who.post(f"/control-requests/{proposal.json()['request_id']}/approval")


async def join(client: httpx.AsyncClient, username: str, code: str) -> int:
    body = {"username": username, "code": code, "password": PASSWORD}
    return (await client.post(JOIN, json=body)).status_code


async def roles_of(db: AsyncSession, username: str) -> list[str] | None:
    await db.rollback()
    roles: list[str] | None = await db.scalar(select(Staff.roles).where(Staff.username == username))
    return roles


async def run(sessions: Sessions, statement: str) -> None:
    async with transaction(sessions) as db:
        await db.execute(text(statement))


def test_who_holds_one_half_of_a_control_never_has_the_other() -> None:
    halves = (
        ({Permission.MANAGE_MONEY}, {Permission.EDIT_PAYMENT_SETTINGS}),
        ({Permission.MANAGE_MONEY}, {Permission.MANAGE_STAFF}),
        ({Permission.MANAGE_MONEY}, {Permission.TAKE_PAYMENT}),
        (
            {Permission.VIEW_AUDIT},
            {Permission.MANAGE_STAFF, Permission.MANAGE_MONEY, Permission.TAKE_PAYMENT},
        ),
    )
    for first in Role:
        for second in Role:
            together = PERMISSIONS_OF[first] | PERMISSIONS_OF[second]
            if not incompatible_roles([first, second]):
                assert not any(a & together and b & together for a, b in halves), (first, second)
    deciding = {
        Permission.MANAGE_MONEY,
        Permission.APPROVE_CONTROL,
        Permission.VIEW_AUDIT,
        Permission.APPROVE_FEE,
    }
    assert {role for role in Role if PERMISSIONS_OF[role] & deciding} == CONTROL_ROLES


@pytest.mark.parametrize("pair", sorted(sorted(pair) for pair in INCOMPATIBLE_ROLES), ids="+".join)
async def test_roles_that_exclude_each_other_are_refused_by_the_route_and_by_the_table(
    admin: Member, sessions: Sessions, pair: list[Role]
) -> None:
    refused = await admin.post("/members", username="li_both", name="李", roles=pair)

    inside = Role.PLATFORM_ADMIN not in pair
    assert refusal(refused) == (422, "roles-incompatible" if inside else "roles-not-allowed")
    where, roles = "7" if inside else "NULL", "{" + ",".join(pair) + "}"
    with pytest.raises(IntegrityError) as tripped:
        await run(sessions, f"UPDATE staff SET hospital_id = {where}, roles = '{roles}'")
    assert constraint_of(tripped.value) == "staff_roles_compatible"


async def test_finance_is_made_by_two_and_joins_with_both_halves(
    client: httpx.AsyncClient, admin: Member, other: Member, db: AsyncSession
) -> None:
    proposal = await admin.post("/members", **FINANCE)

    assert (proposal.status_code, proposal.json()["kind"]) == (202, "create_member")
    assert await roles_of(db, "zhou_finance") is None
    (waiting,) = (await other.get("/control-requests", state="open")).json()["items"]
    assert (waiting["detail"], waiting["proposed_by"], waiting["is_own"]) == (
        {"username": "zhou_finance", "name": "周财务", "roles": ["finance"], "doctor_id": None},
        str(admin.id),
        False,
    )
    assert refusal(await approve(admin, proposal)) == (409, "same-person")
    approval = await approve(other, proposal)
    assert (approval.status_code, await roles_of(db, "zhou_finance")) == (200, ["finance"])
    halves = [answer.json()["code_part"] for answer in (proposal, approval)]
    assert [await join(client, "zhou_finance", half) for half in halves] == [409, 409]
    assert await join(client, "zhou_finance", f"{halves[1]} {halves[0]}") == 204
    deeds = await db.execute(
        select(AuditEntryRow.action, AuditEntryRow.actor)
        .where(AuditEntryRow.hospital_id == 7, AuditEntryRow.action.not_in(["staff.create"]))
        .order_by(AuditEntryRow.id)
    )
    assert [tuple(row) for row in deeds][:3] == [
        ("control.propose", admin.actor),
        ("control.approve", other.actor),
        ("staff.invite", other.actor),
    ]


async def test_a_hospital_with_one_administrator_gets_the_second_through_the_platform(
    client: httpx.AsyncClient, sessions: Sessions, admin: Member, db: AsyncSession
) -> None:
    platform = await hire(client, sessions, Role.PLATFORM_ADMIN, hospital_id=None)
    foreign = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=8)
    body = {"username": "wu_admin", "name": "吴主任", "roles": ["hospital_admin"]}

    proposal = await admin.post("/members", **body)

    assert refusal(await approve(foreign, proposal)) == (404, "not-found")
    assert (await foreign.get("/control-requests")).json()["items"] == []
    assert (await approve(platform, proposal)).status_code == 200
    assert await roles_of(db, "wu_admin") == ["hospital_admin"]


async def test_a_role_of_control_is_begun_anew_by_both_halves(
    client: httpx.AsyncClient, admin: Member, other: Member, db: AsyncSession
) -> None:
    clerk = {"username": "li_nurse", "name": "李护士", "roles": ["nurse"]}
    made = (await admin.post("/members", **clerk)).json()
    assert await join(client, "li_nurse", made["invitation"]["code"]) == 204
    log_in = {"username": "li_nurse", "password": PASSWORD}
    assert (await client.post("/api/v1/staff/logins", json=log_in)).status_code == 201
    now = await db.scalar(select(Staff.version).where(Staff.username == "li_nurse"))

    proposal = await admin.patch(f"/members/{made['id']}", version=now, roles=["finance"])
    assert (proposal.status_code, await roles_of(db, "li_nurse")) == (202, ["nurse"])
    approval = await approve(other, proposal)

    assert await roles_of(db, "li_nurse") == ["finance"]
    assert refusal(await client.post("/api/v1/staff/logins", json=log_in)) == (401, "staff-login-refused")
    both = proposal.json()["code_part"] + approval.json()["code_part"]
    assert await join(client, "li_nurse", both) == 204


@pytest.mark.parametrize("role", sorted(CONTROL_ROLES - {Role.PLATFORM_ADMIN}))
async def test_access_to_a_role_of_control_is_reset_by_two(
    client: httpx.AsyncClient, sessions: Sessions, admin: Member, other: Member, role: Role
) -> None:
    member = await hire(client, sessions, role, hospital_id=7)

    factor = await admin.delete(f"/members/{member.id}/totp")
    password = await admin.post(f"/members/{member.id}/invitation")

    assert [(one.status_code, one.json()["kind"]) for one in (factor, password)] == [
        (202, "reset_totp"),
        (202, "reset_login"),
    ]
    assert (await member.get("/me")).status_code == 200
    assert (await approve(other, factor)).json()["code_part"] is None
    assert (await member.get("/me")).status_code == 401
    assert len((await approve(other, password)).json()["code_part"]) == len(password.json()["code_part"])


async def test_nobody_allows_a_reset_of_their_own_access(admin: Member, other: Member) -> None:
    proposal = await admin.post(f"/members/{other.id}/invitation")

    assert refusal(await approve(other, proposal)) == (409, "own-access-unchangeable")
    assert (await other.get("/me")).status_code == 200


async def test_a_disable_is_lifted_by_two(
    client: httpx.AsyncClient, sessions: Sessions, admin: Member, other: Member, db: AsyncSession
) -> None:
    clerk = await hire(client, sessions, Role.DESK, hospital_id=7)
    assert (await admin.patch(f"/members/{clerk.id}", version=1, disabled=True)).status_code == 200

    proposal = await admin.patch(f"/members/{clerk.id}", version=2, disabled=False)

    is_disabled = select(Staff.disabled_at.is_not(None)).where(Staff.id == clerk.id)
    assert (proposal.json()["kind"], await db.scalar(is_disabled)) == ("enable_member", True)
    await approve(other, proposal)
    assert await db.scalar(is_disabled) is False


async def test_a_request_ends_by_refusal_by_withdrawal_and_with_its_author(
    client: httpx.AsyncClient, admin: Member, other: Member, sessions: Sessions
) -> None:
    refused = await admin.post("/members", **FINANCE)
    path = f"/control-requests/{refused.json()['request_id']}"
    assert refusal(await admin.post(f"{path}/rejection")) == (409, "same-person")
    assert (await other.post(f"{path}/rejection")).status_code == 204
    withdrawn = await admin.post("/members", **FINANCE)
    path = f"/control-requests/{withdrawn.json()['request_id']}"
    assert refusal(await other.delete(path)) == (404, "not-found")
    assert refusal(await other.post("/members", **FINANCE)) == (409, "control-request-open")
    assert (await admin.delete(path)).status_code == 204
    of_nobody = await admin.post("/members", **FINANCE)
    third = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    await third.patch(f"/members/{admin.id}", version=1, disabled=True)
    answers = [await approve(other, proposal) for proposal in (refused, withdrawn, of_nobody)]

    assert [(refusal(answer), answer.json()["state"]) for answer in answers] == [
        ((409, "control-request-closed"), state) for state in ("rejected", "withdrawn", "withdrawn")
    ]


@pytest.mark.parametrize(("after", "is_open"), [("71 hours 59 minutes", True), ("72 hours", False)])
async def test_a_request_can_be_allowed_for_72_hours(
    *, db: AsyncSession, admin: Member, other: Member, after: str, is_open: bool
) -> None:
    proposal = await admin.post("/members", **FINANCE)
    await db.execute(text(f"UPDATE control_request SET expires_at = expires_at - interval '{after}'"))
    await db.commit()

    answer = await approve(other, proposal)

    assert answer.status_code == (200 if is_open else 409), answer.text
    assert answer.json().get("state") == (None if is_open else "expired")


async def test_the_table_knows_no_request_that_one_person_proposed_and_allowed(
    admin: Member, sessions: Sessions
) -> None:
    await admin.post("/members", **FINANCE)

    alone = "state = 'approved', decided_by = proposed_by, decided_at = now()"
    with pytest.raises(IntegrityError) as tripped:
        await run(sessions, f"UPDATE control_request SET {alone}")
    assert constraint_of(tripped.value) == "control_request_two_people"
