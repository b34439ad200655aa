"""What several staff routes of identity take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from guahao.identity.access import Permission, Role
from guahao.identity.policy.login import PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH
from guahao.kernel.http import Body
from guahao.kernel.value.fields import GivenCode, GivenUsername, OneTimeCode, secret

GivenPassword = Annotated[
    str, StringConstraints(strip_whitespace=False), secret(least=1, most=PASSWORD_MAX_LENGTH)
]
NewPassword = Annotated[
    str,
    StringConstraints(strip_whitespace=False),
    secret(least=PASSWORD_MIN_LENGTH, most=PASSWORD_MAX_LENGTH),
]


class StaffLoginIn(Body):
    """Username, password, and of the second factor the six digits of the app or a recovery code."""

    username: GivenUsername
    password: GivenPassword
    totp_code: OneTimeCode | None = None
    recovery_code: GivenCode | None = None


class StaffOut(BaseModel):
    """A member of staff; `hospital_id` is null for the platform's own people."""

    id: str
    name: str
    hospital_id: str | None
    roles: list[Role]
    permissions: list[Permission]
    lacks_second_factor: bool = Field(description="Only setting it up is allowed")


class MyselfOut(StaffOut):
    """Who is logged in and until when."""

    username: str
    has_second_factor: bool
    recovery_codes_left: int
    csrf_token: str | None = Field(description="Goes into X-CSRF-Token; null for a login by bearer token")
    idle_ends_at: datetime = Field(description="When this login ends unless it is used before")
    ends_at: datetime = Field(description="When this login ends at the latest")


class StaffLoggedInOut(BaseModel):
    """The bearer token, shown this once, and whose it is; GET /api/v1/staff/me tells the rest.

    The device token goes into `X-Device-Token` at the next login from here; browsers keep it as a cookie.
    """

    token: str
    device_token: str
    staff_id: str


class StaffPasswordIn(Body):
    """The present password and the new one."""

    old_password: GivenPassword
    new_password: NewPassword
