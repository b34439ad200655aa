"""Fills an empty migrated database with one hospital, 1,000 slots and many people who can book."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from guahao.identity.service.token import hash_of

SLOTS = 1000
SLOTS_PER_SESSION = 4
PEOPLE = 60_000
RAW_PEOPLE = 40_000
"""People above this number belong to the raw baseline, those up to it book over HTTP."""
CAPACITY = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """How much there is: people, sessions of one doctor each, and places in every slot.

    Sessions are spread over so many departments; every `free_every`-th costs nothing and every
    `scarce_every`-th is a special doctor's (0: none). `rules` replace defaults.
    """

    people: int = PEOPLE
    sessions: int = SLOTS // SLOTS_PER_SESSION
    capacity: int = CAPACITY
    departments: int = 1
    free_every: int = 0
    scarce_every: int = 0
    rules: Mapping[str, Any] = field(default_factory=dict)


SLOT_ID = "('00000000-0000-8000-8000-0040' || lpad(to_hex({n}), 8, '0'))::uuid"
"""Ids of hospital 1 in SQL, made from a number, so that a load script needs no look-up."""
DIRECTORY_ID = "('00000000-0000-8000-8000-0000' || lpad(to_hex({n}), 8, '0'))::uuid"
"""Ids of the directory in SQL."""


def slot_id(number: int) -> str:
    """The same id in Python."""
    return f"00000000-0000-8000-8000-0040{number:08x}"


def directory_id(number: int) -> str:
    """The same id in Python."""
    return f"00000000-0000-8000-8000-0000{number:08x}"


def token(number: int) -> str:
    """The bearer token of a person."""
    return f"bench-token-{number}"


_CATALOG = """
INSERT INTO hospital (code, name, kind, city) VALUES ('BENCH', '基准医院', 'general', '示范市')
"""
_RULES = """
INSERT INTO rule_set (hospital_id, version, effective_from, rules, created_by)
  VALUES (1, 1, '2020-01-01', $1, 'bench')
"""
_CAMPUS = f"INSERT INTO campus (hospital_id, id, code, name) VALUES (1, {SLOT_ID.format(n=1)}, 'C', '本院')"
_DEPARTMENTS = f"""
INSERT INTO department (hospital_id, id, code, name)
  SELECT 1, {SLOT_ID.format(n="n")}, 'D' || n, '内科' || n FROM generate_series(1, $1::int) n
"""
_DOCTORS = f"""
INSERT INTO doctor (hospital_id, id, code, name, level)
  SELECT 1, {SLOT_ID.format(n="n")}, 'd' || n, '医生' || n, 'general' FROM generate_series(1, $1::int) n
"""
_MORNING = "date_trunc('day', now() + interval '2 days', 'Asia/Shanghai') + interval '8 hours'"
_SESSIONS = f"""
INSERT INTO clinic_session (hospital_id, id, doctor_id, department_id, campus_id, room, level, date, period,
    starts_at, ends_at, release_at, fee_fen, lifecycle)
  SELECT 1, {SLOT_ID.format(n="n")}, {SLOT_ID.format(n="n")}, {SLOT_ID.format(n="(n % $2::int) + 1")},
    {SLOT_ID.format(n=1)}, 'R' || n, CASE WHEN n % $4::int = $4 - 1 THEN 'special' ELSE 'general' END,
    (({_MORNING}) AT TIME ZONE 'Asia/Shanghai')::date, 'morning', {_MORNING}, {_MORNING} + interval '2 hours',
    now() - interval '1 day', CASE WHEN n % $3::int = $3 - 1 THEN 0 ELSE 5000 END, 'published'
  FROM generate_series(1, $1::int) n
"""
_SLOTS = f"""
INSERT INTO slot (hospital_id, id, session_id, starts_at, ends_at, released_at, capacity, free)
  SELECT 1, {SLOT_ID.format(n="n")}, {SLOT_ID.format(n=f"(n - 1) / {SLOTS_PER_SESSION} + 1")},
    {_MORNING} + interval '30 minutes' * ((n - 1) % {SLOTS_PER_SESSION}),
    {_MORNING} + interval '30 minutes' * ((n - 1) % {SLOTS_PER_SESSION} + 1),
    now() - interval '1 day', $2::int, $2::int
  FROM generate_series(1, $1::int * {SLOTS_PER_SESSION}) n
"""
_PEOPLE = (
    f"""
INSERT INTO account (id, openid) SELECT {DIRECTORY_ID.format(n="n")}, 'bench-' || n
  FROM generate_series(1, $1::int) n
""",
    f"""
INSERT INTO person (id, document_type, document_index, document_sealed, name_sealed, birth_date, sex,
    verified_at)
  SELECT {DIRECTORY_ID.format(n="n")}, 'resident_id', decode(lpad(to_hex(n), 32, '0'), 'hex'), '', '',
    '1990-01-01', 'female', now() FROM generate_series(1, $1::int) n
""",
    f"""
INSERT INTO patient (id, account_id, person_id, relation)
  SELECT {DIRECTORY_ID.format(n="n")}, {DIRECTORY_ID.format(n="n")}, {DIRECTORY_ID.format(n="n")}, 'self'
  FROM generate_series(1, $1::int) n
""",
    f"""
