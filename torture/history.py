"""What people asked for and what they were told: the only thing the database is judged against."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What somebody wants."""

    BOOK = "book"
    OPEN = "open"
    """Open a payment for an order."""
    PAY = "pay"
    """Pay it at the provider's cashier."""
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"


class Outcome(StrEnum):
    """What the person knows in the end."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True, kw_only=True)
class Deed:
    """One wish under one Idempotency-Key, asked as often as it takes to get an answer.

    `target` is the appointment that is cancelled or moved, or the order that is paid; `slot` is
    where to, `channel` by which way and `cashier` at which address somebody pays. An attempt without
    answer may still be carried out later only when the client gave it up while its server lived
    (`may_come_later`); then a refusal of another attempt is not final.
    """

    kind: Kind
    person: int
    key: str
    slot: str | None = None
    target: str | None = None
    channel: str | None = None
    cashier: str | None = None
    outcome: Outcome = Outcome.UNKNOWN
    refusal: str | None = None
    answers: list[dict[str, Any]] = field(default_factory=list)
    replays: int = 0
    lost_in: list[int] = field(default_factory=list)
    answered_in: int | None = None
    may_come_later: bool = False

    @property
    def may_have_happened(self) -> bool:
        """Whether the database may show this deed done."""
        return self.outcome is not Outcome.REFUSED or self.may_come_later

    @property
    def crossed_a_crash(self) -> bool:
        """Whether an attempt was lost before a fault and another answered after it."""
        return self.answered_in is not None and any(epoch < self.answered_in for epoch in self.lost_in)


@dataclass(slots=True, kw_only=True)
class History:
    """All deeds of a run, the faults it went through, and answers that may never be given."""

    deeds: list[Deed] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    bare_failures: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The numbers that show what the run was about."""
        outcomes = Counter(deed.outcome for deed in self.deeds)
        refusals = Counter(deed.refusal for deed in self.deeds)
        done = Counter(deed.kind for deed in self.deeds if deed.outcome is Outcome.OK)
        crossed = [deed for deed in self.deeds if deed.crossed_a_crash and deed.outcome is Outcome.OK]
        return {
            "deeds": len(self.deeds),
            **{str(outcome): outcomes[outcome] for outcome in Outcome},
            **{f"{kind} done": done[kind] for kind in Kind},
            "sold out": refusals["slot-full"] + refusals["slot-sold-out"],
            "answered across a crash": len(crossed),
            "replayed answers": sum(deed.replays for deed in self.deeds),
            "faults": sum(self.faults.values()),
        }
