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
    Gateway,
    Gateways,
    OrderNumberUsed,
    Paid,
    Prepared,
    Prepayment,
)
from guahao.payment.service import opening
from guahao.payment.service.facts import apply_paid
from guahao.payment.service.opening import Wish
from guahao.payment.service.remote import note_refusal


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
    for _ in range(2):
        async with transaction(sessions) as db:
            payment = await opening.begin(db, wish=wish, gateways=gateways)
        try:
            prepared = await gateways[payment.provider].prepay(_prepayment(payment, wish, return_url))
        except OrderNumberUsed:
            await _give_up(sessions, gateways[payment.provider], payment)
            continue
        except ChannelUncertain:
            raise ChannelUnavailable from None
        except ChannelRefused as refused:
            await note_refusal(sessions, payment.provider, refused)
            raise ChannelRefusedPayment from None
        async with transaction(sessions) as db:
            payment = await opening.opened(db, payment_id=payment.id, prepared=prepared)
        return Opened(payment=payment, prepared=prepared)
    raise ChannelRefusedPayment


async def _give_up(sessions: Sessions, gateway: Gateway, payment: Payment) -> None:
    """End a payment whose number is used, unless by its payer: nobody shall be asked to pay twice.

    Without an answer it stays, for the next attempt to ask again. Raises `ChannelUnavailable`.
    """
    try:
        found = await gateway.query(payment.out_trade_no)
    except (ChannelUncertain, ChannelRefused):
        raise ChannelUnavailable from None
    async with transaction(sessions) as db:
        if isinstance(found, Paid):
            await apply_paid(db, found)
        else:
            await opening.give_up(db, payment_id=payment.id)


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
