"""Who may look at bookings and who may make them, as parameters of routes."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from guahao.identity.access import Permission, StaffRef, staff

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_APPOINTMENTS))]
Booker = Annotated[StaffRef, Depends(staff(Permission.BOOK_FOR_PATIENT))]


def own_doctor(who: StaffRef) -> UUID | None:
    """Whose appointments alone somebody sees: a doctor's own, None for everybody's."""
    return who.own_doctor(Permission.VIEW_APPOINTMENTS)
