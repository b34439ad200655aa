"""Phone numbers: the mobiles of patients, and the lines a hospital tells."""

from __future__ import annotations

import re

from guahao.kernel.value.signs import CONTROL, LOST, SHORTENED, narrow
from guahao.kernel.value.unfit import Unfit

MOBILE_DIGITS = 11
LINE_MOST = 40

_MOBILE = re.compile("1[3-9][0-9]{9}")
_LANDLINE = re.compile("0[1-9][0-9]{8,10}")
_MAINLAND = re.compile(r"^(?:(?:(?:\+|00)?86)+(?=1[0-9]{10}$)|(?:(?:\+|00)?86)*0(?=1[3-9][0-9]{9}$))")
_HK_MACAO_TAIWAN = re.compile("85[23][0-9]{8}|8860?9[0-9]{8}")
_CHINA = re.compile(r"^(?:\+|00)86")
_BETWEEN = str.maketrans("", "", " -()./")
_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
_DIGITS_OF_A_LINE = 3
_ZERO_LOST = re.compile("(?!1[3-9][0-9]{9}|[48]00[0-9]{7}$)[1-9][0-9]{9,10}")
"""An area and its number without the 0, which spreadsheets take off; no number of China looks so."""


def read_mobile(typed: str) -> str:
    """The eleven digits of a mainland mobile, however it is written. Raises `Unfit`.

    Read past +86, 0086 and 86, the 0 of long-distance calls, spaces, hyphens, brackets, full-width and
    invisible signs.
    """
    number = mobile_form(typed)
    if _MOBILE.fullmatch(number):
        return number
    raise _why_no_mobile(number, narrow(typed))


def _why_no_mobile(number: str, written: str) -> Unfit:
    if not number:
        return Unfit("mobile_empty")
    if SHORTENED.fullmatch(written):
        return Unfit("shortened", value=written)
    for place, sign in enumerate(number, 1):
        if sign not in "0123456789" and (place > 1 or sign != "+"):
            return Unfit("mobile_sign", place=place, sign=sign)
    return _why_another_number(_CHINA.sub("", number, count=1))


def _why_another_number(number: str) -> Unfit:
    if number.startswith(("+", "00")) or _HK_MACAO_TAIWAN.fullmatch(number):
        return Unfit("mobile_abroad")
    if _LANDLINE.fullmatch(number):
        return Unfit("mobile_landline", number=number)
    if len(number) != MOBILE_DIGITS:
        return Unfit("mobile_length", length=len(number), digits=MOBILE_DIGITS)
    return Unfit("mobile_start", start=number[:2])


def is_mobile(typed: str) -> bool:
    """Whether this is a mainland mobile, however it is written."""
    return _MOBILE.fullmatch(mobile_form(typed)) is not None


def mobile_form(typed: str) -> str:
    """What is compared with stored mobiles; nothing is refused."""
    return _MAINLAND.sub("", narrow(typed).translate(_HYPHENS).translate(_BETWEEN), count=1)


def read_phone_line(typed: str) -> str:
    """A number that a hospital tells, as it writes it: 0571-88888888转8001. May be empty. Raises `Unfit`."""
    number = narrow(typed).translate(_HYPHENS)
    if SHORTENED.fullmatch(number):
        raise Unfit("shortened", value=number)
    if _ZERO_LOST.fullmatch(number):
        raise Unfit("phone_zero", value=number)
    if (
        CONTROL.search(typed.strip())
        or LOST in number
        or (number and sum(sign.isdigit() for sign in number) < _DIGITS_OF_A_LINE)
    ):
        raise Unfit("phone", value=number[:LINE_MOST])
    if len(number) > LINE_MOST:
        raise Unfit("too_long", limit=LINE_MOST, length=len(number))
    return number
