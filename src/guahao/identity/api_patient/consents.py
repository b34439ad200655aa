"""Routes of consent: the texts, what was agreed to, withdrawing."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from guahao.identity.access import CurrentAccount, NotLoggedIn, public
from guahao.identity.api_patient.patients import AcceptedIn
from guahao.identity.models.consent import Consent, ConsentChannel, ConsentEnd, ConsentKind
from guahao.identity.queries.consents import consents_of, current_texts
from guahao.identity.service import consents
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Db, Now, Page, problems
from guahao.kernel.ids import parse_id
from guahao.kernel.value.fields import Id

router = APIRouter(prefix="/api/v1", tags=["consent"])


class ConsentTextOut(BaseModel):
    """A text in its current version; `body` is Markdown."""

    kind: ConsentKind
    version: int
    title: str
    body: str
    sha256: str


class ConsentIn(AcceptedIn):
    """A text agreed to; `child_sensitive` names the child, the others nobody."""

    patient_id: Id | None = None


class ConsentOut(BaseModel):
    """An agreement, standing while `ended_at` is null."""

    id: str
    kind: ConsentKind
    version: int
    sha256: str
    channel: ConsentChannel
    patient_id: str | None
    given_at: datetime
    ended_at: datetime | None
    ending: ConsentEnd | None

    @classmethod
    def of(cls, consent: Consent) -> ConsentOut:
        """Show one agreement."""
        return cls(
            id=str(consent.id),
            kind=consent.kind,
            version=consent.version,
            sha256=consent.text_hash.hex(),
            channel=consent.channel,
            patient_id=None if consent.patient_id is None else str(consent.patient_id),
            given_at=consent.given_at,
            ended_at=consent.ended_at,
            ending=consent.ending,
        )


@router.get("/consent-texts", dependencies=[Depends(public)])
async def list_consent_texts() -> Page[ConsentTextOut]:
    """The current version of every text people are asked to agree to."""
    return Page(
        items=[
            ConsentTextOut(
                kind=text.kind,
                version=text.version,
                title=text.title,
                body=text.body,
                sha256=text.sha256.hex(),
            )
            for text in current_texts().values()
        ]
    )


@router.get("/consents", responses=problems(NotLoggedIn))
async def list_consents(account: CurrentAccount, db: Db) -> Page[ConsentOut]:
    """Everything this account agreed to, newest first, withdrawn and superseded included."""
    return Page(items=[ConsentOut.of(consent) for consent in await consents_of(db, account_id=account.id)])


@router.post(
    "/consents",
    status_code=201,
    responses=problems(NotLoggedIn, NotFound, consents.ConsentVersionOutdated, consents.ConsentNeedsChild),
)
async def give_consent(body: ConsentIn, account: CurrentAccount, db: Db) -> Page[ConsentOut]:
    """Agree to a text in its current version; doing so again changes nothing. Answers the whole list."""
    if body.patient_id is None:
        await consents.give_consents(db, account_id=account.id, accepted=[body.accepted()])
    else:
        await consents.give_child_consent(
            db, account_id=account.id, patient_id=parse_id(body.patient_id), accepted=body.accepted()
        )
    return Page(items=[ConsentOut.of(consent) for consent in await consents_of(db, account_id=account.id)])


@router.delete("/consents/{consent_id}", status_code=204, responses=problems(NotLoggedIn, NotFound))
async def withdraw_consent(consent_id: str, account: CurrentAccount, db: Db, now: Now) -> None:
    """Withdraw an agreement from now on; what was done before stands."""
    await consents.withdraw_consent(db, account_id=account.id, consent_id=parse_id(consent_id), now=now)
