"""Killed before and after each commit of the way of money: trying again ends in the same state (row 30)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from guahao.kernel.db import Sessions, make_engine, make_sessions, transaction
from guahao.kernel.settings import Settings
from guahao.payment.ports import Provider
from guahao.sandbox.keys import SandboxKeys
from guahao.web.app import create_app
from tests.factories.books import require_rest
from tests.factories.till import Held, Till

pytestmark = pytest.mark.anyio


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


@dataclass
class Fuse:
    """Ends everything right before or right after the n-th commit from now."""

    left: int = 0
    is_before: bool = True

    def before_commit(self, _connection: object) -> None:
        self._burn(is_before=True)

    def after_commit(self, session: Session) -> None:
        if session.info.get("fuse") is self:
            self._burn(is_before=False)

    def _burn(self, *, is_before: bool) -> None:
        if self.left and self.is_before is is_before:
            self.left -= 1
            if not self.left:
                raise Crash


class Mortal(Session):
    """A session of a process that may be killed."""


@pytest.fixture
async def fuse(database: str, sessions: Sessions) -> AsyncIterator[tuple[Fuse, Sessions]]:
    """Its own engine, whose commits it watches; `sessions` has emptied the database before."""
    _ = sessions
    made, engine = Fuse(), make_engine(database)
    event.listen(engine.sync_engine, "commit", made.before_commit)
    event.listen(Mortal, "after_commit", made.after_commit)
    mortal = make_sessions(engine)
    mortal.configure(sync_session_class=Mortal, info={"fuse": made})
    yield made, mortal
    event.remove(Mortal, "after_commit", made.after_commit)
    await engine.dispose()


@pytest.fixture
async def till(settings: Settings, fuse: tuple[Fuse, Sessions]) -> AsyncIterator[Till]:
    app = create_app(settings, sessions=fuse[1])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guahao.test") as http:
        keys = SandboxKeys.load(settings.keys_path / "sandbox")
        yield Till(app=app, client=http, sessions=fuse[1], keys=keys)


@dataclass
class Story:
    """One order from its hold to its end; `opened` are the payments that its payer has seen."""

    till: Till
    held: Held
    opened: dict[str, httpx.Response] = field(default_factory=dict)

    async def open(self, channel: str) -> None:
        """A client that gets no answer asks again with the same key."""
        answer = await self.till.pay(
            self.held.headers, self.held.order_id, channel=channel, key=f"{channel}-{self.held.order_id}"
        )
        assert answer.status_code == 201, answer.text
        self.opened[channel] = answer

    async def pay(self, channel: str) -> None:
        assert (await self.till.at_cashier(self.opened[channel])).status_code == 200

    async def cancel(self) -> None:
        assert (await self.till.cancel(self.held)).status_code == 200

    async def expire(self) -> None:
        await self.till.over(self.held)
        await self.till.expire()

    async def errand(self, name: str) -> None:
        await self.till.hurry()
        await self.till.errands(name)

    async def settled_refunds(self) -> None:
        async with transaction(self.till.sessions) as db:
            await db.execute(text("UPDATE sandbox_refund SET settles_at = created_at"))
        await self.till.deliver()

    async def bill(self) -> None:
        await self.till.bill(Provider.WECHAT)


Step = Callable[[Story], Awaitable[None]]
OPEN: Step = lambda story: story.open("wechat_jsapi")  # noqa: E731  # a table of deeds
OPEN_OTHER: Step = lambda story: story.open("alipay_qr")  # noqa: E731
PAY: Step = lambda story: story.pay("wechat_jsapi")  # noqa: E731
PAY_OTHER: Step = lambda story: story.pay("alipay_qr")  # noqa: E731
DELIVER: Step = lambda story: story.till.deliver()  # noqa: E731
TELL: Step = lambda story: story.till.tell()  # noqa: E731
ASK: Step = lambda story: story.errand("ask_about_payments")  # noqa: E731
SEND: Step = lambda story: story.errand("send_refunds")  # noqa: E731
FOLLOW: Step = lambda story: story.errand("follow_refunds")  # noqa: E731

STORIES: dict[str, dict[str, Step]] = {
    "kept": {"open": OPEN, "pay": PAY, "deliver": DELIVER, "tell": TELL, "bill": Story.bill},
    "asked": {"open": OPEN, "pay": PAY, "ask": ASK, "tell": TELL},
    "billed": {"open": OPEN, "pay": PAY, "bill": Story.bill, "tell": TELL},
    "paid twice": {
        "open": OPEN,
        "open the other": OPEN_OTHER,
        "pay": PAY,
        "pay the other": PAY_OTHER,
        "deliver": DELIVER,
        "send": SEND,
        "tell": TELL,
    },
    "given back": {
        "open": OPEN,
        "pay": PAY,
        "deliver": DELIVER,
        "tell": TELL,
        "cancel": Story.cancel,
        "send": SEND,
        "follow": FOLLOW,
        "deliver the refund": Story.settled_refunds,
    },
    "expired": {"open": OPEN, "expire": Story.expire, "ask": ASK, "tell": TELL},
}
WATCHED = [
    ("kept", "open"),
    ("kept", "deliver"),
    ("kept", "tell"),
    ("kept", "bill"),
    ("asked", "ask"),
    ("billed", "bill"),
    ("paid twice", "open the other"),
    ("paid twice", "deliver"),
    ("paid twice", "send"),
    ("given back", "cancel"),
    ("given back", "send"),
    ("given back", "follow"),
    ("given back", "deliver the refund"),
    ("expired", "expire"),
    ("expired", "ask"),
    ("expired", "tell"),
]
_END = """
SELECT o.state, a.state, (SELECT array_agg(p.channel || p.state || p.captured_fen || '-' || p.refunded_fen
    ORDER BY p.id) FROM payment AS p WHERE p.order_id = o.id),
  (SELECT array_agg(r.reason || r.state || r.number || '-' || r.amount_fen ORDER BY r.id)
   FROM refund AS r WHERE r.order_id = o.id),
  (SELECT array_agg(l.kind || l.debit || l.credit || l.amount_fen ORDER BY l.kind, l.debit)
   FROM ledger_entry AS l WHERE l.order_id = o.id),
  (SELECT array_agg(e.name ORDER BY e.name) FROM event AS e
   WHERE e.payload::text LIKE '%' || o.id || '%' OR e.payload::text LIKE '%' || a.id || '%'),
  (SELECT array_agg(s.state || s.refunded_fen ORDER BY s.provider) FROM sandbox_trade AS s
   JOIN payment AS p ON replace(p.id::text, '-', '') = s.out_trade_no WHERE p.order_id = o.id)
