"""Changing what a hospital decided about its money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.service.control import (
    ControlRequest,
    ControlRequestClosed,
    Decider,
    NewRequest,
    RequestKind,
    approve_request,
    propose,
)
from guahao.kernel.errors import EditConflict, NotFound, Problem
from guahao.payment.models import PaymentSetting, WatchKind, WatchRule
from guahao.payment.policy import Watch
from guahao.payment.queries.setting import Choices, choices_of, setting_of


class ControlWeakened(Problem):
    """Who may refund neither proposes nor allows a looser limit or watch (`fields`)."""

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
    by: UUID
    may_refund: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What holds now, and the request for what another administrator has to allow first."""

    choices: Choices
    request: ControlRequest | None


async def change(db: AsyncSession, *, hospital_id: int, wanted: Change, now: datetime) -> Changed:
    """Make this the hospital's choice, or ask for it when it loosens a control.

    A higher `second_person_over_fen` and a looser watch need a second administrator; then nothing of
    the change holds before (`approve_change`). Raises `ControlWeakened`, `EditConflict` and
    `ControlRequestOpen`.
    """
    before = await _locked(db, hospital_id, version=wanted.version)
    after = Choices(
        version=before.version + 1,
        is_alipay_offered=wanted.is_alipay_offered,
        second_person_over_fen=wanted.second_person_over_fen,
        watches={**before.watches, **wanted.watches},
    )
    weakened = _weakened(before, after)
    if not weakened:
        await _write(db, hospital_id, after)
        await _record(db, hospital_id, before, after, by=wanted.by)
        return Changed(choices=after, request=None)
    if wanted.may_refund:
        raise ControlWeakened(fields=weakened)
    detail = {"before": _plain(before), "after": _plain(after), "weakened": weakened}
    request = NewRequest(
        kind=RequestKind.LOOSEN_CONTROL,
        hospital_id=hospital_id,
        subject=subject_of(hospital_id),
        detail={**detail, "version": before.version},
    )
    return Changed(choices=before, request=await propose(db, new=request, proposer_id=wanted.by, now=now))


async def approve_change(
    db: AsyncSession, *, request_id: UUID, decider: Decider, may_refund: bool, now: datetime
) -> Choices:
    """Allow a looser limit or watch that another administrator asked for; it holds at once.

    Raises `NotFound`, `SamePerson`, `ControlWeakened`, and `ControlRequestClosed`, also when the
    settings were changed since.
    """
    request = await approve_request(db, request_id=request_id, decider=decider, now=now)
    if request.kind is not RequestKind.LOOSEN_CONTROL or request.hospital_id is None:
        raise NotFound
    wanted = _Loosened.of(request)
    if may_refund:
        raise ControlWeakened(fields=wanted.weakened)
    before = await _locked(db, request.hospital_id, version=None)
    if before.version != wanted.version:
        raise ControlRequestClosed(state="stale")
    await _write(db, request.hospital_id, wanted.after)
    await _record(
        db, request.hospital_id, before, wanted.after, by=decider.id, proposed_by=request.proposed_by
    )
    return wanted.after


def subject_of(hospital_id: int) -> str:
    """What a request to loosen a hospital's controls is about."""
    return f"payment_setting:{hospital_id}"


class _Watched(msgspec.Struct, frozen=True, array_like=True):
    threshold: int
    window_min: int
    is_on: int


class _After(msgspec.Struct, frozen=True):
    is_alipay_offered: bool
    second_person_over_fen: int
    watches: dict[WatchKind, _Watched]


class _Loosened(msgspec.Struct, frozen=True):
    """The detail of a request, read again."""

    after_: _After = msgspec.field(name="after")
    weakened: list[str]
    version: int

    @classmethod
    def of(cls, request: ControlRequest) -> _Loosened:
        return msgspec.convert(request.detail, cls)

    @property
    def after(self) -> Choices:
        return Choices(
            version=self.version + 1,
            is_alipay_offered=self.after_.is_alipay_offered,
            second_person_over_fen=self.after_.second_person_over_fen,
            watches={
                kind: Watch(threshold=one.threshold, window_min=one.window_min, is_on=bool(one.is_on))
                for kind, one in self.after_.watches.items()
            },
        )


async def _record(
    db: AsyncSession,
    hospital_id: int,
    before: Choices,
    after: Choices,
    *,
    by: UUID,
    proposed_by: UUID | None = None,
) -> None:
    evidence: dict[str, object] = {"before": _plain(before), "after": _plain(after)}
    if proposed_by is not None:
        evidence["proposed_by"] = f"staff:{proposed_by}"
    await record(
        db,
        AuditEntry(
            hospital_id=hospital_id,
            actor=f"staff:{by}",
            action="payment_setting.update",
            subject=f"hospital:{hospital_id}",
            data={"by": f"staff:{by}", **evidence},
        ),
    )


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
