"""SMS without a provider: messages go to files under data_dir, to be read at /sandbox/sms."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from guahao.identity.access import public
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AppSettings, problems
from guahao.kernel.i18n import text

router = APIRouter(prefix="/sandbox/sms", tags=["sandbox"])


class Message(msgspec.Struct, frozen=True):
    """The last message to one phone."""

    phone: str
    code: str
    text: str


class SandboxSms:
    """The outbox: one file per phone, so that every process of the demo sees the same."""

    def __init__(self, data_dir: Path) -> None:
        """Keep the messages under `data_dir`."""
        self._folder = data_dir / "sandbox" / "sms"

    async def send_code(self, *, phone: str, code: str, valid_min: int) -> None:
        """Keep the message instead of sending it."""
        said = text("sms.code", code=code, valid_min=valid_min)
        self._keep(Message(phone=phone, code=code, text=said))

    def last(self, phone: str) -> Message | None:
        """The last message to `phone`, an unchecked text."""
        if not phone.isdecimal() or not phone.isascii():
            return None
        try:
            return msgspec.json.decode((self._folder / f"{phone}.json").read_bytes(), type=Message)
        except FileNotFoundError:
            return None

    def _keep(self, message: Message) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{secrets.token_hex(8)}"
        draft.write_bytes(msgspec.json.encode(message))
        draft.replace(self._folder / f"{message.phone}.json")


class MessageOut(BaseModel):
    """A message as the phone shows it, and the code in it."""

    phone: str
    code: str
    text: str


@router.get("", responses=problems(NotFound), dependencies=[Depends(public)])
def last_message(phone: Annotated[str, Query(max_length=20)], settings: AppSettings) -> MessageOut:
    """The last message to a phone. Demo only."""
    found = SandboxSms(settings.data_dir).last(phone)
    if found is None:
        raise NotFound
    return MessageOut(phone=found.phone, code=found.code, text=found.text)
