from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.consent import Consent, ConsentChannel
from guahao.identity.models.person import Patient, Person
from guahao.identity.models.staff import ControlRequest, Staff
from guahao.identity.policy.permission import HOSPITAL_ROLES, PERMISSIONS_OF, PLATFORM_ROLES, Permission, Role
from guahao.identity.queries import lock_patients
from guahao.kernel.db import Sessions, constraint_of, transaction
from guahao.kernel.ids import new_id
from tests.factories.person import patient_body, resident_id
from tests.factories.staff import make_staff, staff_header

pytestmark = pytest.mark.anyio
MEMBERS = "/api/v1/staff/members"
DESK = "/api/v1/staff/patients"
Who = tuple[UUID, dict[str, str]]


async def hired(sessions: Sessions, *roles: Role, hospital_id: int | None = None) -> Who:
    async with transaction(sessions) as db:
        member = await make_staff(db, *roles, hospital_id=hospital_id)
        return member.id, await staff_header(db, member.id)


def member_body(**overrides: object) -> dict[str, object]:
    body: dict[str, object] = {
        "username": "li_desk",
        "name": "李窗口",
        "roles": ["desk"],
    }
    return body | overrides


def test_every_role_has_permissions_and_may_be_given_somewhere() -> None:
    assert set(PERMISSIONS_OF) == set(Role)
    assert set(Role) == PLATFORM_ROLES | HOSPITAL_ROLES
    assert all(Permission.OWN_LOGIN in allowed for allowed in PERMISSIONS_OF.values())


def test_who_administers_does_not_read_the_trail_and_who_reads_it_changes_nothing() -> None:
    readers = {role for role, allowed in PERMISSIONS_OF.items() if Permission.VIEW_AUDIT in allowed}

    assert readers == {Role.AUDITOR}
    assert PERMISSIONS_OF[Role.AUDITOR] == {
        Permission.OWN_LOGIN,
        Permission.VIEW_CATALOG,
        Permission.VIEW_AUDIT,
        Permission.VIEW_RELEASES,
        Permission.VIEW_ORDERS,
        Permission.VIEW_BOOKS,
        Permission.VIEW_PAYMENT_SETTINGS,
    }


def test_no_role_both_moves_money_back_and_sets_the_limit_for_it_or_takes_it() -> None:
    refunders = {role for role, allowed in PERMISSIONS_OF.items() if Permission.MANAGE_MONEY in allowed}

    assert refunders == {Role.FINANCE}
    assert PERMISSIONS_OF[Role.FINANCE].isdisjoint(
        {Permission.TAKE_PAYMENT, Permission.EDIT_PAYMENT_SETTINGS, Permission.EDIT_CATALOG}
    )


async def test_a_hospital_administrator_hires_who_can_log_in(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)

    made = await client.post(MEMBERS, json=member_body(), headers=admin)

    assert made.status_code == 201
    assert (made.json()["hospital_id"], made.json()["roles"], made.json()["disabled_at"]) == (
        "7",
        ["desk"],
        None,
    )
    own = {"username": "LI_desk", "password": "a quiet long secret"}
    code = made.json()["invitation"]["code"]
    await client.post("/api/v1/staff/invitations", json=own | {"code": code})
    login = await client.post("/api/v1/staff/logins", json=own)
    assert login.status_code == 201
    me = await client.get("/api/v1/staff/me", headers={"Authorization": f"Bearer {login.json()['token']}"})
    assert me.json()["id"] == made.json()["id"]
    names = [member["username"] for member in (await client.get(MEMBERS, headers=admin)).json()["items"]]
    assert "li_desk" in names


async def test_one_username_however_many_hire_at_once(client: httpx.AsyncClient, sessions: Sessions) -> None:
    _, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)

    answers = await asyncio.gather(
        *(client.post(MEMBERS, json=member_body(), headers=admin) for _ in range(3))
    )

    assert Counter(a.json().get("code", "made") for a in answers) == {"made": 1, "staff-username-taken": 2}


