"""What follows from a provider's word about a refund, for every state that the refund can be in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from guahao.payment.models import RefundState
from guahao.payment.ports import RefundOutcome


class Word(StrEnum):
    """What a provider said of a refund, by where the money is."""

    PROCESSING = "processing"
    PAID_OUT = "paid_out"
    """The payer has it."""
    CAME_BACK = "came_back"
    """The hospital has it on its own account, outside of the provider."""
    ABNORMAL = "abnormal"
    CLOSED = "closed"


class Step(StrEnum):
    """What is done about it."""

    NOTHING = "nothing"
    SUBMIT = "submit"
    """The provider has it in work: nobody may hand it over now."""
    SUBMIT_DOUBTED = "submit_doubted"
    """The same, and a case: somebody says that they handed it over, which now nobody can confirm."""
    ARRIVE = "arrive"
    """Book it out of the provider's account, to the payer."""
    ARRIVE_DOUBTED = "arrive_doubted"
    """The same, and a case: somebody says that they handed it over besides, which nobody has confirmed."""
    FAIL = "fail"
    """A case: it cannot reach the payer, and somebody must act."""
    COME_BACK = "come_back"
    """Book it out of the provider's account, to the hospital; the payer does not have it."""
    RENEW = "renew"
    """Take the promise back and make it again under a new number."""
    CONTRADICT = "contradict"
    """A case and nothing else: it cannot be true together with what is booked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundStanding:
    """What we know of a refund before the provider's word.

    `was_handed_over`: somebody says that the payer had it by other means. `is_recalled`: the provider was
    asked to give it to the hospital. `has_come_back`: it did, and that is booked.
    """

    state: RefundState
    was_handed_over: bool = False
    is_recalled: bool = False
    has_come_back: bool = False


def word_of(outcome: RefundOutcome, *, went_to_hospital: bool | None, is_recalled: bool) -> Word:
    """Tell where a success ended; a source that does not say means what the refund was asked for."""
    match outcome:
        case RefundOutcome.PROCESSING:
            return Word.PROCESSING
        case RefundOutcome.ABNORMAL:
            return Word.ABNORMAL
        case RefundOutcome.CLOSED:
            return Word.CLOSED
        case RefundOutcome.SUCCESS:
            is_ours = is_recalled if went_to_hospital is None else went_to_hospital
            return Word.CAME_BACK if is_ours else Word.PAID_OUT
        case _:
            assert_never(outcome)


_Row = dict[Word, Step]
_UNDER_WAY: Final[_Row] = {
    Word.PROCESSING: Step.SUBMIT,
    Word.PAID_OUT: Step.ARRIVE,
    Word.CAME_BACK: Step.COME_BACK,
    Word.ABNORMAL: Step.FAIL,
    Word.CLOSED: Step.RENEW,
}
_RECALLED: Final[_Row] = {
    Word.PROCESSING: Step.NOTHING,
    Word.PAID_OUT: Step.ARRIVE,
    Word.CAME_BACK: Step.COME_BACK,
    Word.ABNORMAL: Step.NOTHING,
    Word.CLOSED: Step.RENEW,
}
_NEVER_SENT: Final[_Row] = dict.fromkeys(Word, Step.CONTRADICT) | {Word.CLOSED: Step.NOTHING}
_HANDED_OVER: Final[_Row] = {
    Word.PROCESSING: Step.SUBMIT_DOUBTED,
    Word.PAID_OUT: Step.ARRIVE_DOUBTED,
    Word.CAME_BACK: Step.COME_BACK,
    Word.ABNORMAL: Step.NOTHING,
    Word.CLOSED: Step.NOTHING,
}
_GIVEN_IN_CASH: Final[_Row] = _HANDED_OVER | {
    Word.PROCESSING: Step.CONTRADICT,
    Word.PAID_OUT: Step.CONTRADICT,
}
_PAID_OUT: Final[_Row] = {
    Word.PROCESSING: Step.NOTHING,
    Word.PAID_OUT: Step.NOTHING,
    Word.CAME_BACK: Step.CONTRADICT,
    Word.ABNORMAL: Step.CONTRADICT,
    Word.CLOSED: Step.CONTRADICT,
}
_CLOSED: Final[_Row] = {
    Word.PROCESSING: Step.NOTHING,
    Word.PAID_OUT: Step.CONTRADICT,
    Word.CAME_BACK: Step.CONTRADICT,
    Word.ABNORMAL: Step.CONTRADICT,
    Word.CLOSED: Step.NOTHING,
}
_CAME_BACK: Final[_Row] = {
    Word.PROCESSING: Step.NOTHING,
    Word.PAID_OUT: Step.CONTRADICT,
    Word.CAME_BACK: Step.NOTHING,
    Word.ABNORMAL: Step.NOTHING,
    Word.CLOSED: Step.CONTRADICT,
}


def step_of(standing: RefundStanding, word: Word) -> Step:
    """What is done about a provider's word; at most one word of a refund takes from the provider's account.

    PROCESSING after an end is an answer that was overtaken, and is nothing. After a handing-over it is a
    case: the payer is about to have the amount twice.
    """
    row = _CAME_BACK if standing.has_come_back else _row_of(standing)
    return row[word]


def _row_of(standing: RefundStanding) -> _Row:
    match standing.state:
        case RefundState.AWAITING_APPROVAL | RefundState.REJECTED:
            return _NEVER_SENT
        case RefundState.REQUESTED | RefundState.SUBMITTED:
            return _UNDER_WAY
        case RefundState.ABNORMAL:
            return (_RECALLED if standing.is_recalled else _UNDER_WAY) | {Word.ABNORMAL: Step.NOTHING}
        case RefundState.MANUAL:
            return _HANDED_OVER | _asked_for(standing)
        case RefundState.SUCCESS:
            return (_GIVEN_IN_CASH | _asked_for(standing)) if standing.was_handed_over else _PAID_OUT
        case RefundState.CLOSED:
            return _CLOSED
        case _:
            assert_never(standing.state)


def _asked_for(standing: RefundStanding) -> _Row:
    """A recall that is being processed is what was asked for."""
    return {Word.PROCESSING: Step.NOTHING} if standing.is_recalled else {}