INSERT INTO consent (id, account_id, kind, version, text_hash, channel)
  SELECT {DIRECTORY_ID.format(n="n")}, {DIRECTORY_ID.format(n="n")}, 'sensitive_personal_information', 1, '',
    'online' FROM generate_series(1, $1::int) n
""",
)
_LOGIN = """
INSERT INTO login (token_hash, id, account_id, kind, device, created_at, last_seen_at, idle_expires_at,
    expires_at)
  SELECT * FROM unnest($1::bytea[], $2::uuid[], $2::uuid[]) x(a, b, c),
    LATERAL (SELECT 'wechat', 'bench', now(), now(), now() + interval '30 days', now() + interval '90 days') y
"""


_NEVER = 1_000_000_000


_SEEDED = "hospital, doctor, clinic_session, slot, account, person, patient, consent, login"
"""The tables that are still empty are left unanalysed, as they are in a new installation."""


async def seed(dsn: str, town: Town | None = None) -> None:
    """Fill the database with a town, by default a large one; takes a few seconds."""
    town = town or Town()
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_CATALOG)
        await connection.execute(_RULES, json.dumps(dict(town.rules)))
        await connection.execute(_CAMPUS)
        await connection.execute(_DEPARTMENTS, town.departments)
        await connection.execute(_DOCTORS, town.sessions)
        rare = (town.free_every or _NEVER, town.scarce_every or _NEVER)
        await connection.execute(_SESSIONS, town.sessions, town.departments, *rare)
        await connection.execute(_SLOTS, town.sessions, town.capacity)
        for statement in _PEOPLE:
            await connection.execute(statement, town.people)
        numbers = range(1, town.people + 1)
        hashes = [hash_of(token(number)) for number in numbers]
        await connection.execute(_LOGIN, hashes, [directory_id(number) for number in numbers])
        await connection.execute(f"ANALYZE {_SEEDED}")
    finally:
        await connection.close()


_HISTORY = f"""
SET session_replication_role = replica;
INSERT INTO payment_order (hospital_id, id, subject, account_id, amount_fen, state, paid_at)
  SELECT 1, {SLOT_ID.format(n="n + 268435456")}, 'past:' || n, {DIRECTORY_ID.format(n=f"n % {PEOPLE} + 1")},
    5000, 'paid', now() FROM generate_series(1, $1) n;
INSERT INTO appointment (hospital_id, id, account_id, patient_id, person_id, slot_id, session_id,
    department_id, doctor_id, order_id, date, starts_at, ends_at, state, channel, rule_version, number,
    created_at, booked_at)
  SELECT 1, {SLOT_ID.format(n="n + 268435456")}, person, person, person, {SLOT_ID.format(n="n % 1000 + 1")},
    {SLOT_ID.format(n="n + 268435456")}, {SLOT_ID.format(n=1)}, {SLOT_ID.format(n="n % 250 + 1")},
    {SLOT_ID.format(n="n + 268435456")}, day::date, day, day + interval '30 minutes', 'booked', 'online', 1,
    1, day - interval '3 days', day - interval '3 days'
  FROM generate_series(1, $1) n,
    LATERAL (SELECT {DIRECTORY_ID.format(n=f"n % {PEOPLE} + 1")} AS person,
      now() - interval '40 days' - interval '1 day' * (n / {PEOPLE}) AS day) x;
RESET session_replication_role;
"""


async def add_history(dsn: str, rows: int) -> None:
    """Add so many past appointments with their orders, spread over all people and the last weeks."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_HISTORY.replace("$1", str(rows)))
        await connection.execute("VACUUM ANALYZE appointment")
        await connection.execute("VACUUM ANALYZE payment_order")
    finally:
        await connection.close()


_AFTERNOONS = f"""
INSERT INTO clinic_session (hospital_id, id, doctor_id, department_id, campus_id, room, level, date, period,
    starts_at, ends_at, release_at, fee_fen, lifecycle)
  SELECT 1, {SLOT_ID.format(n="n * 100 + d")}, {SLOT_ID.format(n="n")}, {SLOT_ID.format(n=1)},
    {SLOT_ID.format(n=1)}, 'F' || n, 'general', (start AT TIME ZONE 'Asia/Shanghai')::date, 'afternoon',
    start, start + interval '4 hours', now() - interval '1 day', 5000, 'published'
  FROM generate_series(10, 250) n, generate_series(0, 11) d,
    LATERAL (SELECT {_MORNING} + interval '6 hours' + interval '1 day' * d AS start) x;
INSERT INTO slot (hospital_id, id, session_id, starts_at, ends_at, released_at, capacity, free)
  SELECT 1, {SLOT_ID.format(n="n * 10000 + d * 100 + s")}, {SLOT_ID.format(n="n * 100 + d")}, start,
    start + interval '30 minutes', now() - interval '1 day', 5, 5
  FROM generate_series(10, 250) n, generate_series(0, 11) d, generate_series(0, 7) s, LATERAL (SELECT
    {_MORNING} + interval '6 hours' + interval '1 day' * d + interval '30 minutes' * s AS start) x
"""


async def add_afternoons(dsn: str) -> None:
    """Give each doctor a dozen afternoons of eight slots more: an ordinary page of availability."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_AFTERNOONS)
        await connection.execute("ANALYZE clinic_session, slot")
    finally:
        await connection.close()
