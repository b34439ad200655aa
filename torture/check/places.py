"""Places: never more sold than there are, at no moment, and none gone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from torture.evidence import Evidence, Row
from torture.history import History

BUCKETS = ("free", "held", "booked", "desk", "elderly", "referral", "later", "cooling", "frozen")
STANDING = ("held", "booked", "suspended")


def the_log_replays_to_the_counters(evidence: Evidence, _history: History) -> Iterator[str]:
    """Every prefix of every slot's log stays within its capacity; the whole log gives the row."""
    lines: dict[str, list[Row]] = defaultdict(list)
    for line in evidence["place_log"]:
        lines[line["slot_id"]].append(line)
    for slot in evidence["slot"]:
        yield from _replayed(slot, lines[slot["id"]])


def _replayed(slot: Row, lines: list[Row]) -> Iterator[str]:
    name = f"slot {slot['id'][-4:]}"
    places: Counter[str | None] = Counter({"free": slot["capacity"]})
    if [line["seq"] for line in lines] != list(range(1, slot["moves"] + 1)):
        yield f"{name}: {slot['moves']} moves counted, {len(lines)} logged"
    for line in lines:
        places[line["source"]] -= line["places"]
        places[line["target"]] += line["places"]
        if line["source"] and places[line["source"]] < 0:
            yield f"{name}: at {line['seq']} more left {line['source']} than was there"
        sold = places["held"] + places["booked"]
        if sold > slot["capacity"] - places[None]:
            yield f"{name}: at {line['seq']} {sold} places were sold"
    for bucket in BUCKETS:
        if slot[bucket] != places[bucket]:
            yield f"{name}: {bucket} is {slot[bucket]}, the log gives {places[bucket]}"


def the_log_tells_of_each_appointment(evidence: Evidence, _history: History) -> Iterator[str]:
    """An appointment took one place once; it gave it back once, or still has it."""
    balance: Counter[tuple[str, str]] = Counter()
    for line in evidence["place_log"]:
        balance[line["appointment_id"], line["source"]] -= line["places"]
        balance[line["appointment_id"], line["target"]] += line["places"]
    rows = {row["id"]: row["state"] for row in evidence["appointment"]}
    for (appointment, bucket), places in balance.items():
        if bucket in {"held", "booked"} and places and appointment not in rows:
            yield f"the log gives {places} {bucket} to an appointment that does not exist"
    for appointment, state in rows.items():
        has = {bucket: balance[appointment, bucket] for bucket in ("held", "booked")}
        if has != {"held": state == "held", "booked": state in {"booked", "suspended"}}:
            yield f"appointment {appointment[:13]} is {state}, the log gives it {has}"


def counters_are_rows(evidence: Evidence, _history: History) -> Iterator[str]:
    """A slot counts as held and booked exactly the appointments that stand in it."""
    rows = Counter((row["slot_id"], row["state"] == "held") for row in _standing(evidence))
    for slot in evidence["slot"]:
        standing = {"held": rows[slot["id"], True], "booked": rows[slot["id"], False]}
        counted = {name: slot[name] for name in standing}
        if counted != standing:
            yield f"slot {slot['id'][-4:]} counts {counted}, there stand {standing}"
        if sum(standing.values()) > slot["capacity"] + slot["addons"]:
            yield f"slot {slot['id'][-4:]} is sold {sum(standing.values())} times"


def no_place_is_lost(evidence: Evidence, _history: History) -> Iterator[str]:
    """All places of a slot are somewhere, and once holds and cooling are over each is sold or on sale."""
    for slot in evidence["slot"]:
        places = slot["capacity"] + slot["addons"]
        if sum(slot[bucket] for bucket in BUCKETS) != places:
            yield f"slot {slot['id'][-4:]}: the buckets do not add up to {places}"
        if slot["free"] + slot["held"] + slot["booked"] != places:
            yield f"slot {slot['id'][-4:]}: a place is neither sold nor on sale"


def _standing(evidence: Evidence) -> list[Row]:
    return [row for row in evidence["appointment"] if row["state"] in STANDING]
