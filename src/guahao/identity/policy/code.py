"""Codes that people copy from paper or a screen: for recovery, invitations and the first setup."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

_LETTERS = "23456789bcdfghjkmnpqrstvwxyz"
"""Without what is easily mistaken for something else, and without vowels that make words."""

RECOVERY_CODES = 10
RECOVERY_GROUPS = (5, 5)
INVITATION_GROUPS = (4, 4, 4, 4)


def new_code(groups: Sequence[int]) -> str:
    """Make a random code in groups of so many letters; each letter is worth 4.8 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(length)) for length in groups)


def plain_code(typed: str) -> str:
    """What of a typed code counts: no spaces or hyphens, small letters."""
    return "".join(char for char in typed.lower() if char.isalnum())
