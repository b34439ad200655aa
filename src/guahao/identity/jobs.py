"""Forgets logins, codes and counters whose time is over; indexes persons anew when normal forms change."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.service.login import forget_old_logins
from guahao.identity.service.person_quota import forget_old_quotas
from guahao.identity.service.security_event import forget_old_events
from guahao.identity.service.sms_code import forget_old_codes
from guahao.identity.service.throttle import forget_old_tries
from guahao.identity.service.value_forms import index_persons
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import KeyRing
from guahao.kernel.jobs import Job


async def forget_ended(db: AsyncSession) -> int:
    """Delete what no rule looks at any more; answers 0, for one run does it all."""
    now = utc_now()
    await forget_old_codes(db, now=now)
    await forget_old_tries(db, now=now)
    await forget_old_logins(db, now=now)
    await forget_old_quotas(db, now=now)
    await forget_old_events(db, now=now)
    return 0


def jobs(key_ring: KeyRing) -> tuple[Job, ...]:
    """List the jobs of identity; what is sealed needs the keys."""
    return (
        Job(name="identity.forget_ended", every=timedelta(hours=1), run=forget_ended),
        Job(
            name="identity.index_persons",
            every=timedelta(minutes=10),
            run=partial(index_persons, key_ring=key_ring),
        ),
    )
