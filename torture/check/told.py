"""What people were told against what is there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from torture.check.places import STANDING
from torture.evidence import Evidence, Row
from torture.history import Deed, History, Kind, Outcome

_MAKING = (Kind.BOOK, Kind.RESCHEDULE)
_ENDS = {Kind.CANCEL: "cancelled_by_patient", Kind.RESCHEDULE: "rescheduled"}


def no_acknowledged_booking_is_lost(evidence: Evidence, history: History) -> Iterator[str]:
    """Whoever was told of a booking has it, unless they gave it up or never paid."""
    rows = {row["id"]: row for row in evidence["appointment"]}
    paid = {deed.target for deed in history.deeds if deed.kind is Kind.PAY and deed.outcome is Outcome.OK}
    paid -= {row["order_id"] for row in evidence["refund"] if row["reason"] == "late"}
    left = {deed.target for deed in history.deeds if deed.kind in _ENDS and deed.may_have_happened}
    for deed in history.deeds:
        if deed.kind in _MAKING and deed.outcome is Outcome.OK:
            for answer in deed.answers:
                yield from _loss(deed, answer["id"], rows, paid, left)


def _loss(
    deed: Deed, appointment: str, rows: dict[str, Row], paid: set[str | None], left: set[str | None]
) -> Iterator[str]:
    row = rows.get(appointment)
    if row is None:
        yield f"{deed.key}: acknowledged, but there is no row"
    elif row["slot_id"] != deed.slot:
        yield f"{deed.key}: acknowledged for another slot"
    elif row["state"] not in STANDING and appointment not in left:
        is_unpaid = row["number"] is None and row["order_id"] not in paid
        if row["state"] != "expired" or not is_unpaid:
            yield f"{deed.key}: acknowledged, never given up, but {row['state']}"


def no_acknowledged_ending_is_lost(evidence: Evidence, history: History) -> Iterator[str]:
    """A cancellation or move that was acknowledged is there."""
    rows = {row["id"]: row for row in evidence["appointment"]}
    for deed in history.deeds:
        if deed.kind in _ENDS and deed.outcome is Outcome.OK:
            state = rows[deed.target]["state"] if deed.target in rows else "gone"
            if state != _ENDS[deed.kind]:
                yield f"{deed.key}: {deed.kind} acknowledged, but {state}"
        if deed.kind is Kind.RESCHEDULE:
            origins = {rows.get(answer["id"], {}).get("rescheduled_from") for answer in deed.answers}
            if origins - {deed.target}:
                yield f"{deed.key}: the new appointment does not come from the old one"


def nothing_happened_unasked(evidence: Evidence, history: History) -> Iterator[str]:
    """No refused request made or ended an appointment, and nobody got one that nobody asked for."""
    told = {answer["id"] for deed in history.deeds if deed.kind in _MAKING for answer in deed.answers}
    possible = [deed for deed in history.deeds if deed.may_have_happened]
    untold = Counter(
        (deed.person, deed.slot, deed.target)
        for deed in possible
        if deed.kind in _MAKING and deed.outcome is not Outcome.OK
    )
    ended = {(_ENDS[deed.kind], deed.target) for deed in possible if deed.kind in _ENDS}
    for row in evidence["appointment"]:
        wish = (int(row["person_id"][-8:], 16), row["slot_id"], row["rescheduled_from"])
        untold[wish] -= row["id"] not in told
        if untold[wish] < 0:
            yield f"appointment {row['id'][:13]} was asked for by nobody, or refused"
        if row["state"] in _ENDS.values() and (row["state"], row["id"]) not in ended:
            yield f"appointment {row['id'][:13]} was {row['state']}, which nobody asked for"


def a_key_stands_for_one_answer(evidence: Evidence, history: History) -> Iterator[str]:
    """However often a key was sent, its answers are one, and the database keeps it."""
    kept = {row["key"]: row for row in evidence["idempotency_key"]}
    for deed in history.deeds:
        if deed.kind is Kind.PAY or deed.outcome is not Outcome.OK:
            continue
        if len({answer["id"] for answer in deed.answers}) > 1:
            yield f"{deed.key}: one key, {len(deed.answers)} different answers"
        row = kept.get(deed.key)
        if row is None or row["answer"] is None:
            yield f"{deed.key}: acknowledged, but its answer is not kept"
        elif json.loads(row["answer"])["id"] != deed.answers[0]["id"]:
            yield f"{deed.key}: another answer is kept than was given"


def no_bare_failure(_evidence: Evidence, history: History) -> Iterator[str]:
    """Whatever was killed, nobody saw a 500."""
    for told, count in Counter(history.bare_failures).items():
        yield f"{count} times: {told}"
