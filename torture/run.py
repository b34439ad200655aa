"""One run from an empty folder to the verdict."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

from bench import seed
from guahao.kernel.crypto import load_key_ring
from torture.check import violations
from torture.crowd import Crowd
from torture.evidence import Evidence, collect
from torture.history import History
from torture.nemesis import Nemesis
from torture.stage import Stage

ACTORS = 24
PEOPLE_EACH = 3
SESSIONS = 8
_SETTLE_WITHIN_S = 60
_RARE = ("unknown", "refunds of late money", "refunds of a difference")
"""What a short run on a busy machine need not see."""
_LAST_ANSWERS_WITHIN_S = 30
TOWN = seed.Town(
    people=ACTORS * PEOPLE_EACH,
    sessions=SESSIONS,
    capacity=2,
    departments=4,
    free_every=3,
    scarce_every=4,
    rules={
        "per_day_departments": 20,
        "per_day_hospital": 20,
        "per_week": 20,
        "per_30_days": 20,
        "cancel_pause_count": 50,
        "cooling_min_min": 0,
        "cooling_max_min": 0,
    },
)
_SETTLED = """
SELECT (SELECT count(*) FROM appointment WHERE state = 'held')
  + (SELECT count(*) FROM payment_order
     WHERE state IN ('created', 'paying', 'closing', 'paid_late', 'refunding'))
  + (SELECT count(*) FROM payment WHERE state IN ('preparing', 'open', 'closing'))
  + (SELECT count(*) FROM refund WHERE state IN ('requested', 'submitted'))
  + (SELECT count(*) FROM sandbox_delivery WHERE state = 'due')
  + (SELECT count(*) FROM event WHERE state = 'pending')
  + (SELECT count(*) FROM audit_unsealed) + (SELECT count(*) FROM cooling_place) = 0
