"""The baseline: pgbench writes the same rows of one captured payment, one transaction each, no HTTP."""

from __future__ import annotations

from bench.raw import transactions_per_second
from bench.seed import SLOT_ID

_N = SLOT_ID.format(n=":n::int")
_ID = (
    "('00000000-' || to_hex(:a::int) || '-8' || lpad(to_hex(:b::int), 3, '0')"
    " || '-8000-0040' || lpad(to_hex(:c::int), 8, '0'))"
)
_CAPTURE = f"""
\\set a random(4096, 65535)
\\set b random(0, 4095)
\\set c random(0, 2147483647)
SELECT nextval('bench_payment') AS n \\gset
BEGIN;
INSERT INTO channel_message (hospital_id, provider, message_id, source, subject, outcome)
  VALUES (1, 'wechat', {_ID}, 'notification', repeat('x', 32), 'applied') ON CONFLICT DO NOTHING;
SELECT * FROM payment_order WHERE hospital_id = 1 AND id = {_N} FOR NO KEY UPDATE;
UPDATE payment SET state = 'captured', transaction_id = 'T' || :n, captured_fen = 5000, captured_at = now()
  WHERE hospital_id = 1 AND id = {_N} AND state IN ('preparing', 'open', 'closing', 'closed');
UPDATE payment_order SET state = 'paid', paid_payment_id = {_N}, paid_at = now()
  WHERE hospital_id = 1 AND id = {_N};
UPDATE payment SET state = 'closing' WHERE hospital_id = 1 AND order_id = {_N} AND id <> {_N}
  AND state IN ('preparing', 'open', 'closing');
INSERT INTO ledger_entry (hospital_id, id, kind, cause, debit, credit, part, amount_fen, order_id)
  VALUES (1, {_ID}::uuid, 'capture', 'capture:' || {_ID}, 'wechat', 'patient_money', 'cash', 5000, {_N});
INSERT INTO audit_entry (hospital_id, id, actor, action, subject, data)
  VALUES (1, {_ID}::uuid, 'system', 'payment.capture', 'payment:' || {_ID}, '{{"amount_fen": 5000}}');
INSERT INTO event (hospital_id, id, name, payload)
  VALUES (1, {_ID}::uuid, 'payment.order.paid', '{{"hospital_id": 1, "order_id": "x", "subject": "x"}}');
COMMIT;
"""


def captures_per_second(dsn: str, *, clients: int, seconds: int) -> float:
    """Capture payments with so many clients; answers committed transactions a second."""
    return transactions_per_second(dsn, _CAPTURE, clients=clients, seconds=seconds)
