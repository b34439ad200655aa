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

__all__ = [
    "RESERVES",
    "Bucket",
    "ClinicSession",
    "CoolingPlace",
    "Period",
    "PlaceLog",
    "SessionState",
    "Slot",
]
