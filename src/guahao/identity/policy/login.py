"""Rules of usernames, passwords, SMS codes and failed logins; no I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

PASSWORD_MIN_LENGTH = 8
PASSWORD_MAX_LENGTH = 64

CODE_TTL = timedelta(minutes=5)
CODE_TRIES = 5

_CALM_FAILURES = 5
_FIRST_PAUSE_S = 15
_LONGEST_PAUSE_S = 15 * 60
_REPEATED = re.compile(r"(.{1,4})\1+")
_DRESS = 4
_AROUND = "0123456789!@#$%^&*()_+-=.,?~ "
_AS_LETTERS = str.maketrans("@4031!$57", "aaoeiisst")
_GUESSED_WORDS = frozenset(
    """admin administrator root system manager superuser sysadmin test guest user demo password passwd
    passw welcome login hello iloveyou qwerty qwertyuiop abc abcd letmein secret changeme default huawei
    tencent aliyun guahao yiyuan hospital renmin zhongyi fuyou xiehe yisheng hushi huanzhe menzhen yuyue
    mima guanli guanliyuan doctor nurse patient finance auditor desk woaini nihao zhongguo beijing
    shanghai""".split()
)
"""What guessers dress up with digits and signs, in English and in pinyin."""
_ROWS = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `count` in any period of this length."""

    count: int
    period: timedelta


ASKER_ALLOWANCES = (
    Allowance(1, timedelta(seconds=60)),
    Allowance(5, timedelta(hours=1)),
    Allowance(10, timedelta(days=1)),
)
"""Of SMS codes to one phone that one asker gets: a device of the phone's owner, or an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Of the codes that strangers ask for one phone: `first` for anybody, then one for each, to `most`."""

    first: int
    most: int
    period: timedelta


PHONE_SHARES = (
    Share(first=5, most=15, period=timedelta(hours=1)),
    Share(first=10, most=30, period=timedelta(days=1)),
)
"""Whoever has asked much for somebody else's phone leaves the owner, who has not asked yet, a code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """So many wrong tries at once; each comes back after `refill_s`."""

    tries: int
    refill_s: float

    def times(self, factor: int) -> Budget:
        """So many times as large."""
        return Budget(tries=self.tries * factor, refill_s=self.refill_s / factor)


NAME_BUDGET = Budget(tries=100, refill_s=600)
"""Of all strangers together at one name: 100 at once, then 144 a day."""

ADDRESS_BUDGET = Budget(tries=300, refill_s=12)
"""Of one address at all names: 300 at once, then 300 an hour; a carrier's address has many people."""

IDENTITY_BUDGET = Budget(tries=10, refill_s=2 * 3600)
"""Of comparisons of a name with a document that one account asks for: 10 at once, then 12 a day."""

CODES_PER_ADDRESS_HOUR = 20


def wait_s(latest: Sequence[datetime], allowances: Sequence[Allowance], *, now: datetime) -> int:
    """Seconds until one more is allowed, 0 when it is; `latest` are the moments, newest first."""
    free_at = [
        latest[allowance.count - 1] + allowance.period
        for allowance in allowances
        if len(latest) >= allowance.count
    ]
    return max((seconds_until(moment, now=now) for moment in free_at), default=0)


def share_wait_s(
    of_phone: Sequence[datetime], of_asker: Sequence[datetime], shares: Sequence[Share], *, now: datetime
) -> int:
    """Seconds until a stranger may have a code sent to a phone, 0 when one may; moments newest first.

    `of_phone` are those of all strangers' codes to it, `of_asker` those that this one had asked for.
    """
    free_at = []
    for share in shares:
        since = now - share.period
        all_recent = [moment for moment in of_phone if moment > since]
        own_recent = [moment for moment in of_asker if moment > since]
        if len(all_recent) >= share.most:
            free_at.append(all_recent[share.most - 1] + share.period)
        elif len(all_recent) >= share.first and own_recent:
            free_at.append(min(all_recent[share.first - 1], own_recent[0]) + share.period)
    return max((seconds_until(moment, now=now) for moment in free_at), default=0)


def seconds_until(moment: datetime, *, now: datetime) -> int:
    """Whole seconds until `moment`, rounded up; 0 when it has come."""
    return max(0, -((now - moment) // timedelta(seconds=1)))


def pause_s(failures: int) -> int:
    """Seconds nobody may try again after so many failures in a row: 5 are free, then 15, 30, 60, ..."""
    if failures < _CALM_FAILURES:
        return 0
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S << min(failures - _CALM_FAILURES, 10))


def is_weak_password(
    password: str, *, username: str, known: Collection[str] = (), guessed: frozenset[str] = frozenset()
) -> bool:
    """Whether a guesser tries this among the first.

    Common, repeated, a run of keys, the username, or a word that is guessed first, alone or with digits and
    signs around it; `known` are words that only this person's guesser knows, as the phone, `guessed` those
    that are guessed first in this place, as the hospital's name.
    """
    plain = password.lower()
    return (
        plain in _common_passwords()
        or _REPEATED.fullmatch(plain) is not None
        or any(plain in row + row or plain in (row + row)[::-1] for row in _ROWS)
        or username.lower() in {plain, plain[::-1]}
        or _is_dressed_up(plain, known, guessed)
    )


def _is_dressed_up(plain: str, known: Collection[str], guessed: frozenset[str]) -> bool:
    """Whether this is a guessed word in a dress that everybody knows: Admin@123, P@ssw0rd1, phone and a !."""
    if any(word and word in plain and len(plain) - len(word) <= _DRESS for word in known):
        return True
    core = plain.strip(_AROUND)
    read = {core, core.translate(_AS_LETTERS)}
    is_guessed = not read.isdisjoint(_GUESSED_WORDS) or not read.isdisjoint(guessed)
    return is_guessed and len(plain) - len(core) <= _DRESS + 2


@cache
def _common_passwords() -> frozenset[str]:
    source = files("guahao.identity") / "common_passwords.txt"
    return frozenset(line for line in source.read_text("ascii").splitlines() if not line.startswith("#"))