@pytest.mark.parametrize(
    ("overrides", "status", "code"),
    [
        ({"roles": ["platform_admin"]}, 422, "roles-not-allowed"),
        ({"roles": []}, 422, "invalid-request"),
        ({"roles": ["king"]}, 422, "invalid-request"),
        ({"hospital_id": "8"}, 404, "not-found"),
        ({"hospital_id": "0"}, 422, "invalid-request"),
        ({"password": "a quiet long secret"}, 422, "invalid-request"),
        ({"doctor_id": str(new_id(7)), "roles": ["doctor"]}, 422, "doctor-required"),
        ({"roles": ["doctor"]}, 422, "doctor-required"),
        ({"roles": ["nurse", "doctor"]}, 422, "doctor-required"),
        ({"totp_confirmed_at": "2026-01-01T00:00:00Z"}, 422, "invalid-request"),
    ],
)
async def test_a_refused_hiring_leaves_nothing(  # noqa: PLR0917 - fixtures and parameters
    client: httpx.AsyncClient,
    sessions: Sessions,
    db: AsyncSession,
    overrides: dict[str, object],
    status: int,
    code: str,
) -> None:
    _, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)

    refused = await client.post(MEMBERS, json=member_body(**overrides), headers=admin)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await db.scalar(select(func.count()).select_from(Staff)) == 1


