"""Money, events and the trail."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from torture.check.places import STANDING
from torture.evidence import Evidence, Row
from torture.history import History, Kind, Outcome

_ENDINGS = {
    "expired": "booking.appointment.expired",
    "cancelled_by_patient": "booking.appointment.cancelled",
}


def money_is_where_it_belongs(evidence: Evidence, _history: History) -> Iterator[str]:
    """Paid money belongs to one booked appointment, or goes back in full, once."""
    standing = defaultdict(list)
    for row in evidence["appointment"]:
        if row["state"] in STANDING:
            standing[row["order_id"]].append(row["state"])
    refunds: dict[str, list[int]] = defaultdict(list)
    for event in evidence["event"]:
        if event["name"] == "payment.refund.requested":
            refunds[event["payload"]["order_id"]].append(event["payload"]["amount_fen"])
    for order in evidence["payment_order"]:
        fault = _misplaced(order, standing[order["id"]], refunds[order["id"]])
        if fault:
            yield f"order {order['id'][:13]} ({order['state']}, {order['amount_fen']} fen): {fault}"


def _misplaced(order: Row, standing: list[str], refunds: list[int]) -> str | None:
    if len(standing) > 1:
        return "pays for two appointments"
    if len(refunds) > 1:
        return f"refunded {len(refunds)} times"
    if "booked" in standing and order["state"] != "paid":
        return "its appointment is booked"
    if order["state"] == "paid" and order["amount_fen"] and not standing:
        return "the money belongs to nothing"
    is_back = order["state"] in {"refunding", "refunded"}
    if is_back != bool(refunds) or (is_back and refunds != [order["amount_fen"]]):
        return f"refunds asked for: {refunds}"
    return None


def money_moves_only_when_asked(evidence: Evidence, history: History) -> Iterator[str]:
    """No payment is lost and none invented."""
    orders = {row["id"]: row for row in evidence["payment_order"]}
    pays = [deed for deed in history.deeds if deed.kind is Kind.PAY]
    for deed in pays:
        if deed.outcome is Outcome.OK and orders[str(deed.target)]["paid_at"] is None:
            yield f"{deed.key}: payment acknowledged, but the order is {orders[str(deed.target)]['state']}"
    asked = {deed.target for deed in pays if deed.may_have_happened}
    for order in orders.values():
        if order["amount_fen"] and order["paid_at"] is not None and order["id"] not in asked:
            yield f"order {order['id'][:13]} was paid by nobody"


def events_are_told_once(evidence: Evidence, _history: History) -> Iterator[str]:
    """Each change of an appointment was recorded as one event."""
    told: Counter[tuple[str, str]] = Counter()
    for event in evidence["event"]:
        payload = event["payload"]
        told[event["name"], payload.get("appointment_id", payload.get("order_id"))] += 1
        if event["name"] == "booking.appointment.rescheduled":
            told["moved away", payload["old_appointment_id"]] += 1
    for row in evidence["appointment"]:
        for name in _expected(row):
            if told[name, row["id"]] != 1:
                yield f"appointment {row['id'][:13]} ({row['state']}): {told[name, row['id']]} events {name}"


def _expected(row: Row) -> Iterator[str]:
    if row["rescheduled_from"] is not None:
        yield "booking.appointment.rescheduled"
    elif row["number"] is not None:
        yield "booking.appointment.confirmed"
    if row["state"] == "rescheduled":
        yield "moved away"
    elif row["state"] in _ENDINGS:
        yield _ENDINGS[row["state"]]


def the_audit_trail_is_whole(evidence: Evidence, _history: History) -> Iterator[str]:
    """The chain verifies, and each appointment's making stands in it once."""
    yield from evidence.audit_damage
    made = Counter(
        entry["subject"]
        for entry in evidence["audit_entry"]
        if entry["action"] in {"appointment.hold", "appointment.book"}
    )
    for row in evidence["appointment"]:
        if row["rescheduled_from"] is None and made[f"appointment:{row['id']}"] != 1:
            yield f"appointment {row['id'][:13]} has no entry in the trail"
