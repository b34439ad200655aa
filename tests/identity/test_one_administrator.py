"""Whatever two steps one administrator takes, both halves of a two-person control are never theirs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Select, select

from guahao.identity.models.staff import ControlRequest, RequestState, Staff, StaffInvitation
from guahao.identity.policy.permission import CONTROL_ROLES, Role
from guahao.identity.service.invitations import InvitationRefused, join
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.payment.models import Adjustment, Refund
from guahao.payment.policy import SECOND_PERSON_OVER_FEN
from guahao.payment.queries.setting import choices_of
from tests.factories.office import Member, hire
from tests.factories.payment import make_order, pay
from tests.factories.staff import PASSWORD_HASH, make_staff, staff_header

pytestmark = pytest.mark.anyio
REFUND: dict[str, Any] = {"amount_fen": SECOND_PERSON_OVER_FEN + 1, "note": "患者要求退款"}
ENTRY = {"debit": "difference", "credit": "wechat", "amount_fen": 100, "note": "短款一元，经查为手续费差"}
LOOSE = {"is_alipay_offered": False, "second_person_over_fen": SECOND_PERSON_OVER_FEN + 1}


@dataclass(kw_only=True)
class Attack:
    """One administrator, the people of the same house, and the accounts that came into one hand."""

    client: httpx.AsyncClient
    sessions: Sessions
    keys: KeyRing
    admin: Member
    hospital_id: int
    people: dict[str, Staff]
    order: UUID
    hand: list[Member] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    async def take(self, step: Step) -> None:
        """Take a step as the administrator and as every account in hand, then use whatever code was told."""
        for who in (self.admin, *self.hand):
            for answer in await step.take(self, who):
                self._hear(answer)
        await self._join()

    def _hear(self, answer: httpx.Response) -> None:
        assert answer.status_code < 500, answer.text
        text = answer.text if answer.content else ""
        self.codes += re.findall(r"[a-z0-9]{4}(?:-[a-z0-9]{4}){3}", text)

    async def _join(self) -> None:
        """Try every code told, and every two of them together, under every name."""
        tried = [*self.codes, *(a + b for a in self.codes for b in self.codes if a != b)]
        async with self.sessions() as db:
            invited = select(Staff).join(StaffInvitation).where(Staff.hospital_id == self.hospital_id)
            members = (await db.scalars(invited)).all()
        for member in members:
            for code in tried:
                await self._join_as(member, code)

    async def _join_as(self, member: Staff, code: str) -> None:
        try:
            async with transaction(self.sessions) as db:
                await join(
                    db,
                    username=member.username,
                    code=code,
                    password_hash=PASSWORD_HASH,
                    key_ring=self.keys,
                    now=utc_now(),
                )
                header = await staff_header(db, member.id)
        except InvitationRefused:
            return
        self.hand.append(Member(client=self.client, id=member.id, header=header))

    async def ids(self, found: Select[UUID]) -> Sequence[UUID]:
        """Ids as somebody knows them who need not be allowed to look."""
        async with self.sessions() as db:
            return (await db.scalars(found)).all()

    async def version(self, name: str) -> int:
        async with self.sessions() as db:
            return (await db.scalars(select(Staff.version).where(Staff.id == self.people[name].id))).one()


@dataclass(frozen=True)
class Step:
    """One thing that somebody may try."""

    name: str
    take: Callable[[Attack, Member], Awaitable[list[httpx.Response]]]

    def __str__(self) -> str:
        return self.name


def create(role: Role) -> Step:
    async def take(attack: Attack, who: Member) -> list[httpx.Response]:
        body = {"username": f"u.{secrets.token_hex(6)}", "name": "新人", "roles": [role]}
        return [await who.post("/members", hospital_id=str(attack.hospital_id), **body)]

    return Step(f"create {role}", take)


def change(name: str, what: str, **values: object) -> Step:
    async def take(attack: Attack, who: Member) -> list[httpx.Response]:
        path = f"/members/{attack.people[name].id}"
        return [await who.patch(path, version=await attack.version(name), **values)]

    return Step(f"{what} {name}", take)


def reset(name: str, path: str) -> Step:
    async def take(attack: Attack, who: Member) -> list[httpx.Response]:
        member = f"/members/{attack.people[name].id}/{path}"
        return [await (who.delete(member) if path == "totp" else who.post(member))]

    return Step(f"reset {path} of {name}", take)


async def _decide(attack: Attack, who: Member, deed: str) -> list[httpx.Response]:
    answers = []
    waiting = await who.get("/control-requests", state="open", limit=100)
    here = [
        request
        for request in waiting.json().get("items", [])
        if request["hospital_id"] == str(attack.hospital_id)
    ]
    for request in here:
        path = f"/control-requests/{request['id']}/{deed}"
        if request["kind"] == "loosen_control" and deed == "approval":
            path = f"/payment-settings/requests/{request['id']}/approval"
        answers.append(await who.post(path))
    return answers


async def _approve(attack: Attack, who: Member) -> list[httpx.Response]:
    return await _decide(attack, who, "approval")


async def _reject(attack: Attack, who: Member) -> list[httpx.Response]:
    return await _decide(attack, who, "rejection")


async def _loosen(attack: Attack, who: Member) -> list[httpx.Response]:
    return [await who.put(f"/payment-settings?hospital_id={attack.hospital_id}", **LOOSE)]


async def _ask_refund(attack: Attack, who: Member) -> list[httpx.Response]:
    return [await who.post(f"/orders/{attack.order}/refunds", **REFUND)]


async def _approve_refunds(attack: Attack, who: Member) -> list[httpx.Response]:
    found = select(Refund.id).where(Refund.hospital_id == attack.hospital_id)
    return [await who.post(f"/refunds/{id_}/approve") for id_ in await attack.ids(found)]


async def _propose_entry(attack: Attack, who: Member) -> list[httpx.Response]:
    return [await who.post("/ledger/adjustments", hospital_id=attack.hospital_id, **ENTRY)]


async def _approve_entries(attack: Attack, who: Member) -> list[httpx.Response]:
    found = select(Adjustment.id).where(Adjustment.hospital_id == attack.hospital_id)
    return [await who.post(f"/ledger/adjustments/{id_}/approve") for id_ in await attack.ids(found)]


MONEY = (
    Step("ask for a refund", _ask_refund),
    Step("approve refunds", _approve_refunds),
    Step("propose an entry", _propose_entry),
    Step("approve entries", _approve_entries),
)
STEPS = (
    *(create(role) for role in (Role.DESK, Role.FINANCE, Role.AUDITOR, Role.HOSPITAL_ADMIN)),
    change("nurse", "promote", roles=["finance"]),
    change("nurse", "make administrator of", roles=["hospital_admin"]),
    change("finance", "demote", roles=["nurse"]),
    change("finance", "disable", disabled=True),
    change("gone", "enable", disabled=False),
    change("administrator", "demote", roles=["nurse"]),
    reset("nurse", "invitation"),
    reset("finance", "invitation"),
    reset("administrator", "invitation"),
    reset("finance", "totp"),
    Step("approve", _approve),
    Step("reject", _reject),
    Step("loosen", _loosen),
)
ALL = (*STEPS, *MONEY)
PEOPLE = {
    "nurse": Role.NURSE,
    "finance": Role.FINANCE,
    "administrator": Role.HOSPITAL_ADMIN,
    "gone": Role.FINANCE,
}


async def attack_of(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions, role: Role, *, hospital_id: int = 7
) -> Attack:
    async with transaction(sessions) as db:
        people = {name: await make_staff(db, kind, hospital_id=hospital_id) for name, kind in PEOPLE.items()}
        people["gone"].disabled_at = utc_now()
        order = await make_order(db, hospital_id=hospital_id, amount_fen=3 * REFUND["amount_fen"])
        await pay(db, order.id)
        header = await staff_header(db, people["finance"].id)
    where = None if role is Role.PLATFORM_ADMIN else hospital_id
    admin = await hire(client, sessions, role, hospital_id=where)
    attack = Attack(
        client=client,
        sessions=sessions,
        keys=app.state.key_ring,
        admin=admin,
        hospital_id=hospital_id,
        people=people,
        order=order.id,
    )
    honest = Member(client=client, id=people["finance"].id, header=header)
    for step in (_ask_refund, _propose_entry):  # what waits for a second person already
        (answer,) = await step(attack, honest)
        assert answer.status_code == 201, answer.text
    return attack


async def deciders(attack: Attack) -> list[tuple[str, str | None]]:
    """Who asked for each refund and manual entry, and who let it go."""
    async with attack.sessions() as db:
        refunds = select(Refund.requested_by, Refund.approved_by)
        entries = select(Adjustment.proposed_by, Adjustment.decided_by)
        return [
            (asked, decided)
            for statement in (
                refunds.where(Refund.hospital_id == attack.hospital_id),
                entries.where(Adjustment.hospital_id == attack.hospital_id),
            )
            for asked, decided in await db.execute(statement)
        ]


@pytest.mark.parametrize("role", [Role.HOSPITAL_ADMIN, Role.PLATFORM_ADMIN])
@pytest.mark.parametrize("first", ALL, ids=str)
async def test_no_two_steps_of_one_administrator_make_two_people(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions, first: Step, role: Role
) -> None:
    for number, second in enumerate(ALL):
        attack = await attack_of(app, client, sessions, role, hospital_id=100 + number)

        await attack.take(first)
        await attack.take(second)

        async with sessions() as db:
            in_hand = await db.scalars(select(Staff).where(Staff.id.in_([who.id for who in attack.hand])))
            powers = {(str(second), role) for member in in_hand for role in member.roles}
            allowed = await db.scalars(
                select(ControlRequest.kind).where(
                    ControlRequest.state == RequestState.APPROVED,
                    ControlRequest.hospital_id == attack.hospital_id,
                )
            )
            limit_fen = (await choices_of(db, hospital_id=attack.hospital_id)).second_person_over_fen
        assert {power for power in powers if power[1] in CONTROL_ROLES} == set()
        assert (str(second), list(allowed), limit_fen) == (str(second), [], SECOND_PERSON_OVER_FEN)
        honest = f"staff:{attack.people['finance'].id}"
        assert (str(second), await deciders(attack)) == (str(second), [(honest, None)] * 2)


@pytest.mark.parametrize("first", MONEY, ids=str)
async def test_no_two_steps_of_one_member_of_finance_make_two_people(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions, first: Step
) -> None:
    for number, second in enumerate(MONEY):
        attack = await attack_of(app, client, sessions, Role.FINANCE, hospital_id=100 + number)

        await attack.take(first)
        await attack.take(second)

        moved = await deciders(attack)
        assert [(str(second), pair) for pair in moved if pair[0] == pair[1]] == []
        own = [decided for asked, decided in moved if asked == attack.admin.actor]
        assert own == [None] * len(own)


async def test_two_members_of_finance_do_all_that_one_cannot(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    attack = await attack_of(app, client, sessions, Role.FINANCE)
    other = await hire(client, sessions, Role.FINANCE, hospital_id=7)
    for step in MONEY:
        await attack.take(step)

    for approve in (_approve_refunds, _approve_entries):
        await approve(attack, other)

    honest = f"staff:{attack.people['finance'].id}"
    pairs = [(honest, attack.admin.actor), (attack.admin.actor, other.actor)]
    assert sorted(await deciders(attack)) == sorted(2 * pairs)


async def test_two_administrators_do_all_that_one_cannot(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    attack = await attack_of(app, client, sessions, Role.HOSPITAL_ADMIN)
    other = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    for step in STEPS[:4]:
        await attack.take(step)

    answers = await _approve(attack, other)

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [member.id for member in attack.hand] != []
    async with sessions() as db:
        hand = await db.scalars(select(Staff).where(Staff.id.in_([who.id for who in attack.hand])))
        assert [member.roles for member in hand] == [["desk"]]
    for answer in answers:
        attack.codes.append(answer.json()["code_part"])
    await attack.take(STEPS[-1])
    async with sessions() as db:
        hand = await db.scalars(select(Staff).where(Staff.id.in_([who.id for who in attack.hand])))
        assert {role for member in hand for role in member.roles} > CONTROL_ROLES - {Role.PLATFORM_ADMIN}
