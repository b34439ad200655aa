"""Opening a payment at a provider: written down, asked for, recorded, never inside one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import Problem
from guahao.kernel.i18n import text
from guahao.payment.models import Payment
from guahao.payment.ports import (
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    Gateway,
    Gateways,
    OrderNumberUsed,
    Paid,
    Prepared,
    Prepayment,
    TradeState,
)
from guahao.payment.service import opening
from guahao.payment.service.facts import apply_fact
from guahao.payment.service.opening import Wish
from guahao.payment.service.remote import note_refusal, note_unreadable


class ChannelUnavailable(Problem):
    """The payment provider does not answer; nothing was paid, and the place stays held."""

    code = "payment-channel-unavailable"
    status = 503
    retry_after_s = 3


class ChannelRefusedPayment(Problem):
    """The payment provider refuses to take the payment; another channel may work."""

    code = "payment-channel-refused"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A payment that waits for its payer, and what the client passes to the provider."""

    payment: Payment
    prepared: Prepared


async def open_payment(
    sessions: Sessions, *, gateways: Gateways, wish: Wish, return_url: str | None
) -> Opened:
    """Open a payment for an order, or answer the one that is open by this channel.

    Asking again after an unknown outcome is harmless: the number and everything with it stay the same.
    Raises what `opening.begin` raises, `ChannelUnavailable`, `ChannelRefusedPayment`.
    """
    for is_last in (False, True):
        async with transaction(sessions) as db:
            payment = await opening.begin(db, wish=wish, gateways=gateways)
        try:
            prepared = await _prepay(sessions, gateways[payment.provider], payment, wish, return_url)
        except OrderNumberUsed as used:
            if is_last or await _was_refused(sessions, gateways[payment.provider], payment, used):
                await note_refusal(sessions, payment.provider, used)
                break
            continue
        async with transaction(sessions) as db:
            payment = await opening.opened(db, payment_id=payment.id, prepared=prepared)
        return Opened(payment=payment, prepared=prepared)
    raise ChannelRefusedPayment


async def _prepay(
    sessions: Sessions, gateway: Gateway, payment: Payment, wish: Wish, return_url: str | None
) -> Prepared:
    """Ask the provider; whatever but a used number is a problem of the route."""
    try:
        return await gateway.prepay(_prepayment(payment, wish, return_url))
    except OrderNumberUsed:
        raise
    except ChannelUnreadable as error:
        await note_unreadable(sessions, payment.provider, error, kind="payment", id_=payment.id)
        raise ChannelUnavailable from None
    except ChannelUncertain:
        raise ChannelUnavailable from None
    except ChannelRefused as refused:
        await note_refusal(sessions, payment.provider, refused)
        raise ChannelRefusedPayment from None


async def _was_refused(sessions: Sessions, gateway: Gateway, payment: Payment, used: OrderNumberUsed) -> bool:
    """End a payment whose number is used, unless by its payer: nobody shall be asked to pay twice.

    True if the provider does not know the number and has the same word for other refusals: then it is one,
    and a new number would change nothing. Without an answer the payment stays, for the next attempt to ask
    again. Raises `ChannelUnavailable`.
    """
    try:
        answer = await gateway.query(payment.out_trade_no)
    except (ChannelUncertain, ChannelRefused):
        raise ChannelUnavailable from None
    if answer is TradeState.UNKNOWN and not used.is_sure:
        return True
    if isinstance(answer, Paid):
        await apply_fact(sessions, answer)
    else:
        async with transaction(sessions) as db:
            await opening.give_up(db, payment_id=payment.id)
    return False


def _prepayment(payment: Payment, wish: Wish, return_url: str | None) -> Prepayment:
    return Prepayment(
        channel=payment.channel,
        out_trade_no=payment.out_trade_no,
        amount_fen=payment.amount_fen,
        title=text("payment.title"),
        expires_at=payment.expires_at,
        payer=wish.payer,
        return_url=return_url,
    )
