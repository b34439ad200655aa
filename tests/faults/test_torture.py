"""The harness runs, finds nothing in the product, and finds every bug that is planted."""

import asyncio
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from torture.__main__ import report
from torture.check import RULES, violations
from torture.evidence import Evidence, Row
from torture.history import Deed, History, Kind, Outcome
from torture.run import Verdict, run

pytestmark = pytest.mark.timeout(400)

NO_CHECKS = (
    "ALTER TABLE slot DROP CONSTRAINT slot_no_negative_count",
    "ALTER TABLE slot DROP CONSTRAINT slot_place_law",
)


SEEDS = (1, 2, 3)
"""What a short run meets depends on its seed and on how fast the machine is; three runs see enough."""


def tortured(
    folder: Path,
    *,
    seconds: float,
    workers: int,
    seed: int,
    mutant: str | None = None,
    weaken: tuple[str, ...] = (),
) -> Verdict:
    room = folder / str(seed)
    room.mkdir()
    for one in (folder, room):
        one.chmod(0o755)
    verdict = asyncio.run(
        run(room, seconds=seconds, seed_number=seed, workers=workers, mutant=mutant, weaken=weaken)
    )
    report(verdict)
    return verdict


def tortured_enough(folder: Path, *, workers: int) -> Verdict:
    """Run until everything was met that a run must meet; no run may find a violation."""
    for seed in SEEDS:
        verdict = tortured(folder, seconds=20, workers=workers, seed=seed)
        assert verdict.violations == {}
        if not verdict.unmet:
            break
    return verdict


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    return tortured_enough(tmp_path_factory.mktemp("torture"), workers=1)


def test_nothing_is_lost_and_nothing_sold_twice_while_processes_are_killed(verdict: Verdict) -> None:
    assert verdict.violations == {}
    assert verdict.unmet == []


def test_nothing_is_lost_and_nothing_sold_twice_by_two_server_processes(tmp_path: Path) -> None:
    verdict = tortured_enough(tmp_path, workers=2)

    assert verdict.violations == {}
    assert verdict.unmet == []


@pytest.mark.parametrize(
    ("mutant", "weaken", "rule"),
    [
        ("oversell", NO_CHECKS, "the_log_replays_to_the_counters"),
        ("leak-places", (), "no_place_is_lost"),
        ("keep-a-fen", (), "money_is_where_it_belongs"),
    ],
)
def test_a_planted_bug_is_found(tmp_path: Path, mutant: str, weaken: tuple[str, ...], rule: str) -> None:
    found: set[str] = set()
    for seed in SEEDS:
        verdict = tortured(tmp_path, seconds=12, workers=1, seed=seed, mutant=mutant, weaken=weaken)
        found |= set(verdict.violations)
        if rule in found:
            break

    assert rule in found


def one(evidence: Evidence, table: str, **wanted: object) -> Row:
    return next(row for row in evidence[table] if all(row[name] == value for name, value in wanted.items()))


def done(history: History, kind: Kind) -> Deed:
    return next(deed for deed in history.deeds if deed.kind is kind and deed.outcome is Outcome.OK)


def lose_a_log_line(evidence: Evidence, _history: History) -> None:
    evidence["place_log"].pop()


def log_it_for_somebody_else(evidence: Evidence, _history: History) -> None:
    evidence["place_log"][0]["appointment_id"] = "nobody"


def stand_elsewhere(evidence: Evidence, _history: History) -> None:
    one(evidence, "appointment", state="booked")["slot_id"] = "elsewhere"


def lose_a_place(evidence: Evidence, _history: History) -> None:
    evidence["slot"][0]["capacity"] += 1


def stand_twice(evidence: Evidence, _history: History) -> None:
    evidence["appointment"].append(one(evidence, "appointment", state="booked") | {"id": "another"})


def skip_a_number(evidence: Evidence, _history: History) -> None:
    one(evidence, "appointment", state="booked")["number"] += 1000


def leave_an_event(evidence: Evidence, _history: History) -> None:
    evidence["event"][0]["state"] = "pending"


def lose_a_booking(evidence: Evidence, history: History) -> None:
    made = done(history, Kind.BOOK).answers[0]["id"]
    evidence["appointment"].remove(one(evidence, "appointment", id=made))