"""
_TAKES_ALIPAY = """
INSERT INTO payment_setting (hospital_id, is_alipay_offered, second_person_over_fen) VALUES (1, true, 20000)
"""
_WAITS = (
    ("appointment", "hold_expires_at = now()", "state = 'held' AND hold_expires_at > now()"),
    ("payment", "due_at = now()", "state IN ('preparing', 'open', 'closing') AND due_at > now()"),
    ("payment", "expires_at = now()", "state = 'closing' AND expires_at > now()"),
    ("payment", "refund_sent_at = NULL", "refund_sent_at IS NOT NULL"),
    ("refund", "due_at = now()", "state IN ('requested', 'submitted') AND due_at > now()"),
    ("sandbox_refund", "settles_at = now()", "state = 'processing' AND settles_at > now()"),
    ("sandbox_delivery", "due_at = now()", "state = 'due' AND due_at > now()"),
    ("cooling_place", "until = now()", "until > now()"),
    ("event", "due_at = now()", "state = 'pending' AND due_at > now()"),
    ("job_run", "due_at = now()", "due_at > now()"),
)
_LET_TIME_PASS = tuple(
    f"UPDATE {table} SET {change} WHERE ctid = ANY"
    f" (ARRAY(SELECT ctid FROM {table} WHERE {waits} FOR UPDATE SKIP LOCKED))"
    for table, change, waits in _WAITS
)
"""Many rows at once, in no order the product takes: so nobody's lock is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run came to."""

    violations: dict[str, list[str]]
    history: History
    evidence: Evidence

    @property
    def counts(self) -> dict[str, int]:
        """The numbers that show what the run was about; each but the rare ones should be above 0."""
        ended = Counter(row["state"] for row in self.evidence["appointment"])
        cooled = sum(line["target"] == "cooling" for line in self.evidence["place_log"])
        refunds = [row for row in self.evidence["refund"] if row["state"] == "success"]
        reasons = Counter(row["reason"] for row in refunds)
        channels = Counter(row["channel"] for row in self.evidence["payment"] if row["captured_fen"])
        return {
            **self.history.counts(),
            "holds expired": ended["expired"],
            "paid by WeChat": channels["wechat_jsapi"],
            "paid by Alipay": channels["alipay_qr"],
            "refunds": len(refunds),
            "refunds of late money": reasons["late"],
            "refunds of a difference": reasons["difference"],
            "places cooled": cooled,
        }

    @property
    def unmet(self) -> list[str]:
        """What the run should have seen and did not."""
        return _unmet(self.counts)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong and the run saw what it must see."""
        return not self.violations and not self.unmet


async def run(
    folder: Path,
    *,
    seconds: float,
    seed_number: int,
    workers: int,
    mutant: str | None = None,
    weaken: tuple[str, ...] = (),
) -> Verdict:
    """Torture the product in `folder`; `mutant` and the SQL of `weaken` plant a known bug first."""
    stage = Stage(folder, workers=workers, mutant=mutant)
    await asyncio.to_thread(stage.prepare)
    try:
        await seed.seed(stage.dsn, TOWN)
        await _name_everybody(stage, weaken)
        history = History()
        try:
            await asyncio.to_thread(stage.start)
            patience_s = 0 if mutant else 2 * seconds
            await _torment(
                stage, history, seconds=seconds, patience_s=patience_s, rng=random.Random(seed_number)
            )
            await _settle(stage.dsn)
        finally:
            await asyncio.to_thread(stage.end)
        evidence = await collect(stage.dsn, folder)
    finally:
        await asyncio.to_thread(stage.postgres.stop)
    return Verdict(violations=violations(evidence, history), history=history, evidence=evidence)


async def _name_everybody(stage: Stage, weaken: tuple[str, ...]) -> None:
    keys = load_key_ring(stage.folder / "keys", production=False)
    ids = [UUID(seed.directory_id(number)) for number in range(1, TOWN.people + 1)]
    names = [keys.seal("王小明", field="person.name_sealed", row=id_) for id_ in ids]
    connection = await asyncpg.connect(stage.dsn)
    try:
        await connection.executemany(
            "UPDATE person SET name_sealed = $2 WHERE id = $1", list(zip(ids, names, strict=True))
        )
        await connection.execute(_TAKES_ALIPAY)
        for statement in weaken:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _torment(
    stage: Stage, history: History, *, seconds: float, patience_s: float, rng: random.Random
) -> None:
    nemesis = Nemesis(stage, history, rng)
    crowd = Crowd(
        port=stage.port,
        slots=SESSIONS * seed.SLOTS_PER_SESSION,
        history=history,
        rng=rng,
        epoch=lambda: nemesis.epoch,
    )
    lives = [
        asyncio.create_task(crowd.live(range(first, first + PEOPLE_EACH)))
        for first in range(1, TOWN.people, PEOPLE_EACH)
    ]
    ending = asyncio.Event()
    raging = asyncio.create_task(nemesis.rage(ending))
    try:
        await asyncio.sleep(seconds)
        for _ in range(int(patience_s)):  # on a busy machine it takes longer to see everything
            if not _unmet(history.counts()):
                break
            await asyncio.sleep(1)
        ending.set()
        await raging
        await asyncio.to_thread(stage.heal)
        crowd.stopping.set()
        await asyncio.wait(lives, timeout=_LAST_ANSWERS_WITHIN_S)
    finally:
        crowd.give_up.set()
        raging.cancel()
        await asyncio.gather(*lives)


async def _settle(dsn: str) -> None:
    """Let all holds, leases and waits be over and the worker do what is left, within a minute."""
    connection = await asyncpg.connect(dsn)
    try:
        for _ in range(_SETTLE_WITHIN_S * 2):
            for statement in _LET_TIME_PASS:
                await connection.execute(statement)
            if await connection.fetchval(_SETTLED):
                return
            await asyncio.sleep(0.5)
    finally:
        await connection.close()


def _unmet(counts: dict[str, int]) -> list[str]:
    return [name for name, count in counts.items() if not count and name not in _RARE]
