"""When something of a day starts and ends on China's clock: at 24:00 it may end, not start."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

import msgspec

from guahao.kernel.clock import CHINA, at_local
from guahao.kernel.value.signs import narrow
from guahao.kernel.value.unfit import Unfit

_DAY = timedelta(days=1)
_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-9]{2})(?::([0-9.]{2,9}))?|[点时](?:([0-9]{2})分?)?)")
_HAS_ZONE = re.compile(r"[0-9:.]+ ?(Z|[-+][0-9:]+)", re.IGNORECASE)
_RATIO = "\u2236"
"""The colon that Chinese typesetting has in a time of the clock."""

_HOURS, _MINUTES = 24, 60
_SHOWN = 20


class EndTime(msgspec.Struct, frozen=True, order=True):
    """The time of the clock at which something ends; a day ends at 24:00, which `time` does not have."""

    after_midnight: timedelta
    """From the beginning of the day: more than nothing, at most a day."""

    def __post_init__(self) -> None:
        """Refuse what is of another day."""
        if not timedelta() < self.after_midnight <= _DAY:
            raise ValueError(self.after_midnight)

    @classmethod
    def at(cls, clock: time) -> EndTime:
        """The end when a clock shows this: what ends at 00:00 ends with its day."""
        return cls(_after_midnight(clock) or _DAY)

    @classmethod
    def of(cls, moment: datetime) -> EndTime:
        """What a clock in China shows when something ends at this moment."""
        return cls.at(moment.astimezone(CHINA).time())

    def is_after(self, starts: time) -> bool:
        """Whether something of one day can start then and end now."""
        return self.after_midnight > _after_midnight(starts)

    def on(self, day: date) -> datetime:
        """The moment at which something of this local day ends, as aware UTC."""
        return at_local(day, time()) + self.after_midnight

    def __str__(self) -> str:
        """Write it as people do: 09:30, 24:00."""
        hours, minutes = divmod(self.after_midnight // timedelta(minutes=1), 60)
        return f"{hours:02d}:{minutes:02d}"


def _after_midnight(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)


def read_clock(typed: str) -> time:
    """A time of the clock to the minute, however it is written: 8:30, 08：30:00, 8点30分. Raises `Unfit`."""
    hours, minutes = _read(typed)
    if hours == _HOURS:
        raise Unfit("end_of_day")
    return time(hours, minutes)


def read_end(typed: str) -> EndTime:
    """The time of the clock at which something ends; 24:00 and 00:00 are the day's end. Raises `Unfit`."""
    hours, minutes = _read(typed)
    return EndTime(timedelta(hours=hours, minutes=minutes) or _DAY)


def _why_no_time(clock: str) -> str:
    """08:00-12:00 is from when to when; 18:00-05:00 and 08:00+08:00 name a zone."""
    span = [_CLOCK.fullmatch(end.strip()) for end in re.split("[-~\u2013\u2014至到]+", clock)]
    if len(span) == 2 and span[0] and span[1] and int(span[0][1]) < int(span[1][1]):  # two ends
        return "time_span"
    return "times_local" if _HAS_ZONE.fullmatch(clock) else "time"


def _read(typed: str) -> tuple[int, int]:
    clock = narrow(typed).replace(_RATIO, ":")
    found = _CLOCK.fullmatch(clock)
    if found is None:
        raise Unfit(_why_no_time(clock), value=clock[:_SHOWN])
    if (found[3] or "").strip("0."):
        raise Unfit("times_to_the_minute")
    hours, minutes = int(found[1]), int(found[2] or found[4] or 0)
    if minutes >= _MINUTES or hours > _HOURS or (hours == _HOURS and minutes):
        raise Unfit("time", value=clock[:_SHOWN])
    return hours, minutes
