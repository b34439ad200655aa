"""Tables of the scheduling domain."""

from guahao.scheduling.models.place import (
    RESERVES,
    Bucket,
    ClinicSession,
    CoolingPlace,
    Period,
    PlaceLog,
    SessionState,
    Slot,
)
from guahao.scheduling.models.template import (
    ExceptionKind,
    HolidayRule,
    ScheduleClock,
    ScheduleException,
    ScheduleTemplate,
    SessionAddon,
)

__all__ = [
    "RESERVES",
    "Bucket",
    "ClinicSession",
    "CoolingPlace",
    "ExceptionKind",
    "HolidayRule",
    "Period",
    "PlaceLog",
    "ScheduleClock",
    "ScheduleException",
    "ScheduleTemplate",
    "SessionAddon",
    "SessionState",
    "Slot",
]
