"""How a browser proves that a request comes from the console's own pages; no I/O, no clock."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PLAIN_COOKIE = "guahao_staff"
_PLAIN_DEVICE = "guahao_device"
_CSRF = b"guahao staff csrf"


def cookie_name(public_url: str) -> str:
    """Name the cookie of a staff login; over https the browser itself keeps it to this very host."""
    return f"__Host-{_PLAIN_COOKIE}" if is_https(public_url) else _PLAIN_COOKIE


def device_cookie_name(public_url: str) -> str:
    """Name the cookie by which a browser is known to have been used by its staff before; it opens nothing."""
    return f"__Host-{_PLAIN_DEVICE}" if is_https(public_url) else _PLAIN_DEVICE


def is_https(public_url: str) -> bool:
    """Whether clients reach this installation by TLS."""
    return public_url.lower().startswith("https://")


def csrf_token_of(token: str) -> str:
    """The value that pages send with every change; only who knows the login's token can compute it."""
    return hmac.new(token.encode(), _CSRF, hashlib.sha256).hexdigest()


def is_csrf_token(given: str, *, token: str) -> bool:
    """Whether `given` belongs to the login of `token`."""
    return hmac.compare_digest(given.encode(), csrf_token_of(token).encode())


def is_own_origin(origin: str | None, *, host: str, public_url: str) -> bool:
    """Whether a page of ours sends this: browsers name the origin of every change, programs name none."""
    if origin is None or origin.lower() == _origin_of(public_url):
        return True
    # without TLS one tries things out, under whatever name the machine has
    return not is_https(public_url) and origin.lower() in {
        f"http://{host.lower()}",
        f"https://{host.lower()}",
    }


def _origin_of(url: str) -> str:
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}"
