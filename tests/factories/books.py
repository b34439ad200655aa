"""What must be true of the money at every moment, and when everything has come to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions, transaction

WRITTEN = (
    "payment_order",
    "payment",
    "refund",
    "ledger_entry",
    "ledger_adjustment",
    "channel_message",
    "finance_case",
    "bill_run",
    "bill_entry",
    "appointment",
    "place_log",
    "event",
    "audit_entry",
    "idempotency_key",
)
"""Tables in which a refused message must leave nothing."""

_LEDGER = """
SELECT account, sum(fen) AS fen FROM (
  SELECT debit AS account, amount_fen AS fen FROM ledger_entry WHERE hospital_id <> 0
  UNION ALL SELECT credit, -amount_fen FROM ledger_entry WHERE hospital_id <> 0) AS moves
GROUP BY account
"""
_SAID = """
WITH arrived AS (
  SELECT payment_id, coalesce(settled_by, 'system') <> 'system' AS by_hand, sum(amount_fen) AS fen
  FROM refund WHERE state = 'success' GROUP BY 1, 2),
captured AS (SELECT split_part(channel, '_', 1) AS account, sum(captured_fen) AS fen
  FROM payment GROUP BY 1),
given AS (SELECT CASE WHEN by_hand THEN 'cash' ELSE split_part(p.channel, '_', 1) END AS account,
  sum(fen) AS fen FROM arrived JOIN payment AS p ON p.id = payment_id GROUP BY 1),
kept AS (SELECT CASE state WHEN 'disputed' THEN 'unclear' ELSE 'patient_money' END AS account,
  sum(captured_fen - refunded_fen) AS fen FROM payment WHERE captured_fen > 0 GROUP BY 1),
payable AS (SELECT sum(amount_fen) AS fen FROM refund WHERE state NOT IN ('success', 'closed', 'rejected'))
SELECT account, fen FROM captured UNION ALL SELECT account, -fen FROM given
UNION ALL SELECT account, -fen FROM kept UNION ALL SELECT 'refunds_payable', -fen FROM payable
"""
_ODD_PROMISES = """
SELECT p.id FROM payment AS p
LEFT JOIN refund AS r ON r.payment_id = p.id AND r.state NOT IN ('closed', 'rejected')
GROUP BY p.hospital_id, p.id
HAVING p.refunded_fen <> coalesce(sum(r.amount_fen), 0) OR p.refunded_fen > p.captured_fen
"""
_NOT_THEIRS = """
SELECT p.id FROM payment AS p LEFT JOIN sandbox_trade AS t
  ON t.out_trade_no = replace(p.id::text, '-', '') AND t.provider = split_part(p.channel, '_', 1)
WHERE p.captured_fen > 0 AND p.channel <> 'cash'
  AND (t.state IS DISTINCT FROM 'paid' OR t.amount_fen <> p.captured_fen
    OR t.transaction_id <> p.transaction_id)
"""
_REFUND_NOT_THEIRS = """
SELECT r.id FROM refund AS r JOIN payment AS p ON p.id = r.payment_id LEFT JOIN sandbox_refund AS s
  ON s.out_refund_no = replace(p.id::text, '-', '') || 'R' || r.number
WHERE r.state = 'success' AND r.settled_by IS NULL AND p.channel <> 'cash'
  AND (s.state IS DISTINCT FROM 'success' OR s.amount_fen <> r.amount_fen)
"""
_THEIR_BOOKS = """
SELECT t.provider,
  (SELECT coalesce(sum(amount_fen), 0) FROM sandbox_trade WHERE state = 'paid' AND provider = t.provider)
  - (SELECT coalesce(sum(amount_fen), 0) FROM sandbox_refund
     WHERE state = 'success' AND provider = t.provider)
FROM (VALUES ('wechat'), ('alipay')) AS t (provider)
"""
_KEPT_TWICE = """
SELECT o.id FROM payment_order AS o JOIN payment AS p ON p.order_id = o.id AND p.captured_fen > p.refunded_fen
WHERE p.state = 'captured' GROUP BY o.hospital_id, o.id HAVING count(*) > 1
"""
_KEPT_FOR_NOTHING = """
SELECT o.id, o.state, a.state, p.captured_fen, p.refunded_fen
FROM payment AS p JOIN payment_order AS o ON o.id = p.order_id JOIN appointment AS a ON a.order_id = o.id
WHERE p.state = 'captured' AND p.refunded_fen < p.captured_fen
  AND (a.state NOT IN ('booked', 'suspended') OR o.paid_payment_id <> p.id
    OR o.state NOT IN ('paid', 'part_refunded', 'refunding'))
"""
_NOT_AT_REST = """
SELECT 'payment', id::text, state FROM payment WHERE state IN ('preparing', 'open', 'closing')
UNION ALL SELECT 'refund', id::text, state FROM refund WHERE state IN ('requested', 'submitted')
UNION ALL SELECT 'order', id::text, state FROM payment_order WHERE state IN ('closing', 'paid_late')
UNION ALL SELECT 'event', name, state FROM event WHERE state NOT IN ('done', 'unheard')
UNION ALL SELECT 'delivery', event_id, state FROM sandbox_delivery WHERE state = 'due'
"""


async def counts(sessions: Sessions) -> Mapping[str, int]:
    """How many rows there are of everything that money writes."""
    async with transaction(sessions) as db:
        found = {name: await _scalar(db, f"SELECT count(*) FROM {name}") for name in WRITTEN}
    return {name: int(number) for name, number in found.items()}


async def require_sound(sessions: Sessions) -> None:
    """Check what is true after every step, whatever is still on its way."""
    async with transaction(sessions) as db:
        await db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        ledger, said = await _sums(db, _LEDGER), await _sums(db, _SAID)
        assert sum(ledger.values()) == 0, ledger
        assert ledger == said, (ledger, said)
        for law in (_ODD_PROMISES, _NOT_THEIRS, _REFUND_NOT_THEIRS, _KEPT_TWICE):
            broken = (await db.execute(text(law))).all()
            assert broken == [], (law, broken)


async def unrest(sessions: Sessions) -> list[tuple[str, ...]]:
    """What still waits for something to happen: kind, name and state."""
    async with transaction(sessions) as db:
        return [tuple(row) for row in await db.execute(text(_NOT_AT_REST))]


async def require_rest(sessions: Sessions, *, but: frozenset[str] = frozenset()) -> None:
    """Check that all money is where it belongs: kept once for what stands, or back with its payer.

    `but` names kinds of rows that may still wait for somebody.
    """
    await require_sound(sessions)
    waiting = [row for row in await unrest(sessions) if row[0] not in but]
    assert waiting == [], waiting
    async with transaction(sessions) as db:
        stray = [tuple(row) for row in await db.execute(text(_KEPT_FOR_NOTHING))]
        assert stray == [], stray
        ours, theirs = await _sums(db, _LEDGER), await _sums(db, _THEIR_BOOKS)
        for provider in ("wechat", "alipay"):
            assert ours[provider] == theirs[provider], (ours, theirs)


async def _sums(db: AsyncSession, statement: str) -> Counter[str]:
    """Amounts by account, those of nothing left out."""
    found: Counter[str] = Counter()
    for account, fen in await db.execute(text(statement)):
        found[account] += int(fen or 0)
    return Counter({account: fen for account, fen in found.items() if fen})


async def _scalar(db: AsyncSession, statement: str) -> Any:  # what the statement answers
    return await db.scalar(text(statement))
