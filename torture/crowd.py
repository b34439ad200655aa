"""People with phones: they book, pay, move and cancel, tap twice, and ask again until they are told."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench import client, seed
from torture.history import Deed, History, Kind, Outcome

TIMEOUT_S = 10.0
_IN_PROGRESS = "request-in-progress"
_CHANNELS = ("wechat_jsapi", "wechat_jsapi", "alipay_qr")
_UNPAID = ("created", "paying")


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody who wants one appointment at a time, and what they believe to have."""

    number: int
    appointment: str | None = None
    order: str | None = None
    is_paid: bool = False

    def has(self, answer: dict[str, Any]) -> None:
        """Believe an answer about an appointment."""
        self.appointment = answer["id"]
        self.order = answer["order"]["id"]
        self.is_paid = answer["order"]["state"] not in _UNPAID

    def has_nothing(self) -> None:
        """Start anew."""
        self.appointment = self.order = None
        self.is_paid = False


@dataclass(slots=True, kw_only=True)
class Crowd:
    """All people of a run, some of them acting at once."""

    port: int
    slots: int
    history: History
    rng: random.Random
    epoch: Callable[[], int]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    give_up: asyncio.Event = field(default_factory=asyncio.Event)
    _keys: int = 0

    async def live(self, people: Sequence[int]) -> None:
        """Live the lives of `people`, one deed after the other, until `stopping`."""
        actor = _Actor(self)
        lives = [Person(number=number) for number in people]
        try:
            while not self.stopping.is_set():
                await actor.act(self.rng.choice(lives))
        finally:
            actor.close()

    def next_key(self) -> str:
        """A key that was never used."""
        self._keys += 1
        return f"torture-{self._keys}"


