"""What may be done about a refund, and by whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from guahao.payment.models import Provider, RefundState

_NUMBER = re.compile(r"R([1-9][0-9]{0,8})")


def refund_number(out_refund_no: str, *, of: str) -> int | None:
    """The number of a refund in its name at the provider; None if it is not one of the payment `of`."""
    match = _NUMBER.fullmatch(out_refund_no.removeprefix(of)) if out_refund_no.startswith(of) else None
    return int(match[1]) if match else None


class RefundDeed(StrEnum):
    """What a person can do about a refund."""

    APPROVE = "approve"
    REJECT = "reject"
    RETRY = "retry"
    HAND_OVER = "hand_over"
    RECALL = "recall"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFacts:
    """What decides about it; the people are audit actors."""

    state: RefundState
    provider: Provider
    was_taken_by_provider: bool
    """The provider knows it: it has a number there."""
    requested_by: str
    settled_by: str | None
    recall_asked_by: str | None
    recalled_by: str | None
    is_recalled: bool

    @property
    def may_be_recalled(self) -> bool:
        """Whether the provider holds an amount that could not reach the payer, or was given otherwise."""
        is_stuck = self.state in {RefundState.ABNORMAL, RefundState.MANUAL} or (
            self.state is RefundState.SUCCESS and self.settled_by is not None
        )
        is_held = self.provider is Provider.WECHAT and self.was_taken_by_provider
        return is_stuck and is_held and not self.is_recalled


def deeds(one: RefundFacts, *, by: str) -> frozenset[RefundDeed]:
    """What `by` may do about a refund in this state, if their role allows it at all."""
    found = _deeds_of_state(one, by=by)
    waits_for_another = one.recalled_by is None and one.recall_asked_by == by
    if one.may_be_recalled and not waits_for_another:
        found |= {RefundDeed.RECALL}
    return found


def _deeds_of_state(one: RefundFacts, *, by: str) -> frozenset[RefundDeed]:
    is_cash = one.provider is Provider.CASH
    match one.state:
        case RefundState.AWAITING_APPROVAL:
            return _decisions(one.requested_by, by)
        case RefundState.MANUAL:
            return _decisions(one.settled_by, by)
        case RefundState.REQUESTED:
            return frozenset({RefundDeed.HAND_OVER if is_cash else RefundDeed.RETRY})
        case RefundState.CLOSED:
            return frozenset({RefundDeed.RETRY})
        case RefundState.ABNORMAL:
            was_refused = not one.was_taken_by_provider
            return frozenset({RefundDeed.HAND_OVER} | ({RefundDeed.RETRY} if was_refused else set()))
        case _:
            return frozenset()


def _decisions(first: str | None, by: str) -> frozenset[RefundDeed]:
    return frozenset() if first == by else frozenset({RefundDeed.APPROVE, RefundDeed.REJECT})
