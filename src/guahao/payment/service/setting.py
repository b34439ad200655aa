"""Changing what a hospital decided about its money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.errors import EditConflict, Problem
from guahao.kernel.ids import new_id
from guahao.payment.models import CaseKind, PaymentSetting, WatchKind, WatchRule
from guahao.payment.policy import Watch
from guahao.payment.queries.setting import Choices, choices_of, setting_of
from guahao.payment.service.case import open_case


class ControlWeakened(Problem):
    """Who may refund may not raise the limit for it, nor loosen what is watched (`fields`)."""

    code = "control-weakened"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a hospital wants from now on; kinds that `watches` leaves out stay as they are.

    `version` is what its writer read, None to write over whatever is there. `may_refund` says whether
    the person who changes it may also send money back.
    """

    version: int | None

    is_alipay_offered: bool
    second_person_over_fen: int
    watches: Mapping[WatchKind, Watch]
    by: str
    may_refund: bool


async def change(db: AsyncSession, *, hospital_id: int, wanted: Change) -> Choices:
    """Make this the hospital's choice.

    Whatever weakens a control opens a case for finance and auditors, and somebody who may refund is
    refused, so that nobody raises the limit and then refunds alone. Raises `ControlWeakened` and
    `EditConflict`.
    """
    before = await _locked(db, hospital_id, version=wanted.version)
    after = Choices(
        version=before.version + 1,
        is_alipay_offered=wanted.is_alipay_offered,
        second_person_over_fen=wanted.second_person_over_fen,
        watches={**before.watches, **wanted.watches},
    )
    weakened = _weakened(before, after)
    if weakened and wanted.may_refund:
        raise ControlWeakened(fields=weakened)
    await _write(db, hospital_id, after)
    evidence = {"by": wanted.by, "before": _plain(before), "after": _plain(after)}
    if weakened:
        await open_case(
            db,
            hospital_id=hospital_id,
            kind=CaseKind.CHANGE_BY_ONE_PERSON,
            subject=f"payment_setting:{new_id(hospital_id)}",
            evidence={**evidence, "weakened": weakened},
        )
    await record(
        db,
        AuditEntry(
            hospital_id=hospital_id,
            actor=wanted.by,
            action="payment_setting.update",
            subject=f"hospital:{hospital_id}",
            data=evidence,
        ),
    )
    return after


async def _locked(db: AsyncSession, hospital_id: int, *, version: int | None) -> Choices:
    await _lock(db, hospital_id)
    before = await choices_of(db, hospital_id=hospital_id)
    if version not in {None, before.version}:
        raise EditConflict(your_version=version, current_version=before.version)
    return before


async def _lock(db: AsyncSession, hospital_id: int) -> None:
    """Let one change of a hospital's choices wait for another, the first one too."""
    first = await setting_of(db, hospital_id)
    await db.execute(
        insert(PaymentSetting)
        .values(
            hospital_id=hospital_id,
            is_alipay_offered=first.is_alipay_offered,
            second_person_over_fen=first.second_person_over_fen,
            version=first.version,
        )
        .on_conflict_do_nothing()
    )
    row = select(PaymentSetting).where(PaymentSetting.hospital_id == hospital_id)
    await db.execute(row.with_for_update().execution_options(populate_existing=True))


def _weakened(before: Choices, after: Choices) -> list[str]:
    found = [
        f"watches.{kind.value}"
        for kind, watch in after.watches.items()
        if _is_looser(watch, than=before.watches[kind])
    ]
    if after.second_person_over_fen > before.second_person_over_fen:
        found.insert(0, "second_person_over_fen")
    return found


def _is_looser(watch: Watch, *, than: Watch) -> bool:
    if not than.is_on:
        return False
    return not watch.is_on or watch.threshold > than.threshold or watch.window_min < than.window_min


async def _write(db: AsyncSession, hospital_id: int, choices: Choices) -> None:
    setting = await db.get_one(PaymentSetting, hospital_id)
    setting.is_alipay_offered = choices.is_alipay_offered
    setting.second_person_over_fen = choices.second_person_over_fen
    setting.version = choices.version
    rows = [
        {
            "hospital_id": hospital_id,
            "kind": kind,
            "threshold": watch.threshold,
            "window_min": watch.window_min,
            "is_on": watch.is_on,
        }
        for kind, watch in choices.watches.items()
    ]
    given = insert(WatchRule)
    await db.execute(
        given.on_conflict_do_update(
            index_elements=["hospital_id", "kind"],
            set_={name: given.excluded[name] for name in ("threshold", "window_min", "is_on")},
        ),
        rows,
    )
    await db.flush()


def _plain(choices: Choices) -> dict[str, object]:
    return {
        "is_alipay_offered": choices.is_alipay_offered,
        "second_person_over_fen": choices.second_person_over_fen,
        "watches": _plain_watches(choices.watches),
    }


def _plain_watches(watches: Mapping[WatchKind, Watch]) -> dict[str, list[int]]:
    return {
        kind.value: [watch.threshold, watch.window_min, int(watch.is_on)] for kind, watch in watches.items()
    }