class _Actor:
    """Two connections and the habits of people."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._rng = crowd.rng
        self._lines = (client.Connection(crowd.port), client.Connection(crowd.port))

    def close(self) -> None:
        for line in self._lines:
            line.close()

    async def act(self, person: Person) -> None:
        if person.appointment is None:
            await self._book(person)
        elif not person.is_paid:
            await (self._pay(person) if self._rng.random() < 0.8 else self._cancel(person))
        else:
            await (self._cancel(person) if self._rng.random() < 0.5 else self._reschedule(person))

    async def _book(self, person: Person) -> None:
        wishes = [self._deed(Kind.BOOK, person, slot=self._any_slot())]
        if self._rng.random() < 0.1:  # a second device of the same person wants something else
            wishes.append(self._deed(Kind.BOOK, person, slot=self._any_slot()))
        await asyncio.gather(
            *(self._until_told(line, deed) for line, deed in zip(self._lines, wishes, strict=False))
        )
        for deed in wishes:
            if deed.outcome is Outcome.OK:
                person.has(deed.answers[0])

    async def _pay(self, person: Person) -> None:
        opening = self._deed(Kind.OPEN, person, target=person.order)
        opening.channel = self._rng.choice(_CHANNELS)
        await self._perhaps_twice(opening)
        if opening.outcome is Outcome.OK:
            await self._at_cashier(person, opening)
        elif opening.refusal in {"order-not-payable", "too-many-payments"}:
            await self._cancel(person)

    async def _at_cashier(self, person: Person, opening: Deed) -> None:
        deed = self._deed(Kind.PAY, person, target=person.order)
        deed.cashier = _cashier_of(opening)
        paying = self._until_told(self._lines[0], deed)
        if self._rng.random() < 0.1:  # the phone pays while a second device gives the place back
            await asyncio.gather(paying, self._cancel(person, by=self._lines[1:]))
        else:
            await paying
        person.is_paid = person.appointment is not None and deed.outcome is Outcome.OK

    async def _cancel(self, person: Person, *, by: Sequence[client.Connection] = ()) -> None:
        deed = self._deed(Kind.CANCEL, person, target=person.appointment)
        await self._perhaps_twice(deed, by=by)
        if deed.refusal != "appointment-being-confirmed":
            person.has_nothing()

    async def _reschedule(self, person: Person) -> None:
        deed = self._deed(Kind.RESCHEDULE, person, target=person.appointment, slot=self._any_slot())
        await self._perhaps_twice(deed)
        if deed.outcome is Outcome.OK:
            person.has(deed.answers[0])
        elif deed.refusal == "appointment-ended":
            person.has_nothing()

    def _any_slot(self) -> str:
        return seed.slot_id(self._rng.randint(1, self._crowd.slots))

    def _deed(
        self, kind: Kind, person: Person, *, slot: str | None = None, target: str | None = None
    ) -> Deed:
        deed = Deed(kind=kind, person=person.number, key=self._crowd.next_key(), slot=slot, target=target)
        self._crowd.history.deeds.append(deed)
        return deed

    async def _perhaps_twice(self, deed: Deed, *, by: Sequence[client.Connection] = ()) -> None:
        taps = 2 if self._rng.random() < 0.2 else 1
        await asyncio.gather(*(self._until_told(line, deed) for line in by or self._lines[:taps]))

    async def _until_told(self, line: client.Connection, deed: Deed) -> None:
        """Ask with the same key until there is an answer that says what happened."""
        request = _request(deed)
        while not self._crowd.give_up.is_set():
            epoch = self._crowd.epoch()
            try:
                answer = await line.ask(request, timeout_s=TIMEOUT_S)
            except ConnectionRefusedError:
                pass
            except TimeoutError:
                deed.lost_in.append(epoch)
                deed.may_come_later = True
            except (OSError, EOFError):
                deed.lost_in.append(epoch)
            else:
                if self._is_told(deed, answer, epoch):
                    return
            await asyncio.sleep(self._rng.uniform(0.05, 0.3))

    def _is_told(self, deed: Deed, answer: client.Answer, epoch: int) -> bool:
        content = json.loads(answer.body) if answer.body else {}
        if answer.status >= 500:
            deed.lost_in.append(epoch)
            if answer.status != 503:
                told = f"{deed.kind} answered {answer.status} {content.get('code')}"
                self._crowd.history.bare_failures.append(told)
            return False
        if content.get("code") == _IN_PROGRESS:
            return False
        deed.answered_in = epoch if deed.answered_in is None else max(epoch, deed.answered_in)
        deed.replays += answer.is_replayed
        if answer.status < 300:
            deed.outcome = Outcome.OK
            deed.refusal = None
            deed.answers.append(content)
        elif deed.outcome is not Outcome.OK:
            deed.outcome = Outcome.REFUSED
            deed.refusal = content["code"]
        return True


def _cashier_of(opening: Deed) -> str:
    """Where the payment that was opened can be paid."""
    payment = opening.answers[0]
    if opening.channel == "alipay_qr":
        return f"/sandbox/alipay/{payment['id'].replace('-', '')}/pay"
    return f"/sandbox/wechat-pay/{payment['params']['package'].removeprefix('prepay_id=')}/pay"


def _request(deed: Deed) -> bytes:
    paths = {
        Kind.BOOK: "/api/v1/appointments",
        Kind.OPEN: f"/api/v1/orders/{deed.target}/payments",
        Kind.PAY: str(deed.cashier),
        Kind.CANCEL: f"/api/v1/appointments/{deed.target}/cancel",
        Kind.RESCHEDULE: f"/api/v1/appointments/{deed.target}/reschedule",
    }
    wish: dict[str, str | None] = {}
    if deed.slot is not None:
        wish["slot_id"] = deed.slot
    if deed.channel is not None:
        wish["channel"] = deed.channel
    if deed.kind is Kind.BOOK:
        wish["patient_id"] = seed.directory_id(deed.person)
    body = json.dumps(wish) if wish else ""
    return client.post(paths[deed.kind], body, token=seed.token(deed.person), key=deed.key)
