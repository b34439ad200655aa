"""Hospitals with what belongs to them; a test states only what it is about."""

from __future__ import annotations

import dataclasses
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import RuleSetRow
from guahao.catalog.policy.rules import Rules
from guahao.catalog.queries import forget_rules
from guahao.catalog.service import (
    CampusRow,
    DepartmentRow,
    DoctorLevel,
    DoctorRow,
    HospitalKind,
    HospitalRow,
    upsert_campus,
    upsert_department,
    upsert_doctor,
    upsert_hospital,
)
from guahao.identity.models.account import Login, LoginKind
from guahao.identity.models.staff import Staff
from guahao.identity.service.token import hash_of
from guahao.kernel.clock import utc_now
from guahao.kernel.ids import new_id


def _code() -> str:
    return secrets.token_hex(4)


def hospital_row(**overrides: Any) -> HospitalRow:
    """A valid hospital."""
    default = HospitalRow(
        code=_code(), name="示范市第一人民医院", kind=HospitalKind.GENERAL, city="示范市", level="三级甲等"
    )
    return dataclasses.replace(default, **overrides)


async def make_hospital(db: AsyncSession, *, rules: dict[str, Any] | None = None, **overrides: Any) -> int:
    """A hospital with the default rules (but for `rules`) in force as version 1; answers its number."""
    hospital_id = await upsert_hospital(db, row=hospital_row(**overrides), actor="system")
    if rules:
        values = msgspec.to_builtins(dataclasses.replace(Rules(), **rules))
        await db.execute(update(RuleSetRow).where(RuleSetRow.hospital_id == hospital_id).values(rules=values))
    forget_rules(hospital_id)
    return hospital_id


async def make_campus(db: AsyncSession, *, hospital_id: int, **overrides: Any) -> UUID:
    """A campus."""
    row = dataclasses.replace(CampusRow(code=_code(), name="本部"), **overrides)
    return await upsert_campus(db, hospital_id=hospital_id, row=row)


async def make_department(db: AsyncSession, *, hospital_id: int, **overrides: Any) -> UUID:
    """A department open to everybody."""
    row = dataclasses.replace(
        DepartmentRow(code=_code(), name="消化内科", national_code="03.02"), **overrides
    )
    return await upsert_department(db, hospital_id=hospital_id, row=row)


async def make_doctor(db: AsyncSession, *, hospital_id: int, **overrides: Any) -> UUID:
    """A doctor, in no department unless `department_codes` says so."""
    row = dataclasses.replace(DoctorRow(code=_code(), name="王建国", level=DoctorLevel.GENERAL), **overrides)
    return await upsert_doctor(db, hospital_id=hospital_id, row=row)


async def staff_headers(
    db: AsyncSession, *, hospital_id: int | None, role: str = "hospital_admin"
) -> dict[str, str]:
    """The headers of somebody of the staff who is logged in."""
    token, staff_id, now = secrets.token_urlsafe(32), new_id(), utc_now()
    db.add(
        Staff(
            id=staff_id,
            hospital_id=hospital_id,
            username=f"staff_{secrets.token_hex(5)}",
            password_hash="-",
            name="李管理",
            roles=[role],
        )
    )
    later = now + timedelta(hours=1)
    db.add(
        Login(
            token_hash=hash_of(token),
            id=new_id(),
            staff_id=staff_id,
            kind=LoginKind.PASSWORD,
            device="",
            created_at=now,
            last_seen_at=now,
            idle_expires_at=later,
            expires_at=later,
        )
    )
    await db.flush()
    return {"Authorization": f"Bearer {token}"}
