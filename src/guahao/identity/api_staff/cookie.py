"""The cookie that carries a staff login of the console."""

from __future__ import annotations

from fastapi import Response

from guahao.identity.policy.browser import cookie_name, device_cookie_name, is_https
from guahao.identity.policy.device import DEVICE_LIFETIME
from guahao.kernel.settings import Settings


def set_cookie(response: Response, *, token: str, settings: Settings) -> None:
    """Give the browser its login until it is closed; the server ends it by its own clock."""
    response.set_cookie(
        cookie_name(settings.public_url),
        token,
        path="/",
        secure=is_https(settings.public_url),
        httponly=True,
        samesite="strict",
    )


def clear_cookie(response: Response, *, settings: Settings) -> None:
    """Have the browser forget its login."""
    response.delete_cookie(
        cookie_name(settings.public_url),
        path="/",
        secure=is_https(settings.public_url),
        httponly=True,
        samesite="strict",
    )


def set_device_cookie(response: Response, *, tokens: str, settings: Settings) -> None:
    """Let the browser be known to its staff for 180 days; logging out leaves it."""
    response.set_cookie(
        device_cookie_name(settings.public_url),
        tokens,
        max_age=int(DEVICE_LIFETIME.total_seconds()),
        path="/",
        secure=is_https(settings.public_url),
        httponly=True,
        samesite="strict",
    )
