from __future__ import annotations

import dataclasses
import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.catalog.policy.form import form
from guahao.catalog.policy.reading import (
    NAMES,
    Phase,
    RulesInvalid,
    differences,
    phases,
    rules_from,
    rules_schema,
)
from guahao.catalog.policy.rules import UNTOLD, Rules, RuleSet
from guahao.catalog.policy.sentences import sentences_of

TYPES = get_type_hints(Rules, include_extras=True)
DAY = date(2026, 3, 10)


def bounds(name: str) -> tuple[int, int] | None:
    metas = [part for part in get_args(TYPES[name]) if isinstance(part, msgspec.Meta)]
    return (metas[0].ge, metas[0].le) if metas else None  # type: ignore[return-value]  # whole numbers here


RANGED = [name for name in NAMES if bounds(name)]


def value_of(name: str) -> st.SearchStrategy[Any]:
    limits = bounds(name)
    if limits:
        return st.integers(*limits)
    minutes = st.builds(time, st.integers(0, 23), st.integers(0, 59))
    kinds = {bool: st.booleans(), time: minutes}
    return kinds.get(TYPES[name], st.none() | minutes)


def some_rules() -> st.SearchStrategy[Rules]:
    """Valid rules that differ from the defaults in a few places."""
    return (
        st.dictionaries(st.sampled_from(NAMES), st.none(), max_size=6)
        .flatmap(lambda names: st.fixed_dictionaries({name: value_of(name) for name in names}))
        .map(built)
        .filter(lambda made: made is not None)
    )  # type: ignore[return-value]  # None was filtered out


def built(values: dict[str, Any]) -> Rules | None:
    try:
        return Rules(**values)
    except ValueError:
        return None


@given(some_rules())
def test_every_valid_rule_set_has_sentences_without_holes(made: Rules) -> None:
    sentences = sentences_of(made)

    assert len(sentences) >= 15
    assert all(sentence and "{" not in sentence and "None" not in sentence for sentence in sentences)


@given(some_rules())
def test_rules_survive_json(made: Rules) -> None:
    again = rules_from(msgspec.json.decode(msgspec.json.encode(made)), base=Rules())

    assert again == made
    assert msgspec.convert(msgspec.to_builtins(made), Rules) == made


@given(some_rules(), some_rules())
def test_the_differences_lead_from_one_version_to_the_other(before: Rules, after: Rules) -> None:
    changes = differences(before, after)

    assert rules_from({change.field: change.after for change in changes}, base=before) == after
    assert all(change.before != change.after for change in changes)


# What a sentence says only when another value asks for it.
COMPANIONS: dict[str, dict[str, Any]] = {
    "desk_returns_min": {"desk_percent": 5},
    "second_release_days_before": {"second_release_percent": 5},
    "second_release_time": {"second_release_percent": 5},
    "quiet_from": {"quiet_from": time(0), "quiet_until": time(6)},
    "quiet_until": {"quiet_from": time(0), "quiet_until": time(6)},
}
CHANGED: dict[str, Any] = {
    "release_time": time(15),
    "quiet_from": time(1),
    "quiet_until": time(5),
    "next_day_stop_time": time(17),
    "cancel_deadline_time": time(15),
    "second_release_time": time(16),
}


PRODUCT = Path(__file__).parents[2] / "src" / "guahao"
POLICY = PRODUCT / "catalog" / "policy"
TELLING = [POLICY / name for name in ("rules.py", "reading.py", "sentences.py", "form.py")]


def test_every_rule_is_read_by_what_obeys_it() -> None:
    obeying = [path.read_text() for path in PRODUCT.rglob("*.py") if path not in TELLING]
    methods = (POLICY / "rules.py").read_text().partition("def cancel_deadline")[2]
    read = set(re.findall(r"\.([a-z_0-9]+)", "\n".join([*obeying, methods])))

    assert [name for name in NAMES if name not in read] == []


@pytest.mark.parametrize("name", sorted(UNTOLD))
def test_what_is_not_built_is_promised_nowhere(name: str) -> None:
    sooner = getattr(Rules(), name) - 1

    assert sentences_of(dataclasses.replace(Rules(), **{name: sooner})) == sentences_of(Rules())
    assert name not in {field.name for group in form() for field in group.fields}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNTOLD])
def test_every_value_is_told_in_some_sentence(name: str) -> None:
    base = dataclasses.replace(Rules(), **COMPANIONS.get(name, {}))
    present = getattr(base, name)
    other = CHANGED.get(name, (not present) if isinstance(present, bool) else None)
    other = present + 1 if other is None else other

    assert sentences_of(dataclasses.replace(base, **{name: other})) != sentences_of(base)


def faults(values: dict[str, object]) -> list[dict[str, str]]:
    try:
        rules_from(values, base=Rules())
    except RulesInvalid as refused:
        return refused.extra["errors"]  # type: ignore[return-value]  # that is what `errors` holds
    return []


