from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint

from guahao.kernel.db import Base
from tools.problems import load

load()
TABLES = sorted(Base.metadata.tables.values(), key=lambda table: table.name)

# Rows of no hospital: reference data in every cell when hospitals are spread over machines.
DIRECTORY = {
    "account",
    "consent",
    "control_request",  # of the platform's own people too
    "hospital",
    "idempotency_key",
    "installation_mark",
    "job_run",
    "login",
    "login_budget",
    "login_throttle",
    "patient",
    "person",
    "person_duplicate",  # of persons, whom several hospitals know
    "bill_run",  # a bill of the one merchant is about all hospitals
    "provider_fault",
    "sandbox_bill",  # what the providers would remember, of all hospitals; empty in production
    "sandbox_delivery",
    "sandbox_fault",
    "sandbox_refund",
    "sandbox_sms",
    "sandbox_trade",
    "sandbox_weixin_code",
    "sandbox_weixin_consent",
    "sandbox_weixin_message",
    "sandbox_weixin_token",
    "security_event",
    "sms_budget",
    "sms_code",
    "staff",
    "staff_invitation",
    "staff_recovery_code",
    "workbook_import",  # a file of the platform makes the hospitals it tells of
    "worker_heartbeat",
}
OWNED = [table for table in TABLES if table.name not in DIRECTORY]


def keys(table: Table) -> Iterator[tuple[str, list[str]]]:
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            yield str(constraint.name), [column.name for column in constraint.columns]
    for index in table.indexes:
        if index.unique:
            yield str(index.name), [getattr(column, "name", "") for column in index.expressions]


def test_every_table_of_the_directory_exists() -> None:
    assert {table.name for table in TABLES} >= DIRECTORY


def test_booking_is_owned_by_hospitals() -> None:
    assert {table.name for table in OWNED} >= {"appointment", "clinic_session", "payment_order", "slot"}


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
def test_hospital_id_leads_every_key_of_a_hospital_owned_table(table: Table) -> None:
    astray = {name: columns for name, columns in keys(table) if columns[0] != "hospital_id"}

    assert astray == {}


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
def test_references_between_hospital_owned_tables_stay_inside_the_hospital(table: Table) -> None:
    astray = []
    for reference in table.foreign_key_constraints:
        if reference.referred_table.name in DIRECTORY:
            continue
        first = reference.elements[0]
        if (first.parent.name, first.column.name) != ("hospital_id", "hospital_id"):
            astray.append(str(reference.name))

    assert astray == []


@pytest.mark.parametrize("table", sorted(DIRECTORY))
def test_the_directory_never_refers_to_a_hospital_owned_row(table: str) -> None:
    references = Base.metadata.tables[table].foreign_key_constraints

    assert {reference.referred_table.name for reference in references} <= DIRECTORY
