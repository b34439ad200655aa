"""Route by which a minor of the account gets another guardian."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from guahao.identity.access import CurrentAccount, NotLoggedIn
from guahao.identity.api_patient.patients import AcceptedIn, PatientOut
from guahao.identity.service.consents import ConsentNeedsChild, ConsentRequired, ConsentVersionOutdated
from guahao.identity.service.guardian import replace_guardian
from guahao.identity.service.patients import GuardianUnsuitable
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Body, Db, Keys, Now, problems
from guahao.kernel.ids import parse_id
from guahao.kernel.value.fields import Id

router = APIRouter(prefix="/api/v1/patients", tags=["patient"])


class GuardianIn(Body):
    """The new guardian, and for a child under 14 the text that they agree to."""

    guardian_patient_id: Id
    consents: Annotated[list[AcceptedIn], Field(max_length=8, default_factory=list)]


@router.post(
    "/{patient_id}/guardian",
    responses=problems(
        NotLoggedIn,
        NotFound,
        GuardianUnsuitable,
        ConsentRequired,
        ConsentVersionOutdated,
        ConsentNeedsChild,
    ),
)
async def change_guardian(
    patient_id: str, body: GuardianIn, account: CurrentAccount, db: Db, keys: Keys, now: Now
) -> PatientOut:
    """Replace the guardian of a minor by another grown-up patient of this account.

    Of a child under 14 the new guardian agrees anew (`child_sensitive`); what the former one agreed to ends.
    """
    patient, person = await replace_guardian(
        db,
        account_id=account.id,
        patient_id=parse_id(patient_id),
        guardian_id=parse_id(body.guardian_patient_id),
        accepted=[one.accepted() for one in body.consents],
        now=now,
    )
    return PatientOut.of(patient, person, keys)
