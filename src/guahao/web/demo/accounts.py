"""Who may log in to the demo: every staff role, finance twice for what needs two, and two families."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Doctor
from guahao.identity.models.account import Account
from guahao.identity.models.consent import ConsentKind
from guahao.identity.models.person import DocumentType, Relation
from guahao.identity.models.staff import Staff
from guahao.identity.policy.document import read_identity
from guahao.identity.policy.number import check_digit
from guahao.identity.policy.permission import Role
from guahao.identity.queries.consents import current_texts
from guahao.identity.service.account import register
from guahao.identity.service.consents import Accepted
from guahao.identity.service.password import hash_password
from guahao.identity.service.patients import NewPatient, add_patient
from guahao.identity.service.staff import NewMember, create_staff
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction


class DemoAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may log in: `role` is `patient` or a role of staff."""

    role: str
    username: str
    password: str


class _Staff(msgspec.Struct, frozen=True, kw_only=True):
    username: str
    name: str
    role: Role
    hospital: str | None = None
    doctor: str | None = None


class _Patient(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    number_head: str
    relation: Relation
    is_ward: bool = False


class _Account(msgspec.Struct, frozen=True, kw_only=True):
    username: str
    phone: str
    patients: tuple[_Patient, ...]


class _Accounts(msgspec.Struct, frozen=True, kw_only=True):
    password: str
    staff: tuple[_Staff, ...]
    accounts: tuple[_Account, ...]


@cache
def _accounts() -> _Accounts:
    source = files("guahao.web.demo").joinpath("accounts.toml").read_bytes()
    return msgspec.toml.decode(source, type=_Accounts)


async def create_accounts(sessions: Sessions, *, hospital_ids: dict[str, int], key_ring: KeyRing) -> None:
    """Make what is missing; `hospital_ids` are the numbers of the demo's hospitals by code."""
    await _make_staff(sessions, hospital_ids)
    for account in _accounts().accounts:
        await _make_account(sessions, account, key_ring=key_ring)


def demo_accounts() -> tuple[DemoAccount, ...]:
    """Everybody who may log in, patients first."""
    shown = _accounts()
    staff = [(one.role.value, one.username) for one in shown.staff]
    patients = [("patient", one.username) for one in shown.accounts]
    return tuple(
        DemoAccount(role=role, username=username, password=shown.password)
        for role, username in [*patients, *staff]
    )


def demo_usernames() -> frozenset[str]:
    """Every name that logs in to the demo."""
    return frozenset(account.username for account in demo_accounts())


async def _make_staff(sessions: Sessions, hospital_ids: dict[str, int]) -> None:
    async with transaction(sessions) as db:
        present = set(await db.scalars(select(Staff.username)))
    for one in _accounts().staff:
        if one.username in present:
            continue
        password_hash = await hash_password(_accounts().password)
        new = NewMember(
            hospital_id=hospital_ids[one.hospital] if one.hospital else None,
            username=one.username,
            name=one.name,
            roles=[one.role],
        )
        async with transaction(sessions) as db:
            if one.doctor is not None and new.hospital_id is not None:
                new = replace(new, doctor_id=await _doctor_id(db, new.hospital_id, one.doctor))
            member = await create_staff(db, actor="system", new=new)
            member.password_hash = password_hash  # here alone: the product sets nobody's password


async def _doctor_id(db: AsyncSession, hospital_id: int, code: str) -> UUID | None:
    """The doctor with this number in the demo's own workbook."""
    doctor = select(Doctor.id).where(Doctor.hospital_id == hospital_id, Doctor.code == code)
    found: UUID | None = await db.scalar(doctor)
    return found


async def _make_account(sessions: Sessions, account: _Account, *, key_ring: KeyRing) -> None:
    """Register the account and add its patients, together or not at all."""
    async with transaction(sessions) as db:
        if await db.scalar(select(Account.id).where(Account.username == account.username)):
            return
    password_hash = await hash_password(_accounts().password)
    async with transaction(sessions) as db:
        made = await register(
            db,
            key_ring=key_ring,
            phone=account.phone,
            username=account.username,
            password_hash=password_hash,
            now=utc_now(),
        )
        guardian_id: UUID | None = None
        for patient in account.patients:
            new = _new_patient(account, patient, guardian_id=guardian_id)
            added, _ = await add_patient(
                db, account_id=made.id, new=new, is_verified=True, key_ring=key_ring, now=utc_now()
            )
            guardian_id = guardian_id or added.id


def _new_patient(account: _Account, patient: _Patient, *, guardian_id: UUID | None) -> NewPatient:
    identity = read_identity(
        DocumentType.RESIDENT_ID,
        number=patient.number_head + check_digit(patient.number_head),
        name=patient.name,
        birth_date=None,
        sex=None,
        today=local_date(utc_now()),
    )
    kinds = set(ConsentKind) - (set() if patient.is_ward else {ConsentKind.CHILD_SENSITIVE})
    texts = current_texts()
    return NewPatient(
        identity=identity,
        phone=account.phone,
        relation=patient.relation,
        guardian_patient_id=guardian_id if patient.is_ward else None,
        accepted=[Accepted(kind=kind, version=texts[kind].version) for kind in sorted(kinds)],
    )
