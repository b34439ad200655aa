"""What is compared when somebody looks for something: equal for all writings of one word."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from guahao.kernel.value.person import DOTS, ZEROS, person_name_form
from guahao.kernel.value.signs import narrow


@cache
def _simplified() -> Mapping[int, str]:
    """Each traditional character's simplified one, nothing for the dots between names, 〇 for circles."""
    source = files("guahao.kernel.value").joinpath("simplified.txt").read_text("utf-8")
    pairs = " ".join(line for line in source.splitlines() if not line.startswith("#")).split()
    return {ord(pair[0]): pair[1:] for pair in pairs} | dict.fromkeys(map(ord, DOTS), "") | ZEROS


def search_form(typed: str) -> str:
    """Fold widths, case, traditional characters, white space and what shows nothing.

    Two texts that look alike have one search form; it is compared, never shown.
    """
    joined = "".join(narrow(typed).lower().split())
    return unicodedata.normalize("NFKC", joined).translate(
        _simplified()
    )  # again: what stood apart now composes


def name_search_form(typed: str) -> str:
    """What whole names of persons are found by: 張偉 and 张伟, John Smith and JOHNSMITH are one."""
    return search_form(person_name_form(typed))
