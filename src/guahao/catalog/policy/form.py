"""The form in which a hospital's rules are edited, derived from the rules themselves."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import time
from enum import StrEnum
from typing import Any, get_args, get_type_hints

import msgspec

from guahao.catalog.policy.rules import UNTOLD, Rules
from guahao.kernel.i18n import text

_TYPES = get_type_hints(Rules, include_extras=True)

_FIRST_OF_GROUP = {
    "slot_min": "release",
    "hold_min": "hold",
    "cancel_deadline_days_before": "cancel",
    "per_day_departments": "limits",
    "cancel_pause_count": "pauses",
    "elderly_percent": "pools",
    "check_in_opens_min": "visit",
    "keep_record_years": "retention",
}
"""Groups follow the order of the rules; each begins with the field named here."""


class FieldKind(StrEnum):
    """How a value is entered."""

    NUMBER = "number"
    TIME = "time"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One rule: what it is called, how it is entered and what it may be, as JSON values."""

    name: str
    label: str
    help: str
    kind: FieldKind
    default: object
    minimum: int | None = None
    maximum: int | None = None
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FormGroup:
    """Rules that are thought about together."""

    key: str
    title: str
    fields: tuple[FormField, ...]


def form() -> tuple[FormGroup, ...]:
    """Every rule that does something now, in the order of the rules and in groups."""
    grouped: dict[str, list[FormField]] = {}
    key = ""
    for field in fields(Rules):
        key = _FIRST_OF_GROUP.get(field.name, key)
        if field.name not in UNTOLD:
            grouped.setdefault(key, []).append(_field(field.name, field.default))
    return tuple(
        FormGroup(key=key, title=text(f"rule_group.{key}"), fields=tuple(members))
        for key, members in grouped.items()
    )


def _field(name: str, default: object) -> FormField:
    kind = _TYPES[name]
    return FormField(
        name=name,
        label=text(f"rule_field.{name}"),
        help=text(f"rule_help.{name}"),
        default=msgspec.to_builtins(default),
        **_entry(kind),
    )


def _entry(kind: Any) -> dict[str, Any]:  # noqa: ANN401  # a type hint has no type of its own
    """How a value of this type is entered, and its bounds."""
    limits = next((part for part in get_args(kind) if isinstance(part, msgspec.Meta)), None)
    if limits is not None:
        return {"kind": FieldKind.NUMBER, "minimum": limits.ge, "maximum": limits.le}
    if kind is bool:
        return {"kind": FieldKind.SWITCH}
    assert time in (kind, *get_args(kind)), kind
    return {"kind": FieldKind.TIME, "may_be_empty": kind is not time}
