"""Money, events and the trail."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from torture.check.places import STANDING
from torture.evidence import Evidence, Row
from torture.history import History, Kind, Outcome

_GOES_BACK = ("requested", "submitted", "success", "abnormal", "manual", "awaiting_approval")
_ENDINGS = {
    "expired": "booking.appointment.expired",
    "cancelled_by_patient": "booking.appointment.cancelled",
}


def money_is_where_it_belongs(evidence: Evidence, _history: History) -> Iterator[str]:
    """What is kept for an order is the fee of the one appointment that stands for it, or nothing."""
    fees = {row["id"]: row["fee_fen"] for row in evidence["clinic_session"]}
    owed: dict[str, list[int]] = defaultdict(list)
    for row in evidence["appointment"]:
        if row["state"] in STANDING:
            owed[row["order_id"]].append(fees[row["session_id"]])
    kept: Counter[str] = Counter()
    for payment in evidence["payment"]:
        kept[payment["order_id"]] += payment["captured_fen"] - payment["refunded_fen"]
    for order in evidence["payment_order"]:
        due = owed[order["id"]]
        if len(due) > 1 or kept[order["id"]] != sum(due):
            yield f"{_named(order)}: {kept[order['id']]} fen are kept for {len(due)} appointments of {due}"
        if order["state"] in {"refunded", "closed"} and kept[order["id"]]:
            yield f"{_named(order)}: {kept[order['id']]} fen are kept"


def _named(order: Row) -> str:
    return f"order {order['id'][:13]} ({order['state']}, {order['amount_fen']} fen)"


def nothing_goes_back_twice(evidence: Evidence, _history: History) -> Iterator[str]:
    """What went back of a payment is what was promised, never more than was captured, each cause once."""
    back: Counter[str] = Counter()
    for refund in evidence["refund"]:
        back[refund["payment_id"]] += refund["amount_fen"] if refund["state"] in _GOES_BACK else 0
    for payment in evidence["payment"]:
        if not back[payment["id"]] == payment["refunded_fen"] <= payment["captured_fen"]:
            promised = payment["refunded_fen"]
            yield f"payment {payment['id'][:13]}: {promised} promised, {back[payment['id']]} back"
    asked = Counter(
        event["payload"]["refund_id"]
        for event in evidence["event"]
        if event["name"] == "payment.refund.requested"
    )
    for refund in evidence["refund"]:
        if asked.pop(refund["id"], 0) != 1:
            yield f"refund {refund['id'][:13]} was not asked for once"
    yield from (f"refund {id_[:13]} was asked for and does not exist" for id_ in asked)


def the_books_are_those_of_the_providers(evidence: Evidence, _history: History) -> Iterator[str]:
    """Every capture and every refund is known on both sides with the same amount, and no other."""
    captured = {
        (row["channel"].partition("_")[0], row["id"].replace("-", "")): row["captured_fen"]
        for row in evidence["payment"]
        if row["captured_fen"]
    }
    paid = {
        (row["provider"], row["out_trade_no"]): row["amount_fen"]
        for row in evidence["sandbox_trade"]
        if row["state"] == "paid"
    }
    yield from _differences("captured", captured, paid)
    ours = {
        f"{row['payment_id'].replace('-', '')}R{row['number']}": row["amount_fen"]
        for row in evidence["refund"]
        if row["state"] == "success"
    }
    theirs = {
        row["out_refund_no"]: row["amount_fen"]
        for row in evidence["sandbox_refund"]
        if row["state"] == "success"
    }
    yield from _differences("refunded", ours, theirs)


def _differences(what: str, ours: Mapping[Any, int], theirs: Mapping[Any, int]) -> Iterator[str]:
    for number in ours.keys() | theirs.keys():
        if ours.get(number, 0) != theirs.get(number, 0):
            yield f"{number}: {what} {ours.get(number, 0)} here, {theirs.get(number, 0)} there"


def the_ledger_says_the_same(evidence: Evidence, _history: History) -> Iterator[str]:
    """The accounts balance and say what payments and refunds say."""
    accounts: Counter[str] = Counter()
    for entry in evidence["ledger_entry"]:
        accounts[entry["debit"]] += entry["amount_fen"]
        accounts[entry["credit"]] -= entry["amount_fen"]
    said: Counter[str] = Counter()
    providers = {row["id"]: row["channel"].partition("_")[0] for row in evidence["payment"]}
    for payment in evidence["payment"]:
        said[providers[payment["id"]]] += payment["captured_fen"]
        said["patient_money"] -= payment["captured_fen"] - payment["refunded_fen"]
    for refund in evidence["refund"]:
        if refund["state"] == "success":
            said[providers[refund["payment_id"]]] -= refund["amount_fen"]
    for account in accounts.keys() | said.keys():
        if accounts[account] != said[account]:
            yield f"account {account}: {accounts[account]} in the ledger, {said[account]} by the payments"


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
