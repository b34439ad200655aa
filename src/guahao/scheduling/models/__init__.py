"""Tables of the scheduling domain."""

from guahao.scheduling.models.change import ChangeKind, ChangeState, ScheduleChange, ScheduleChangeItem
from guahao.scheduling.models.place import (
    RESERVES,
    Bucket,
    ClinicSession,
    ClosedBy,
    CoolingPlace,
    Period,
    PlaceLog,
    SessionState,
    Slot,
    Suspension,
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
    "ChangeKind",
    "ChangeState",
    "ClinicSession",
    "ClosedBy",
    "CoolingPlace",
    "ExceptionKind",
    "HolidayRule",
    "Period",
    "PlaceLog",
    "ScheduleChange",
    "ScheduleChangeItem",
    "ScheduleClock",
    "ScheduleException",
    "ScheduleTemplate",
    "SessionAddon",
    "SessionState",
    "Slot",
    "Suspension",
]
