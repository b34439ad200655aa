"""The code a patient shows on arrival: names the appointment, and only this installation can make it."""

from __future__ import annotations

import base64
import binascii
import hmac
from uuid import UUID

from guahao.booking import policy
from guahao.booking.models import Appointment, AppointmentState
from guahao.booking.service.reschedule import AppointmentNotPaid
from guahao.booking.service.transition import AppointmentEnded
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound

_ID_BYTES = 16
_SIGNATURE_BYTES = 8
"""Who guesses must be staff and ask us each time: 64 bits are out of reach."""


def check_in_code(appointment: Appointment, *, keys: KeyRing) -> str:
    """Answer the code of a booked appointment, the same each time: 32 letters, digits, `-` and `_`.

    Raises `AppointmentNotPaid`, `SessionSuspended` and `AppointmentEnded`.
    """
    match appointment.state:
        case AppointmentState.BOOKED:
            signed = appointment.id.bytes + _signature(appointment.id, keys)
            return base64.urlsafe_b64encode(signed).decode()
        case AppointmentState.HELD:
            raise AppointmentNotPaid
        case AppointmentState.SUSPENDED:
            raise policy.SessionSuspended
        case _:
            raise AppointmentEnded(state=appointment.state.value)


def appointment_id_of(code: str, *, keys: KeyRing) -> UUID:
    """Answer the id of the appointment that a code names. Raises `NotFound` for what we did not sign."""
    try:
        signed = base64.b64decode(code.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise NotFound from None
    if len(signed) != _ID_BYTES + _SIGNATURE_BYTES:
        raise NotFound
    appointment_id = UUID(bytes=signed[:_ID_BYTES])
    if not hmac.compare_digest(signed[_ID_BYTES:], _signature(appointment_id, keys)):
        raise NotFound
    return appointment_id


def _signature(appointment_id: UUID, keys: KeyRing) -> bytes:
    return keys.blind_index("appointment.check_in", str(appointment_id))[:_SIGNATURE_BYTES]
