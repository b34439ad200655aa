"""What staff looked for, sealed: a list can be asked by it in an address, and only this server reads it."""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from guahao.kernel.crypto import KeyRing, SealBroken
from guahao.kernel.errors import Invalid
from guahao.kernel.i18n import text

_FIELD = "address.sought"
_NO_ROW = UUID(int=0)


def sealed(written: str, *, hospital_id: int, keys: KeyRing) -> str:
    """What was typed, for addresses of this hospital's lists; another one each time."""
    token = keys.seal(written, field=_FIELD, row=_NO_ROW, hospital_id=hospital_id)
    return base64.urlsafe_b64encode(token).decode()


def opened(sought: str, *, hospital_id: int, keys: KeyRing) -> str:
    """What was typed. Raises `Invalid` for what we did not seal for this hospital."""
    try:
        token = base64.b64decode(sought.encode("ascii"), altchars=b"-_", validate=True)
        return keys.open(token, field=_FIELD, row=_NO_ROW, hospital_id=hospital_id)
    except (UnicodeEncodeError, binascii.Error, SealBroken) as error:
        raise Invalid(errors=[{"in": "query", "field": "sought", "message": text("field.other")}]) from error