def expire_a_paid_booking(evidence: Evidence, _history: History) -> None:
    one(evidence, "appointment", state="booked")["state"] = "expired"


def undo_a_cancellation(evidence: Evidence, _history: History) -> None:
    one(evidence, "appointment", state="cancelled_by_patient")["state"] = "booked"


def book_for_a_stranger(evidence: Evidence, _history: History) -> None:
    stranger = {"id": "another", "person_id": "ffffffff", "state": "expired"}
    evidence["appointment"].append(evidence["appointment"][0] | stranger)


def cancel_unasked(_evidence: Evidence, history: History) -> None:
    cancelled = done(history, Kind.CANCEL)
    history.deeds.remove(cancelled)


def answer_differently(_evidence: Evidence, history: History) -> None:
    deed = done(history, Kind.BOOK)
    deed.answers.append(deed.answers[0] | {"id": "another"})


def fail_barely(_evidence: Evidence, history: History) -> None:
    history.bare_failures.append("book answered 500")


def refund_twice(evidence: Evidence, _history: History) -> None:
    evidence["refund"].append(one(evidence, "refund", state="success") | {"id": "another", "number": 2})


def refund_at_the_provider_only(evidence: Evidence, _history: History) -> None:
    known = one(evidence, "sandbox_refund", state="success")
    evidence["sandbox_refund"].append(known | {"out_refund_no": "another"})


def lose_a_capture(evidence: Evidence, _history: History) -> None:
    evidence["ledger_entry"].remove(one(evidence, "ledger_entry", kind="capture"))


def keep_the_money_of_nobody(evidence: Evidence, _history: History) -> None:
    back = one(evidence, "refund", state="success")["payment_id"]
    one(evidence, "payment", id=back)["refunded_fen"] = 0


def forget_a_payment(evidence: Evidence, history: History) -> None:
    one(evidence, "payment_order", id=done(history, Kind.PAY).target)["paid_at"] = None


def tell_nobody(evidence: Evidence, _history: History) -> None:
    evidence["event"].remove(one(evidence, "event", name="booking.appointment.confirmed"))


def leave_no_trace(evidence: Evidence, _history: History) -> None:
    evidence["audit_entry"].remove(one(evidence, "audit_entry", action="appointment.hold"))


CORRUPTIONS: list[tuple[Callable[[Evidence, History], None], str]] = [
    (lose_a_log_line, "the_log_replays_to_the_counters"),
    (log_it_for_somebody_else, "the_log_tells_of_each_appointment"),
    (stand_elsewhere, "counters_are_rows"),
    (lose_a_place, "no_place_is_lost"),
    (stand_twice, "one_appointment_per_person"),
    (skip_a_number, "numbers_are_dense"),
    (leave_an_event, "nothing_waits"),
    (lose_a_booking, "no_acknowledged_booking_is_lost"),
    (expire_a_paid_booking, "no_acknowledged_booking_is_lost"),
    (undo_a_cancellation, "no_acknowledged_ending_is_lost"),
    (book_for_a_stranger, "nothing_happened_unasked"),
    (cancel_unasked, "nothing_happened_unasked"),
    (answer_differently, "a_key_stands_for_one_answer"),
    (fail_barely, "no_bare_failure"),
    (refund_twice, "nothing_goes_back_twice"),
    (refund_at_the_provider_only, "the_books_are_those_of_the_providers"),
    (lose_a_capture, "the_ledger_says_the_same"),
    (keep_the_money_of_nobody, "money_is_where_it_belongs"),
    (forget_a_payment, "money_moves_only_when_asked"),
    (tell_nobody, "events_are_told_once"),
    (leave_no_trace, "the_audit_trail_is_whole"),
]


@pytest.mark.parametrize(("corrupt", "rule"), CORRUPTIONS)
def test_a_changed_row_or_answer_is_found(
    verdict: Verdict, corrupt: Callable[[Evidence, History], None], rule: str
) -> None:
    evidence, history = deepcopy(verdict.evidence), deepcopy(verdict.history)

    corrupt(evidence, history)

    assert rule in violations(evidence, history)


def test_every_rule_has_a_corruption_that_it_finds() -> None:
    assert {rule for _, rule in CORRUPTIONS} == {rule.__name__ for rule in RULES}
