"""The texts people agree to, and what they agreed to."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.consent import Consent, ConsentKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentText:
    """One published text; `body` is Markdown and begins with the title."""

    kind: ConsentKind
    version: int
    title: str
    body: str
    sha256: bytes


@cache
def current_texts() -> dict[ConsentKind, ConsentText]:
    """The newest version of each text.

    Raises ValueError when a file is not the one that was published: what people agreed to would no
    longer be known.
    """
    folder = files("guahao.identity") / "texts"
    newest: dict[ConsentKind, ConsentText] = {}
    for entry in tomllib.loads((folder / "texts.toml").read_text("utf-8"))["text"]:
        kind, version = ConsentKind(entry["kind"]), int(entry["version"])
        content = (folder / f"{kind}.{version}.md").read_bytes()
        digest = hashlib.sha256(content).digest()
        if digest.hex() != entry["sha256"]:
            message = f"{kind}.{version}.md was changed after it was published; publish a new version"
            raise ValueError(message)
        body = content.decode()
        if kind not in newest or newest[kind].version < version:
            title = body.partition("\n")[0].removeprefix("# ").strip()
            newest[kind] = ConsentText(kind=kind, version=version, title=title, body=body, sha256=digest)
    return newest


async def consents_of(db: AsyncSession, *, account_id: UUID) -> Sequence[Consent]:
    """Everything this account ever agreed to, newest first."""
    found = await db.scalars(
        select(Consent)
        .where(Consent.account_id == account_id)
        .order_by(Consent.given_at.desc(), Consent.id.desc())
    )
    return found.all()


async def has_consented(db: AsyncSession, *, account_id: UUID, kind: ConsentKind) -> bool:
    """Whether the account's agreement to the current version of `kind` stands."""
    found = await db.scalar(
        select(Consent.id).where(
            Consent.account_id == account_id,
            Consent.patient_id.is_(None),
            Consent.kind == kind,
            Consent.version == current_texts()[kind].version,
            Consent.ended_at.is_(None),
        )
    )
    return found is not None
