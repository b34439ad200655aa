"""Days at the ends of the calendar, past them and not in it, on every route that takes a day."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.policy.permission import Role, permissions_of
from guahao.kernel.clock import local_date, utc_now
from tests.architecture.matrix import operations
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import Clinic, make_clinic

pytestmark = pytest.mark.anyio

NONE_SUCH = ("10000-01-01", "2027-02-30")
DAYS = ("9999-12-31", "0001-01-01", "1899-01-01", *NONE_SUCH)
STAFF = "/api/v1/staff/"
MAY_BE_MISSING = "/reconciliations/{provider}/{day}"
VALUES = {"form": "csv", "provider": "wechat_pay"}


def dated(app: FastAPI, *, of_staff: bool) -> Iterator[tuple[str, dict[str, str], list[dict[str, Any]]]]:
    """Paths of reads with the formats of their days and moments by name, and their other parameters."""
    for path, methods in app.openapi()["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        days = {one["name"]: found for one in parameters if (found := _format(one["schema"]))}
        if days and path.startswith(STAFF) is of_staff:
            yield path, days, [one for one in parameters if one["name"] not in days]


def _format(schema: dict[str, Any]) -> str:
    formats = {one.get("format", "") for one in (schema, *schema.get("anyOf", []))}
    return next(iter(formats & {"date", "date-time"}), "")


def asked(days: dict[str, str]) -> Iterator[dict[str, str]]:
    """Each day in each place alone, in all of them, and from the first day to the last."""
    today = local_date(utc_now()).isoformat()
    names = list(days)
    for name, day in itertools.product(names, DAYS):
        yield dict.fromkeys(names, today) | {name: day}
    for day in DAYS:
        yield dict.fromkeys(names, day)
    yield {name: DAYS[1] if name == "from" else DAYS[0] for name in names}


async def ask(
    client: httpx.AsyncClient, app: FastAPI, clinic: Clinic, headers: Mapping[str, dict[str, str]] | None
) -> tuple[int, list[tuple[str, dict[str, str], int]]]:
    """Ask all routes for all days; how often, and which answers are neither a page nor a refusal in words."""
    known = {name: str(getattr(clinic, name)) for name in ("hospital_id", "department_id", "doctor_id")}
    count, wrong = 0, []
    for path, days, others in dated(app, of_staff=headers is not None):
        needed = [one["name"] for one in others if one["required"]]
        values = {name: (known | VALUES)[name] for name in needed}
        who = headers[path] if headers else {}
        for chosen in asked(days):
            texts = {name: _written(chosen[name], kind) for name, kind in days.items()}
            query = {name: value for name, value in (values | texts).items() if f"{{{name}}}" not in path}
            answer = await client.get(path.format(**values, **texts), params=query, headers=who)
            count += 1
            if not _is_right(answer, path, chosen):
                wrong.append((path, chosen, answer.status_code))
    return count, wrong


def _written(day: str, kind: str) -> str:
    return f"{day}T08:00:00+08:00" if kind == "date-time" else day


def _is_right(answer: httpx.Response, path: str, chosen: dict[str, str]) -> bool:
    if answer.status_code == 422:
        return bool(answer.json()["errors"] or answer.json()["title"])
    if answer.status_code == 404:
        return MAY_BE_MISSING in path
    return answer.status_code == 200 and not set(chosen.values()) & set(NONE_SUCH)


async def test_a_patients_reads_take_or_refuse_any_day(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    await db.commit()

    count, wrong = await ask(client, app, clinic, None)

    assert wrong == []
    assert count > 20


async def test_every_read_of_staff_takes_or_refuses_any_day(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    by_role = {
        role: await staff_headers(db, hospital_id=clinic.hospital_id, role=role)
        for role in (Role.HOSPITAL_ADMIN, Role.DESK, Role.FINANCE, Role.AUDITOR)
    }
    await db.commit()
    headers = {
        one.path: next(by_role[role] for role in by_role if one.permission in permissions_of((role,)))
        for one in operations()
        if one.method == "GET" and any(one.permission in permissions_of((role,)) for role in by_role)
    }

    count, wrong = await ask(client, app, clinic, headers)

    assert wrong == []
    assert count > 300
