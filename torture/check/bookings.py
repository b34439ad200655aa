"""Appointments among themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from torture.check.places import STANDING
from torture.evidence import Evidence
from torture.history import History

_WATCHED = {"many_orders", "many_orders_device", "pay_refund_cycles", "notification_anomaly"}
"""What a crowd behind one address and a server that is often gone look like: the money itself is right."""
_WAITING_ORDERS = ("created", "paying", "closing", "paid_late", "refunding")


def one_appointment_per_person(evidence: Evidence, _history: History) -> Iterator[str]:
    """Nobody stands twice in one session, nor in one department on one day."""
    standing = [row for row in evidence["appointment"] if row["state"] in STANDING]
    for columns in (("session_id",), ("department_id", "date")):
        seen = Counter((row["person_id"], *(row[name] for name in columns)) for row in standing)
        for key, count in seen.items():
            if count > 1:
                yield f"person {key[0][-4:]} stands {count} times in one {columns[0]}"


def numbers_are_dense(evidence: Evidence, _history: History) -> Iterator[str]:
    """A session's numbers are 1, 2, 3 .. in some order, each given once."""
    given = defaultdict(list)
    for row in evidence["appointment"]:
        if row["number"] is not None:
            given[row["session_id"]].append(row["number"])
    for session in evidence["clinic_session"]:
        numbers = sorted(given[session["id"]])
        if numbers != list(range(1, session["last_number"] + 1)):
            yield f"session {session['id'][-4:]}: {session['last_number']} numbers given, found {numbers}"


def nothing_waits(evidence: Evidence, _history: History) -> Iterator[str]:
    """After healing no work is left undone."""
    holds = sum(row["state"] == "held" for row in evidence["appointment"])
    orders = Counter(row["state"] for row in evidence["payment_order"])
    payments = Counter(row["state"] for row in evidence["payment"])
    refunds = Counter(row["state"] for row in evidence["refund"])
    events = Counter(row["state"] for row in evidence["event"])
    waiting = {"holds": holds, "events": events["pending"], "dead events": events["dead"]}
    waiting |= {f"{state} orders": orders[state] for state in _WAITING_ORDERS}
    waiting |= {f"{state} payments": payments[state] for state in ("preparing", "open", "closing")}
    waiting |= {f"{state} refunds": refunds[state] for state in set(refunds) - {"success", "closed"}}
    cases = Counter(row["kind"] for row in evidence["finance_case"])
    waiting |= {f"cases of {kind}": cases[kind] for kind in set(cases) - _WATCHED}
    yield from (f"{count} {name} are left" for name, count in waiting.items() if count)