@pytest.mark.parametrize("name", RANGED)
def test_a_value_may_reach_its_bounds_but_not_pass_them(name: str) -> None:
    low, high = bounds(name) or (0, 0)

    for value in (low, high):
        assert not [fault for fault in faults({name: value}) if "不在允许的范围内" in fault["message"]]
    for value in (low - 1, high + 1):
        assert [fault["field"] for fault in faults({name: value})] == [name]
        assert "不在允许的范围内" in faults({name: value})[0]["message"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"hold_min": "15"}, "hold_min"),
        ({"hold_min": 15.5}, "hold_min"),
        ({"hold_min": None}, "hold_min"),
        ({"late_cancel_counts": 1}, "late_cancel_counts"),
        ({"release_time": "25:00:00"}, "release_time"),
        ({"release_time": "07:00:00+08:00"}, "release_time"),
        ({"quiet_from": "00:00:00"}, "quiet_until"),
        ({"quiet_from": "06:00:00", "quiet_until": "06:00:00"}, "quiet_until"),
        ({"cooling_min_min": 121}, "cooling_max_min"),
        ({"referral_percent": 60, "desk_percent": 31}, "second_release_percent"),
        ({"second_release_percent": 10, "second_release_days_before": 7, "booking_window_days": 3},
         "second_release_days_before"),
        ({"remind_second_h": 12, "remind_first_h": 12}, "remind_second_h"),
        ({"per_week": 9}, "per_30_days"),
        ({"no_such_rule": 1}, "no_such_rule"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(values: dict[str, object], field: str) -> None:
    assert [fault["field"] for fault in faults(values)] == [field]


def test_what_does_not_fit_says_why() -> None:
    assert faults({"per_week": 9}) == [
        {"field": "per_30_days", "message": "30 天可约号数不能少于 7 天可约号数"}
    ]


def test_every_fault_is_told_at_once() -> None:
    assert faults({"hold_min": 99, "slot_min": 0, "x": 1}) == [
        {"field": "x", "message": "没有“x”这一项"},
        {"field": "slot_min", "message": "时段长度（分钟）：填写的值不在允许的范围内"},
        {"field": "hold_min", "message": "付款时限（分钟）：填写的值不在允许的范围内"},
    ]


def test_values_left_out_keep_what_they_were() -> None:
    base = Rules(hold_min=20)

    assert rules_from({"booking_window_days": 7}, base=base) == Rules(hold_min=20, booking_window_days=7)


def test_the_defaults_are_said_so_that_everybody_understands() -> None:
    sentences = sentences_of(Rules())

    assert sentences[0] == "每天早上 7:00 放出 14 天后的号，您最早可以提前 14 天预约"
    assert "就诊前一天 24:00 以前可以免费取消" in sentences
    assert "每天 22:00 到 24:00 不能预约，请换个时间" in sentences_of(
        Rules(quiet_from=time(22), quiet_until=time(0))
    )
    assert "选好号以后请在 15 分钟内付款，当天的号在 10 分钟内付款，过时号会自动取消" in sentences


@pytest.mark.parametrize(
    ("days_before", "clock_time", "deadline", "sentence"),
    [
        (1, None, datetime(2026, 3, 9, 16, tzinfo=UTC), "就诊前一天 24:00 以前可以免费取消"),
        (0, time(0), datetime(2026, 3, 9, 16, tzinfo=UTC), "就诊前一天 24:00 以前可以免费取消"),
        (0, None, datetime(2026, 3, 10, 16, tzinfo=UTC), "就诊当天也可以免费取消"),
        (0, time(7), datetime(2026, 3, 9, 23, tzinfo=UTC), "就诊当天 7:00 以前可以免费取消"),
        (1, time(15), datetime(2026, 3, 9, 7, tzinfo=UTC), "就诊前 1 天的 15:00 以前可以免费取消"),
        (3, None, datetime(2026, 3, 7, 16, tzinfo=UTC), "就诊前 3 天的 24:00 以前可以免费取消"),
    ],
)
def test_the_cancel_deadline_is_what_the_sentence_says(
    days_before: int, clock_time: time | None, deadline: datetime, sentence: str
) -> None:
    made = Rules(cancel_deadline_days_before=days_before, cancel_deadline_time=clock_time)

    assert made.cancel_deadline(DAY) == deadline
    assert sentence in sentences_of(made)


@pytest.mark.parametrize(
    ("window", "clock_time", "release", "sentence"),
    [
        (14, time(7), datetime(2026, 2, 23, 23, tzinfo=UTC), "每天早上 7:00 放出 14 天后的号"),
        (7, time(15), datetime(2026, 3, 3, 7, tzinfo=UTC), "每天 15:00 放出 7 天后的号"),
        (0, time(6, 30), datetime(2026, 3, 9, 22, 30, tzinfo=UTC), "每天 6:30 放出当天的号"),
    ],
)
def test_the_release_is_when_the_sentence_says(
    window: int, clock_time: time, release: datetime, sentence: str
) -> None:
    made = Rules(booking_window_days=window, release_time=clock_time)

    assert made.release_at(DAY) == release
    assert sentences_of(made)[0].startswith(sentence)


def test_the_documented_schema_has_every_value_with_its_range() -> None:
    properties = rules_schema()["properties"]

    assert set(properties) == set(NAMES)
    assert properties["hold_min"] == {"type": "integer", "minimum": 5, "maximum": 30, "default": 15}


def version(number: int, start: datetime) -> RuleSet:
    return RuleSet(hospital_id=1, version=number, effective_from=start, rules=Rules())


def test_a_version_is_replaced_in_force_or_planned() -> None:
    now = datetime(2026, 3, 10, tzinfo=UTC)
    day = timedelta(days=1)
    versions = [
        version(1, now - 9 * day),
        version(2, now - 5 * day),
        version(3, now + 9 * day),
        version(4, now + 5 * day),
        version(5, now + 6 * day),
    ]

    assert phases(versions, now=now) == {
        1: Phase.REPLACED,
        2: Phase.IN_FORCE,
        3: Phase.REPLACED,
        4: Phase.PLANNED,
        5: Phase.PLANNED,
    }


@pytest.mark.parametrize(
    ("seconds", "phase"), [(-1, Phase.PLANNED), (0, Phase.IN_FORCE), (1, Phase.IN_FORCE)]
)
def test_a_version_is_in_force_from_its_very_moment(seconds: int, phase: Phase) -> None:
    start = datetime(2026, 3, 10, tzinfo=UTC)

    assert phases([version(1, start)], now=start + timedelta(seconds=seconds)) == {1: phase}
