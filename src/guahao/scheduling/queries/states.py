"""Words of scheduling that other domains use."""

from guahao.scheduling.models import Bucket, Period, SessionState

__all__ = ["Bucket", "Period", "SessionState"]
