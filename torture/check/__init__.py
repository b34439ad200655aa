"""Judges a finished run: each rule reads the evidence and the history and names every violation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torture.check import bookings, money, places, told
from torture.evidence import Evidence
from torture.history import History

Rule = Callable[[Evidence, History], Iterator[str]]

RULES: tuple[Rule, ...] = (
    places.the_log_replays_to_the_counters,
    places.the_log_tells_of_each_appointment,
    places.counters_are_rows,
    places.no_place_is_lost,
    bookings.one_appointment_per_person,
    bookings.numbers_are_dense,
    bookings.nothing_waits,
    told.no_acknowledged_booking_is_lost,
    told.no_acknowledged_ending_is_lost,
    told.nothing_happened_unasked,
    told.a_key_stands_for_one_answer,
    told.no_bare_failure,
    money.money_is_where_it_belongs,
    money.money_moves_only_when_asked,
    money.nothing_goes_back_twice,
    money.the_books_are_those_of_the_providers,
    money.the_ledger_says_the_same,
    money.events_are_told_once,
    money.the_audit_trail_is_whole,
)


def violations(evidence: Evidence, history: History) -> dict[str, list[str]]:
    """What each broken rule found."""
    found = {rule.__name__: list(rule(evidence, history)) for rule in RULES}
    return {name: faults for name, faults in found.items() if faults}
