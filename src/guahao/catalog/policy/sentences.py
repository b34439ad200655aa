"""Rules as sentences a 70-year-old understands, from the same values as the JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time

from guahao.catalog.policy.reading import NAMES
from guahao.catalog.policy.rules import Rules
from guahao.kernel.i18n import text
from guahao.kernel.value.hours import EndTime

Pick = Callable[[Rules], str | None]


def _release(rules: Rules) -> str:
    if rules.booking_window_days == 0:
        return "release_today"
    return "release" if time(5) <= rules.release_time < time(9) else "release_later"


def _second_release(rules: Rules) -> str | None:
    if rules.second_release_percent == 0:
        return None
    return "second_release" if rules.second_release_days_before else "second_release_today"


def _cancel(rules: Rules) -> str:
    days = rules.cancel_deadline_days_before
    if rules.cancel_deadline_time is None:
        return {0: "cancel_same_end", 1: "cancel_day_before"}.get(days, "cancel_end_of_day")
    if rules.cancel_deadline_time == time(0) and days == 0:
        return "cancel_day_before"
    return "cancel_at" if days else "cancel_same_day"


def _always(key: str) -> Pick:
    return lambda _: key


_SENTENCES: tuple[Pick, ...] = (
    _release,
    lambda rules: "release_jitter" if rules.release_jitter_s else None,
    _second_release,
    lambda rules: "quiet" if rules.quiet_from is not None else None,
    lambda rules: "next_day_stop" if rules.next_day_stop_time is not None else None,
    _always("next_day_open"),
    _always("slot"),
    _always("hold"),
    _cancel,
    lambda rules: "late_counts" if rules.late_cancel_counts else "late_free",
    _always("refund"),
    _always("cooling"),
    _always("limits"),
    _always("unpaid"),
    _always("moves"),
    _always("cancel_pause"),
    lambda rules: "elderly" if rules.elderly_percent else None,
    lambda rules: "referral" if rules.referral_percent else None,
    lambda rules: "desk" if rules.desk_percent else None,
    lambda rules: "addon" if rules.addon_percent else "addon_none",
    _always("check_in"),
    _always("keep"),
)


def sentences_of(rules: Rules) -> list[str]:
    """Every rule in plain Chinese, in the order in which a patient meets them."""
    shown = {name: _shown(getattr(rules, name)) for name in NAMES}
    if rules.quiet_until == time():
        shown["quiet_until"] = EndTime.at(rules.quiet_until)
    keys = [pick(rules) for pick in _SENTENCES]
    return [text(f"rule.{key}", **shown) for key in keys if key is not None]


def _shown(value: object) -> object:
    return f"{value.hour}:{value.minute:02d}" if isinstance(value, time) else value
