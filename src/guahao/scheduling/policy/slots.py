"""How a session is cut into slots and how its places are split into pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from guahao.kernel.clock import at_local
from guahao.scheduling.models import RESERVES, Bucket

LONGEST_SLOT_MIN = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTime:
    """One slot: when it is and how many places it has."""

    starts_at: datetime
    ends_at: datetime
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolShares:
    """Percent of a session's places kept back, by pool; together at most 100."""

    desk: int = 0
    elderly: int = 0
    referral: int = 0
    later: int = 0

    def of(self, bucket: Bucket) -> int:
        """The share of one reserve."""
        share: int = getattr(self, bucket.value)
        return share


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRules:
    """When each pool goes back to open sale."""

    desk_min: int
    elderly_min: int
    referral_h: int
    later_days: int
    later_time: time


def slots_of(starts_at: datetime, ends_at: datetime, *, slot_min: int, capacity: int) -> list[SlotTime]:
    """Cut a session into slots of `slot_min`; a shorter last one has fewer places, at least 1."""
    step = timedelta(minutes=slot_min)
    cut: list[SlotTime] = []
    begin = starts_at
    while begin < ends_at:
        end = min(begin + step, ends_at)
        places = max(1, capacity * (end - begin) // step)
        cut.append(SlotTime(starts_at=begin, ends_at=end, capacity=places))
        begin = end
    return cut


def split_pools(capacities: Sequence[int], shares: PoolShares) -> list[dict[Bucket, int]]:
    """Split each slot's capacity into free places and reserves; each slot sums to its capacity exactly.

    A reserve has floor(percent of the whole session), so that small slots are not rounded away one by
    one; its places are spread by always taking from the slot with the most free places left.
    """
    split = [{Bucket.FREE: places} for places in capacities]
    total = sum(capacities)
    for reserve in RESERVES:
        for _ in range(total * shares.of(reserve) // 100):
            fullest = max(split, key=lambda slot: slot[Bucket.FREE])
            if fullest[Bucket.FREE] == 0:
                return split
            fullest[Bucket.FREE] -= 1
            fullest[reserve] = fullest.get(reserve, 0) + 1
    return split


def return_moments(day: date, slot_starts_at: datetime, rules: ReturnRules) -> dict[Bucket, datetime]:
    """When each reserve of a slot goes back to open sale."""
    return {
        Bucket.DESK: slot_starts_at - timedelta(minutes=rules.desk_min),
        Bucket.ELDERLY: slot_starts_at - timedelta(minutes=rules.elderly_min),
        Bucket.REFERRAL: slot_starts_at - timedelta(hours=rules.referral_h),
        Bucket.LATER: at_local(day - timedelta(days=rules.later_days), rules.later_time),
    }
