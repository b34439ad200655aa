"""What a hospital decided about its money, or else the product's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.payment.models import PaymentSetting, WatchKind, WatchRule
from guahao.payment.policy import SECOND_PERSON_OVER_FEN, WATCHES, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """A hospital's choices; `watches` has every kind, `version` counts how often they were saved."""

    version: int
    is_alipay_offered: bool
    second_person_over_fen: int
    watches: Mapping[WatchKind, Watch]


async def setting_of(db: AsyncSession, hospital_id: int) -> PaymentSetting:
    """A hospital's row, or one that is not stored and says what holds without it."""
    row = await db.get(PaymentSetting, hospital_id)
    return row or PaymentSetting(
        hospital_id=hospital_id,
        is_alipay_offered=False,
        second_person_over_fen=SECOND_PERSON_OVER_FEN,
        version=0,
    )


async def choices_of(db: AsyncSession, *, hospital_id: int) -> Choices:
    """Everything that holds at a hospital."""
    setting = await setting_of(db, hospital_id)
    rules = await db.scalars(select(WatchRule).where(WatchRule.hospital_id == hospital_id))
    own = {
        rule.kind: Watch(threshold=rule.threshold, window_min=rule.window_min, is_on=rule.is_on)
        for rule in rules
    }
    return Choices(
        version=setting.version,
        is_alipay_offered=setting.is_alipay_offered,
        second_person_over_fen=setting.second_person_over_fen,
        watches={**WATCHES, **own},
    )