async def test_platform_roles_are_for_the_platform_alone(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, admin = await hired(sessions, Role.PLATFORM_ADMIN)

    own = await client.post(MEMBERS, json=member_body(roles=["auditor"]), headers=admin)
    desk = await client.post(MEMBERS, json=member_body(username="no_desk"), headers=admin)
    hospital = await client.post(
        MEMBERS,
        json=member_body(username="h_admin", hospital_id="3", roles=["hospital_admin"]),
        headers=admin,
    )

    assert (own.status_code, own.json()["kind"]) == (202, "create_member")
    assert (desk.status_code, desk.json()["code"]) == (422, "roles-not-allowed")
    assert (hospital.status_code, hospital.json()["kind"]) == (202, "create_member")


async def test_staff_of_another_hospital_do_not_exist(client: httpx.AsyncClient, sessions: Sessions) -> None:
    _, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    foreign, _ = await hired(sessions, Role.DESK, hospital_id=8)
    platform, _ = await hired(sessions, Role.FINANCE)

    for id_ in (foreign, platform):
        changed = await client.patch(f"{MEMBERS}/{id_}", json={"disabled": True, "version": 1}, headers=admin)
        reset = await client.delete(f"{MEMBERS}/{id_}/totp", headers=admin)
        assert [changed.status_code, reset.status_code] == [404, 404]
    listed = (await client.get(MEMBERS, headers=admin)).json()["items"]
    assert {member["hospital_id"] for member in listed} == {"7"}


@pytest.mark.parametrize("change", [{"disabled": True}, {"roles": ["nurse"]}])
async def test_who_is_disabled_or_gets_other_roles_is_logged_out_at_once(
    client: httpx.AsyncClient, sessions: Sessions, change: dict[str, object]
) -> None:
    _, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    desk_id, desk = await hired(sessions, Role.DESK, hospital_id=7)
    assert (await client.get("/api/v1/staff/me", headers=desk)).status_code == 200

    changed = await client.patch(f"{MEMBERS}/{desk_id}", json=change | {"version": 1}, headers=admin)

    assert changed.status_code == 200
    assert (await client.get("/api/v1/staff/me", headers=desk)).status_code == 401


async def test_a_rename_leaves_both_names_in_the_trail_and_the_same_name_leaves_none(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    made = (await client.post(MEMBERS, json=member_body(), headers=admin)).json()

    for version, name in ((1, "王窗口"), (2, "王窗口")):
        body = {"name": name, "version": version}
        assert (await client.patch(f"{MEMBERS}/{made['id']}", json=body, headers=admin)).status_code == 200

    entries = await db.scalars(
        select(AuditEntryRow.data).where(AuditEntryRow.action == "staff.change").order_by(AuditEntryRow.id)
    )
    now_is = {"roles": ["desk"], "disabled": False}
    assert entries.all() == [now_is | {"old_name": "李窗口", "name": "王窗口"}, now_is]


async def test_nobody_changes_their_own_access(client: httpx.AsyncClient, sessions: Sessions) -> None:
    me, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)

    refused = [
        await client.patch(f"{MEMBERS}/{me}", json={"disabled": True, "version": 1}, headers=admin),
        await client.patch(f"{MEMBERS}/{me}", json={"roles": ["auditor"], "version": 1}, headers=admin),
        await client.post(f"{MEMBERS}/{me}/invitation", headers=admin),
        await client.delete(f"{MEMBERS}/{me}/totp", headers=admin),
    ]

    assert [answer.json()["code"] for answer in refused] == ["own-access-unchangeable"] * 4
    assert (await client.patch(f"{MEMBERS}/{me}", json={"name": "新名", "version": 1}, headers=admin)).json()[
        "name"
    ] == "新名"


@pytest.mark.parametrize("role", [Role.DESK, Role.NURSE, Role.DOCTOR, Role.FINANCE, Role.AUDITOR])
async def test_only_administrators_manage_staff(
    client: httpx.AsyncClient, sessions: Sessions, role: Role
) -> None:
    _, who = await hired(sessions, role, hospital_id=7)

    refused = await client.get(MEMBERS, headers=who)

    assert (refused.status_code, refused.json()["code"]) == (403, "permission-missing")


async def test_the_list_of_staff_has_pages(client: httpx.AsyncClient, sessions: Sessions) -> None:
    _, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    for _ in range(4):
        await hired(sessions, Role.NURSE, hospital_id=7)

    seen, cursor = [], None
    for _ in range(3):
        page = (
            await client.get(
                MEMBERS, params={"limit": 2} | ({"cursor": cursor} if cursor else {}), headers=admin
            )
        ).json()
        seen += [member["id"] for member in page["items"]]
        cursor = page["next_cursor"]

    assert cursor is None
    assert len(set(seen)) == len(seen) == 5


async def test_members_are_found_by_words_role_hospital_and_state(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, platform = await hired(sessions, Role.PLATFORM_ADMIN)
    _, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    for name, username, hospital in (
        ("张一", "zhang_1", "7"),
        ("李二", "li_2", "7"),
        ("张三", "zhang_3", "8"),
    ):
        body = member_body(name=name, username=username, hospital_id=hospital)
        made = await client.post(MEMBERS, json=body, headers=platform)
        assert made.status_code == 201
    gone = {"disabled": True, "version": 1}
    await client.patch(f"{MEMBERS}/{made.json()['id']}", json=gone, headers=platform)

    async def names(who: dict[str, str], **params: object) -> list[str]:
        answer = await client.get(MEMBERS, params=params | {"role": "desk"}, headers=who)
        return [member["name"] for member in answer.json()["items"]]

    assert await names(platform, q="张", sort="username") == ["张一", "张三"]
    assert await names(platform, q="LI_", sort="name") == ["李二"]
    assert await names(platform, q="%") == []
    assert await names(platform, hospital_id=8) == ["张三"]
    assert await names(platform, is_disabled=True) == ["张三"]
    assert await names(platform, is_disabled=False, sort="-username") == ["张一", "李二"]
    assert await names(admin, q="张") == ["张一"]
    assert await names(admin, hospital_id=8) == []


async def test_the_members_as_a_file_are_those_of_the_search(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    me, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    await hired(sessions, Role.DESK, hospital_id=8)
    await client.post(MEMBERS, json=member_body(name="=1+1"), headers=admin)

    file = await client.get(f"{MEMBERS}.csv", params={"role": "desk", "q": "li"}, headers=admin)

    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert [row[:4] for row in rows[1:]] == [["li_desk", "'=1+1", "7", "窗口"]]
    entry = await db.scalar(select(AuditEntryRow).where(AuditEntryRow.action == "list.export"))
    assert entry is not None
    assert (entry.hospital_id, entry.actor, entry.data) == (
        7,
        f"staff:{me}",
        {"form": "csv", "filters": {"q": True, "role": "desk"}, "rows": 1},
    )


async def test_of_two_who_edit_a_member_the_second_is_told(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    desk, _ = await hired(sessions, Role.DESK, hospital_id=7)
    _, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)

    first, second = [
        await client.patch(f"{MEMBERS}/{desk}", json={"name": name, "version": 1}, headers=admin)
        for name in ("先到", "后到")
    ]

    assert (first.json()["name"], first.json()["version"]) == ("先到", 2)
    assert (second.status_code, second.json()["code"]) == (409, "edit-conflict")
    assert (second.json()["your_version"], second.json()["current_version"]) == (1, 2)


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("roles = '{}'", "staff_roles_check"),
        ("roles = '{king}'", "staff_roles_check"),
        ("roles = '{platform_admin}'", "staff_platform_admin_check"),
        ("username = 'UPPER'", "staff_username_check"),
        ("roles = '{finance,hospital_admin}'", "staff_roles_compatible"),
        ("roles = '{auditor,nurse}'", "staff_roles_compatible"),
        ("doctor_id = gen_random_uuid()", "staff_doctor_check"),
    ],
)
async def test_the_tables_refuse_what_no_rule_allows(
    sessions: Sessions, assignment: str, constraint: str
) -> None:
    await hired(sessions, Role.DESK, hospital_id=7)

    with pytest.raises(IntegrityError) as tripped:
        async with transaction(sessions) as db:
            await db.execute(text(f"UPDATE staff SET {assignment}"))

    assert constraint_of(tripped.value) == constraint


def enrol_body(**overrides: object) -> dict[str, object]:
    body = patient_body(**overrides)
    return {name: value for name, value in body.items() if name not in {"relation", "phone"}}


async def test_the_desk_enrols_a_person_without_phone_once(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    staff_id, desk = await hired(sessions, Role.DESK, hospital_id=7)
    body = enrol_body(name="张小丰")

    answers = await asyncio.gather(*(client.post(DESK, json=body, headers=desk) for _ in range(4)))

    assert [answer.status_code for answer in answers] == [201] * 4
    (shown,) = {(a.json()["id"], a.json()["name"]) for a in answers}
    assert shown[1] == "张*丰"
    assert [await db.scalar(select(func.count()).select_from(table)) for table in (Person, Patient)] == [1, 1]
    facts = (await lock_patients(db, [(None, UUID(shown[0]))]))[None, UUID(shown[0])]
    assert (facts.verified, facts.consented) == (True, True)
    consent = await db.scalar(select(Consent))
    assert consent is not None
    assert (consent.channel, consent.staff_id, str(consent.patient_id)) == (
        ConsentChannel.COUNTER,
        staff_id,
        shown[0],
    )
    entry = await db.scalar(select(AuditEntryRow).where(AuditEntryRow.action == "patient.enrol").limit(1))
    assert entry is not None
    assert (entry.hospital_id, entry.actor) == (7, f"staff:{staff_id}")


async def test_the_desk_enrols_nobody_without_consent_or_under_another_name(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, desk = await hired(sessions, Role.DESK, hospital_id=7)
    number = resident_id()

    without = await client.post(DESK, json=enrol_body(document_number=number, consents=[]), headers=desk)
    assert without.json()["code"] == "consent-required"
    assert await db.scalar(select(func.count()).select_from(Person)) == 0
    await db.rollback()
    first = await client.post(DESK, json=enrol_body(document_number=number), headers=desk)
    other = await client.post(DESK, json=enrol_body(document_number=number, name="李四"), headers=desk)

    assert first.status_code == 201
    assert other.json()["code"] == "identity-not-verified"


@pytest.mark.parametrize("roles", [["doctor"], ["doctor", "hospital_admin"]])
async def test_nobody_becomes_a_doctor_without_being_one_of_the_hospital(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession, roles: list[str]
) -> None:
    _, admin = await hired(sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    nurse, _ = await hired(sessions, Role.NURSE, hospital_id=7)

    refused = await client.patch(f"{MEMBERS}/{nurse}", json={"version": 1, "roles": roles}, headers=admin)

    assert (refused.status_code, refused.json()["code"]) == (422, "doctor-required")
    assert "本院的一位医生" in refused.json()["title"]
    assert (await db.scalars(select(Staff.roles).where(Staff.id == nurse))).one() == ["nurse"]
    assert await db.scalar(select(func.count()).select_from(ControlRequest)) == 0
