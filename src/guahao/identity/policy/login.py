"""Rules of usernames, passwords, SMS codes and failed logins; no I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_ROWS = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `count` in any period of this length."""

    count: int
    period: timedelta


PHONE_ALLOWANCES = (
    Allowance(1, timedelta(seconds=60)),
    Allowance(5, timedelta(hours=1)),
    Allowance(10, timedelta(days=1)),
)
"""Of SMS codes to one phone; no looser than Aliyun's own flow control: 1 a minute, 5 an hour, 10 a day."""

CODES_PER_ADDRESS_HOUR = 20


def wait_s(latest: Sequence[datetime], allowances: Sequence[Allowance], *, now: datetime) -> int:
    """Seconds until one more is allowed, 0 when it is; `latest` are the moments, newest first."""
    free_at = [
        latest[allowance.count - 1] + allowance.period
        for allowance in allowances
        if len(latest) >= allowance.count
    ]
    return max((seconds_until(moment, now=now) for moment in free_at), default=0)


def seconds_until(moment: datetime, *, now: datetime) -> int:
    """Whole seconds until `moment`, rounded up; 0 when it has come."""
    return max(0, -((now - moment) // timedelta(seconds=1)))


def pause_s(failures: int) -> int:
    """Seconds nobody may try again after so many failures in a row: 5 are free, then 15, 30, 60, ..."""
    if failures < _CALM_FAILURES:
        return 0
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S << min(failures - _CALM_FAILURES, 10))


def is_weak_password(password: str, *, username: str) -> bool:
    """Whether a guesser tries this among the first: common, repeated, a run of keys, or the username."""
    plain = password.lower()
    return (
        plain in _common_passwords()
        or _REPEATED.fullmatch(plain) is not None
        or any(plain in row + row or plain in (row + row)[::-1] for row in _ROWS)
        or username.lower() in {plain, plain[::-1]}
    )


@cache
def _common_passwords() -> frozenset[str]:
    source = files("guahao.identity") / "common_passwords.txt"
    return frozenset(line for line in source.read_text("ascii").splitlines() if not line.startswith("#"))
