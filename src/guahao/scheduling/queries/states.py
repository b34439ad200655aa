"""Words and judgements of scheduling that other domains use."""

from guahao.scheduling.models import Bucket, ClosedBy, Period, SessionState
from guahao.scheduling.policy.bookable import WhyNot, why_not_by_hour, why_not_ever
from guahao.scheduling.policy.refusals import CLOSED

__all__ = [
    "CLOSED",
    "Bucket",
    "ClosedBy",
    "Period",
    "SessionState",
    "WhyNot",
    "why_not_by_hour",
    "why_not_ever",
]
