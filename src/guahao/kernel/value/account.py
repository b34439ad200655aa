"""What people log in with, as far as it has a normal form; passwords stay as they are typed."""

from __future__ import annotations

import re

from guahao.kernel.value.signs import CONTROL, narrow
from guahao.kernel.value.unfit import Unfit

USERNAME_PATTERN = "^[A-Za-z][A-Za-z0-9_.-]{3,31}$"
"""Begins with a letter, so that it is never mistaken for a phone number."""

ONE_TIME_DIGITS = 6


def read_given_username(typed: str) -> str:
    """What is compared with usernames: without spaces, full-width and invisible signs. Raises `Unfit`."""
    if CONTROL.search(typed.strip()):
        raise Unfit("control")
    return narrow(typed).replace(" ", "")


def read_username(typed: str) -> str:
    """A username to be given. Raises `Unfit`."""
    username = read_given_username(typed)
    if not re.fullmatch(USERNAME_PATTERN, username):
        raise Unfit("username")
    return username


def read_one_time_code(typed: str) -> str:
    """The six digits of a message or an authenticator, often shown in two groups. Raises `Unfit`."""
    code = narrow(typed).replace(" ", "").replace("-", "")
    if not re.fullmatch(f"[0-9]{{{ONE_TIME_DIGITS}}}", code):
        raise Unfit("digits", digits=ONE_TIME_DIGITS)
    return code
