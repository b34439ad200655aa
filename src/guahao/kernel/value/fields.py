"""The types of text in requests: each is read into its normal form before a route sees it.

A request's field is one of these and never a bare `str`; a test goes over all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from functools import partial
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from guahao.kernel.value import account, hours, person, phone, words
from guahao.kernel.value.signs import CONTROL, visible
from guahao.kernel.value.unfit import Unfit

FAULT = "value"
"""Prefix of the error types that name a text of section `value`."""

_SLACK = 4
_GROUPS = 64
"""How much longer than its normal form something may be typed: spaces, marks and groups go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Marks a `str` of a request: how it is read, and what is promised about its length and look.

    `slack` is how much longer than `most` the raw text may be.
    """

    read: Callable[[str], str]
    least: int = 0
    most: int
    pattern: str | None = None
    example: str | None = None
    description: str | None = None
    slack: int = _SLACK

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401  # pydantic's protocol
        """Read after pydantic has made sure of a string."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Promise the limits of the normal form."""
        told = {
            "minLength": self.least or None,
            "maxLength": self.most,
            "pattern": self.pattern,
            "examples": [self.example] if self.example else None,
            "description": self.description,
        }
        return handler(schema) | {name: value for name, value in told.items() if value is not None}

    def _checked(self, typed: str) -> str:
        if len(typed) > self.most * self.slack + _GROUPS:
            raise fault("too_long", limit=self.most, length=len(typed))
        try:
            value = self.read(typed)
        except Unfit as unfit:
            raise _fault(unfit.reason, unfit.values) from None
        if len(value) > self.most:
            raise fault("too_long", limit=self.most, length=len(value))
        if len(value) < self.least:
            raise fault("too_short" if value else "empty", least=self.least, length=len(value))
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Marks a time of the clock: how it is read and written, and what is promised about its look."""

    read: Callable[[str], object]
    write: Callable[[Any], str]
    pattern: str
    example: str
    description: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401  # pydantic's protocol
        """Read a text; what was read before stays."""
        return core_schema.no_info_plain_validator_function(
            partial(self._checked, source),
            serialization=core_schema.plain_serializer_function_ser_schema(self.write, when_used="json"),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Promise the normal form."""
        return {
            "type": "string",
            "pattern": self.pattern,
            "examples": [self.example],
            "description": self.description,
        }

    def _checked(self, source: type, given: object) -> object:
        if isinstance(given, source):
            return given
        if not isinstance(given, str):
            raise PydanticKnownError("time_type")
        try:
            return self.read(given)
        except Unfit as unfit:
            raise _fault(unfit.reason, unfit.values) from None


def fault(reason: str, *, field: str | None = None, **values: object) -> PydanticCustomError:
    """The validation error of a value; `field` names the member where several are judged together."""
    return _fault(reason, values if field is None else values | {"field": field})


def _fault(reason: str, values: dict[str, Any]) -> PydanticCustomError:
    return PydanticCustomError(f"{FAULT}.{reason}", "unfit value", values)


def _seen(typed: str) -> str:
    """What is judged elsewhere: what shows nothing is dropped, control characters are refused."""
    if CONTROL.search(typed):
        raise Unfit("control")
    return visible(typed).strip()


def _plain(typed: str) -> str:
    return typed


def _line(most: int, *, least: int = 0) -> Value:
    return Value(read=partial(words.read_line, limit=most), least=least, most=most)


def _name(most: int, *, least: int = 1) -> Value:
    return Value(read=partial(words.read_name, limit=most), least=least, most=most)


def _prose(most: int, *, least: int = 0) -> Value:
    return Value(read=partial(words.read_prose, limit=most), least=least, most=most, slack=2)


def reason_text(*, least: int, most: int = words.LINE_MOST) -> Value:
    """Why somebody does something: one line, whatever was typed into."""
    return Value(read=partial(words.read_reason, limit=most), least=least, most=most)


def secret(*, least: int, most: int) -> Value:
    """A password: as typed, spaces and all."""
    return Value(read=_plain, least=least, most=most, slack=1)


def opaque(most: int, *, pattern: str | None = None) -> Value:
    """What a machine made and we only compare: an id, a token, a cursor. It is never stored as given."""
    return Value(read=partial(_matching, pattern), most=most, pattern=pattern, slack=1)


def _matching(pattern: str | None, typed: str) -> str:
    if pattern is not None and re.fullmatch(pattern, typed) is None:
        raise Unfit("format")
    return typed


Id = Annotated[str, opaque(64)]
PersonName = Annotated[str, Value(read=_seen, least=1, most=person.NAME_MOST, example="Li Na")]
DocumentNumber = Annotated[str, Value(read=_seen, least=1, most=32, example="11010119900307803X")]
Mobile = Annotated[
    str,
    Value(
        read=phone.read_mobile,
        least=phone.MOBILE_DIGITS,
        most=20,
        example="13800138000",
        description="Mainland mobile; +86, spaces and hyphens are read past",
    ),
]
Username = Annotated[
    str, Value(read=account.read_username, most=32, pattern=account.USERNAME_PATTERN, example="zhang_san")
]
GivenUsername = Annotated[str, Value(read=account.read_given_username, least=1, most=64)]
OneTimeCode = Annotated[str, Value(read=account.read_one_time_code, least=6, most=16, example="123456")]
GivenCode = Annotated[str, Value(read=_seen, least=1, most=64)]
StaffName = Annotated[str, _name(words.STAFF_NAME_MOST)]
SearchText = Annotated[str, Value(read=_seen, least=2, most=64)]

Code = Annotated[str, Value(read=words.read_code, least=1, most=words.CODE_MOST)]
NationalCode = Annotated[str, Value(read=words.read_national_code, most=words.NATIONAL_CODE_MOST)]
Name = Annotated[str, _name(words.NAME_MOST)]
DoctorName = Annotated[str, Value(read=words.read_doctor_name, least=1, most=words.NAME_MOST)]
Room = Annotated[str, _name(words.ROOM_MOST)]
Level = Annotated[str, _line(words.LEVEL_MOST)]
Title = Annotated[str, _line(words.TITLE_MOST)]
Line = Annotated[str, _line(words.LINE_MOST)]
Skills = Annotated[str, _prose(words.SKILLS_MOST)]
Prose = Annotated[str, _prose(words.PROSE_MOST)]
PhoneLine = Annotated[str, Value(read=phone.read_phone_line, most=phone.LINE_MOST)]
Word = Annotated[str, Value(read=words.read_word, least=1, most=words.WORD_MOST)]
Notice = Annotated[str, Value(read=words.read_notice, least=1, most=words.NOTICE_MOST)]

ClockTime = Annotated[
    time,
    Clock(
        read=hours.read_clock,
        write="{:%H:%M}".format,
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        example="18:00",
        description="On China's clock, to the minute",
    ),
]
EndTime = Annotated[
    hours.EndTime,
    Clock(
        read=hours.read_end,
        write=str,
        pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        example="24:00",
        description="When it ends on China's clock, on the same day: its end is 24:00, and so is 00:00",
    ),
]
