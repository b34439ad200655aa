"""What routes of money need of the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from guahao.identity.access import SenderAddress
from guahao.identity.ports.wechat import WeChatIdentity
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions
from guahao.kernel.http import AllSessions, AppSettings, Keys
from guahao.kernel.settings import Settings
from guahao.payment.ports import Gateways


async def _gateways(request: Request) -> Gateways:
    gateways: Gateways = request.app.state.gateways
    return gateways


AllGateways = Annotated[Gateways, Depends(_gateways)]
"""The providers in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """Everything it takes to open a payment, and the payer's device as a keyed hash."""

    sessions: Sessions
    settings: Settings
    keys: KeyRing
    gateways: Gateways
    wechat: WeChatIdentity
    device_index: bytes


async def _till(
    request: Request,
    sessions: AllSessions,
    settings: AppSettings,
    keys: Keys,
    gateways: AllGateways,
    address: SenderAddress,
) -> Till:
    device = f"{address}|{request.headers.get('user-agent', '')}"
    return Till(
        sessions=sessions,
        settings=settings,
        keys=keys,
        gateways=gateways,
        wechat=request.app.state.wechat,
        device_index=keys.blind_index("payment.device", device),
    )


OpenTill = Annotated[Till, Depends(_till)]
