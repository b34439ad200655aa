"""Counts notifications that are not believed; a burst of them is a case, single ones leave no row."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from guahao.kernel.db import Sessions, transaction
from guahao.payment.models import Provider, WatchKind
from guahao.payment.policy import WATCHES
from guahao.payment.ports import RefusalKind
from guahao.payment.service.watch import note_signature_failures

_WATCH = WATCHES[WatchKind.SIGNATURE_FAILURES]


class Alarm:
    """The counts of one process: anybody can send rubbish, so nothing is written below the threshold.

    Probes, by which a provider tests whether we check, do not count.
    """

    def __init__(self) -> None:
        """Start from nothing."""
        self._failures: dict[Provider, deque[datetime]] = {}

    async def note(self, sessions: Sessions, *, provider: Provider, kind: RefusalKind, now: datetime) -> None:
        """Count one; open a case, once for each burst, when there are too many."""
        if kind is RefusalKind.PROBE:
            return
        times = self._failures.setdefault(provider, deque(maxlen=_WATCH.threshold))
        times.append(now)
        since = times[0]
        if len(times) < _WATCH.threshold or now - since > timedelta(minutes=_WATCH.window_min):
            return
        times.clear()
        async with transaction(sessions) as db:
            await note_signature_failures(db, provider=provider, count=_WATCH.threshold, since=since)
