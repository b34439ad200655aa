"""Sex as printed on identity documents; departments may be limited to one."""

from __future__ import annotations

from enum import StrEnum


class Sex(StrEnum):
    """The two values of a resident identity number's seventeenth digit."""

    MALE = "male"
    FEMALE = "female"
