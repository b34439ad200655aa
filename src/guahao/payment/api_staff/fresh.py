"""For routes that let money leave by another way: the provider is asked first how its refunds stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from guahao.kernel.db import Sessions
from guahao.kernel.http import AllSessions
from guahao.payment.api_patient.gateways import AllGateways
from guahao.payment.ports import Gateways
from guahao.payment.service.rereading import read_order_again, read_refund_again


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """Asks outside of the route's transaction, which takes its connection with its first statement."""

    sessions: Sessions
    gateways: Gateways

    async def refund(self, refund_id: UUID) -> None:
        """Bring a refund to the state its provider has it in. Raises `RefundStateUncertain`."""
        await read_refund_again(self.sessions, gateways=self.gateways, refund_id=refund_id)

    async def order(self, order_id: UUID) -> None:
        """The same for an order's refunds. Raises `RefundStateConflict` if one was in another state."""
        await read_order_again(self.sessions, gateways=self.gateways, order_id=order_id)


async def _reread(sessions: AllSessions, gateways: AllGateways) -> Reread:
    return Reread(sessions=sessions, gateways=gateways)


Fresh = Annotated[Reread, Depends(_reread)]
