"""Sending a code by SMS."""

from __future__ import annotations

from typing import Protocol


class SmsNotSent(Exception):
    """The provider refused the message or could not be reached; says its code, never the phone."""


class SmsSender(Protocol):
    """An SMS provider."""

    async def send_code(self, *, phone: str, code: str, valid_min: int) -> None:
        """Send `code` to a mainland mobile number of 11 digits.

        Costs money and is not idempotent: never retried by us. Raises `SmsNotSent`.
        """
        ...
