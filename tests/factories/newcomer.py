"""What a newcomer does through HTTP: ask for a code, register, log in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

import httpx
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import SmsCode
from tests.factories.account import phone

PASSWORD = "a quiet long secret"


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """Somebody who has just registered."""

    phone: str
    username: str
    token: str
    account_id: str


def username() -> str:
    """A username, new each time."""
    return f"user_{secrets.token_hex(5)}"


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def wrong(code: str) -> str:
    """A code that is not this one."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def ask_code(client: httpx.AsyncClient, number: str, purpose: str) -> httpx.Response:
    """Ask for a code."""
    return await client.post("/api/v1/sms-codes", json={"phone": number, "purpose": purpose})


async def code_for(client: httpx.AsyncClient, number: str, purpose: str) -> str:
    """Ask for a code and read it in the sandbox."""
    asked = await ask_code(client, number, purpose)
    assert asked.status_code == 202, asked.text
    message = await client.get("/sandbox/sms", params={"phone": number})
    assert message.status_code == 200, message.text
    code: str = message.json()["code"]
    return code


async def register(client: httpx.AsyncClient, *, password: str = PASSWORD) -> Newcomer:
    """Register somebody new."""
    number, name = phone(), username()
    code = await code_for(client, number, "register")
    made = await client.post(
        "/api/v1/accounts",
        json={"phone": number, "sms_code": code, "username": name, "password": password},
    )
    assert made.status_code == 201, made.text
    return Newcomer(
        phone=number, username=name, token=made.json()["token"], account_id=made.json()["account"]["id"]
    )


async def log_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> str:
    """Log in by password and answer the token."""
    answer = await client.post(
        "/api/v1/logins", json={"kind": "password", "username": name, "password": password}
    )
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


async def forget_waits(db: AsyncSession, *, by: timedelta = timedelta(days=2)) -> None:
    """Let the codes sent so far be of the day before yesterday."""
    await db.execute(update(SmsCode).values(created_at=SmsCode.created_at - by))
    await db.commit()