FROM payment_order AS o JOIN appointment AS a ON a.order_id = o.id WHERE o.id = :order_id
"""


async def told(
    till: Till, fuse: Fuse, name: str, *, killed_in: str, commit: int, is_before: bool
) -> tuple[list[Any], bool]:
    """Live through a story, killed once; answers how it ended, and whether it was killed at all."""
    story = Story(till=till, held=await till.hold())
    is_killed = False
    for step, deed in STORIES[name].items():
        if step == killed_in:
            fuse.left, fuse.is_before = commit, is_before
        try:
            await deed(story)
        except Crash:
            is_killed = True
            fuse.left = 0
            await till.hurry()
            await deed(story)
        fuse.left = 0
    await till.rest()
    await require_rest(till.sessions)
    async with transaction(till.sessions) as db:
        end = (await db.execute(text(_END), {"order_id": UUID(story.held.order_id)})).one()
    return [_anybody(part) for part in end], is_killed


def _anybody(part: str | list[str] | None) -> str | list[str] | None:
    """Of two payments told at once either may be the first: who it was does not matter."""
    if not isinstance(part, list):
        return part
    return sorted(re.sub("wechat_jsapi|wechat|alipay_qr|alipay", "provider", text_) for text_ in part)


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("name", "step"), WATCHED, ids=[f"{name}-{step}" for name, step in WATCHED])
async def test_row_30_killed_at_any_commit_and_tried_again_ends_the_same(
    till: Till, fuse: tuple[Fuse, Sessions], name: str, step: str, is_before: bool
) -> None:
    wanted, _ = await told(till, fuse[0], name, killed_in="", commit=0, is_before=is_before)
    kills = 0
    for commit in range(1, 20):
        end, is_killed = await told(till, fuse[0], name, killed_in=step, commit=commit, is_before=is_before)
        assert end == wanted, (name, step, commit)
        kills += is_killed
        if not is_killed:
            break
    assert kills >= 1
