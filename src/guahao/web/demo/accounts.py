"""The demo's accounts: one of every staff role, two people with a patient each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from guahao.catalog.models import Hospital
from guahao.identity.models.account import Account
from guahao.identity.models.consent import ConsentKind
from guahao.identity.models.person import DocumentType, Relation
from guahao.identity.models.staff import Staff
from guahao.identity.policy.document import read_identity
from guahao.identity.policy.permission import Role
from guahao.identity.queries.consents import current_texts
from guahao.identity.service.account import register
from guahao.identity.service.consents import Accepted
from guahao.identity.service.password import hash_password
from guahao.identity.service.patients import NewPatient, add_patient
from guahao.identity.service.staff import create_staff
from guahao.kernel.clock import local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.i18n import text

PASSWORD = "guahao-demo-2026"  # noqa: S105  # printed at every start of the demo
_ACTOR = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAccount:
    """How to log in as somebody."""

    role: str
    username: str
    password: str = PASSWORD


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    username: str
    phone: str
    document_number: str
    name: str


_PEOPLE = (
    _Person(
        username="demo_patient", phone="13800000001", document_number="11010119900307109X", name="patient_1"
    ),
    _Person(
        username="demo_patient_2", phone="13800000002", document_number="110101198505150068", name="patient_2"
    ),
)

ACCOUNTS = (
    *(DemoAccount(role=role.value, username=f"demo_{role.value}") for role in Role),
    *(DemoAccount(role="patient", username=person.username) for person in _PEOPLE),
)


async def create_accounts(sessions: Sessions, *, key_ring: KeyRing, now: datetime) -> None:
    """Create what is missing of the demo's accounts; the hospital's roles are of the first hospital."""
    async with transaction(sessions) as db:
        hospital_id = await db.scalar(select(Hospital.id).order_by(Hospital.id).limit(1))
        present = set(await db.scalars(select(Staff.username))) | set(
            await db.scalars(select(Account.username))
        )
    if present.issuperset(account.username for account in ACCOUNTS):
        return
    password_hash = await hash_password(PASSWORD)
    async with transaction(sessions) as db:
        for role in Role:
            if f"demo_{role.value}" not in present:
                await create_staff(
                    db,
                    actor=_ACTOR,
                    hospital_id=None if role is Role.PLATFORM_ADMIN else hospital_id,
                    username=f"demo_{role.value}",
                    password_hash=password_hash,
                    name=text(f"demo_account.{role.value}"),
                    roles=[role],
                )
    for person in _PEOPLE:
        if person.username not in present:
            await _create_person(sessions, person, password_hash, key_ring=key_ring, now=now)


async def _create_person(
    sessions: Sessions, person: _Person, password_hash: str, *, key_ring: KeyRing, now: datetime
) -> None:
    identity = read_identity(
        DocumentType.RESIDENT_ID,
        number=person.document_number,
        name=text(f"demo_account.{person.name}"),
        birth_date=None,
        sex=None,
        today=local_date(now),
    )
    kind = ConsentKind.SENSITIVE_PERSONAL_INFORMATION
    new = NewPatient(
        identity=identity,
        phone=person.phone,
        relation=Relation.SELF,
        guardian_patient_id=None,
        accepted=[Accepted(kind=kind, version=current_texts()[kind].version)],
    )
    async with transaction(sessions) as db:
        account = await register(
            db,
            key_ring=key_ring,
            phone=person.phone,
            username=person.username,
            password_hash=password_hash,
            now=now,
        )
        await add_patient(db, account_id=account.id, new=new, key_ring=key_ring, now=now)
