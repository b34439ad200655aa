"""People of one hospital who look after its money, over HTTP."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions, transaction
from tests.factories.staff import make_staff, staff_header

STAFF = "/api/v1/staff"


@dataclass(frozen=True, kw_only=True)
class Member:
    """Somebody of the staff who is logged in."""

    client: httpx.AsyncClient
    id: UUID
    header: dict[str, str]

    @property
    def actor(self) -> str:
        return f"staff:{self.id}"

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(f"{STAFF}{path}", params=params, headers=self.header)

    async def post(self, path: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        header = self.header | {"Idempotency-Key": key or secrets.token_hex(8)}
        return await self.client.post(f"{STAFF}{path}", json=body or None, headers=header)

    async def patch(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.patch(f"{STAFF}{path}", json=body, headers=self.header)

    async def delete(self, path: str) -> httpx.Response:
        return await self.client.delete(f"{STAFF}{path}", headers=self.header)

    async def put(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.put(f"{STAFF}{path}", json=body, headers=self.header)


async def hire(
    client: httpx.AsyncClient, sessions: Sessions, *roles: Role, hospital_id: int | None = 1
) -> Member:
    async with transaction(sessions) as db:
        member = await make_staff(db, *roles, hospital_id=hospital_id)
        return Member(client=client, id=member.id, header=await staff_header(db, member.id))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
