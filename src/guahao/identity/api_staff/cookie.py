"""The cookie that carries a staff login of the console."""

from __future__ import annotations

from fastapi import Response

from guahao.identity.policy.browser import cookie_name, is_https
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
