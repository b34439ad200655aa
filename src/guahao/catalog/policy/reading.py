"""Reading rules that a person wrote, and telling two versions apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, get_type_hints

import msgspec

from guahao.catalog.policy.rules import Rules, RuleSet
from guahao.kernel.errors import Problem
from guahao.kernel.i18n import text

_TYPES = get_type_hints(Rules, include_extras=True)
NAMES = tuple(field.name for field in fields(Rules))


class RulesInvalid(Problem):
    """Some rule values are unknown, out of range or do not fit together; `errors` names each."""

    code = "rules-invalid"
    status = 422

    def __init__(self, *, errors: list[dict[str, str]]) -> None:
        """Say of each field what is wrong."""
        super().__init__(errors=errors)
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value that differs between two versions, as JSON values."""

    field: str
    label: str
    before: object
    after: object


def rules_from(values: Mapping[str, object], *, base: Rules) -> Rules:
    """Rules out of JSON values; a field left out keeps its value in `base`.

    Raises RulesInvalid with every field at fault.
    """
    errors = [_fault(name, "unknown") for name in values if name not in _TYPES]
    read: dict[str, object] = {name: getattr(base, name) for name in NAMES}
    for name in NAMES:
        if name not in values:
            continue
        try:
            read[name] = msgspec.convert(values[name], _TYPES[name])
        except msgspec.ValidationError:
            errors.append(_fault(name, "range"))
    if errors:
        raise RulesInvalid(errors=errors)
    try:
        return msgspec.convert(msgspec.to_builtins(read), Rules)
    except msgspec.ValidationError as error:
        raise RulesInvalid(errors=[_unfit(str(error).partition(" ")[0])]) from error


def _unfit(name: str) -> dict[str, str]:
    return {"field": name, "message": text(f"rule_unfit.{name}")}


def _fault(name: str, reason: str) -> dict[str, str]:
    label = text(f"rule_field.{name}") if name in _TYPES else name[:80]
    return {"field": name[:80], "message": text(f"rule_fault.{reason}", label=label)}


def differences(before: Rules, after: Rules) -> tuple[Change, ...]:
    """Every value that differs, in the order of the rules."""
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return tuple(
        Change(field=name, label=text(f"rule_field.{name}"), before=old[name], after=new[name])
        for name in NAMES
        if old[name] != new[name]
    )


def rules_schema() -> dict[str, Any]:
    """JSON Schema of the values, every one with its default and range, for the API's documentation."""
    components = msgspec.json.schema_components([Rules], ref_template="{name}")[1]
    properties: dict[str, dict[str, Any]] = components["Rules"]["properties"]
    for name, value in properties.items():
        properties[name] = components.get(value.get("$ref", ""), value)
    return {"type": "object", "properties": properties, "additionalProperties": False}


class Phase(StrEnum):
    """Where a version stands: 已失效, 执行中, 待生效."""

    REPLACED = "replaced"
    IN_FORCE = "in_force"
    PLANNED = "planned"


def phases(versions: Sequence[RuleSet], *, now: datetime) -> dict[int, Phase]:
    """Where each version stands; a later version that starts no later leaves nothing to an earlier one."""
    found: dict[int, Phase] = {}
    next_start: datetime | None = None
    for rule_set in sorted(versions, key=lambda version: -version.version):
        if next_start is not None and (next_start <= now or next_start <= rule_set.effective_from):
            found[rule_set.version] = Phase.REPLACED
            continue
        next_start = rule_set.effective_from
        found[rule_set.version] = Phase.IN_FORCE if next_start <= now else Phase.PLANNED
    return found
