"""What is guessed first here: the names of the hospitals, however they are typed, and the own phone."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.policy.pinyin import ways_to_type
from guahao.identity.policy.login import is_weak_password
from guahao.identity.policy.permission import Role
from guahao.identity.service.password import hash_password
from guahao.kernel.db import Sessions
from tests.factories.account import phone
from tests.factories.catalog import make_hospital
from tests.factories.newcomer import PASSWORD, bearer, code_for, log_in, register, username
from tests.factories.office import hire, refusal
from tests.factories.staff import make_staff, staff_header

pytestmark = pytest.mark.anyio
WEAK = (422, "password-weak")
GUESSED = ("Yunxi@2026", "yunxidiyi2026", "YXDYRMYY!123", "云溪第一人民医院")
NAME = {"name": "云溪第一人民医院", "city": "云溪市"}


@pytest.mark.parametrize(
    ("password", "weak"),
    [
        *((password, True) for password in GUESSED),
        ("yunxishi888", True),
        ("!renminyiyuan1", True),
        ("d1yirenm1n26", True),
        ("云溪医院的小鲸鱼", False),
        ("yunxi likes green tea", False),
        ("yunxi2026202620262026", False),
        ("dongcheng2026", False),
    ],
)
def test_a_hospitals_name_with_a_few_signs_is_guessed(password: str, weak: bool) -> None:
    guessed = ways_to_type(NAME["name"]) | ways_to_type(NAME["city"])

    assert is_weak_password(password, username="li_desk", guessed=guessed) is weak


def test_a_name_is_typed_whole_in_parts_and_by_its_initials() -> None:
    ways = ways_to_type("重庆长安医院")

    assert ways >= {
        "重庆",
        "重庆长安医院",
        "chongqing",
        "changanyiyuan",
        "chongqingchangan",
        "cqcayy",
        "cqca",
    }
    assert not ways & {"", "重", "chong", "c", "cqc"}


async def test_nobody_of_the_staff_joins_or_goes_on_with_the_hospitals_name(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    hospital = await make_hospital(db, **NAME)
    member = await make_staff(db, Role.NURSE, hospital_id=hospital)
    member.password_hash = await hash_password(PASSWORD)
    header = await staff_header(db, member.id)
    await db.commit()
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=hospital)
    made = (await admin.post("/members", username="li_desk", name="李窗口", roles=["desk"])).json()
    invited = {"username": "li_desk", "code": made["invitation"]["code"]}

    for password in GUESSED:
        joined = await client.post("/api/v1/staff/invitations", json=invited | {"password": password})
        body = {"old_password": PASSWORD, "new_password": password}
        changed = await client.post("/api/v1/staff/me/password", json=body, headers=header)
        assert (refusal(joined), refusal(changed)) == (WEAK, WEAK), password
    again = await client.post("/api/v1/staff/invitations", json=invited | {"password": PASSWORD})
    assert again.status_code == 204


async def test_no_account_begins_or_goes_on_with_the_hospitals_name_or_the_own_phone(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    await make_hospital(db, **NAME)
    await db.commit()
    made = await register(client)
    number = phone()
    proven = {"phone": number, "sms_code": await code_for(client, number, "register"), "username": username()}

    for password in GUESSED:
        begun = await client.post("/api/v1/accounts", json=proven | {"password": password})
        assert refusal(begun) == WEAK, password
    for password in (*GUESSED, made.phone, f"{made.phone}a!", f"{made.phone[-8:]}aa"):
        body = {"old_password": PASSWORD, "new_password": password}
        changed = await client.post("/api/v1/me/password", json=body, headers=bearer(made.token))
        assert refusal(changed) == WEAK, password
    assert await log_in(client, made.username)
