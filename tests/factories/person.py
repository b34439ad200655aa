"""Persons and patients with valid documents."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import cycle
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.consent import Consent, ConsentChannel, ConsentKind
from guahao.identity.models.person import DocumentType, Patient, Person, Relation
from guahao.identity.policy.finding import VALUE_FORMS
from guahao.kernel.clock import utc_now
from guahao.kernel.ids import new_id
from guahao.kernel.sex import Sex

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@cache
def _orders(birth: date, sex: Sex) -> Iterator[tuple[str, int]]:
    """Places and orders of registration in any order, none twice before all were used."""
    first = 1 if sex is Sex.MALE else 2
    places = ("110101", "310104", "440305", "510107")
    people = [(place, order) for place in places for order in range(first, first + 998, 2)]
    secrets.SystemRandom().shuffle(people)
    return cycle(people)


def resident_id(birth: date = date(1990, 1, 1), sex: Sex = Sex.FEMALE) -> str:
    """A number of 18 digits that passes every check, new each time: 1,996 people of a birth date and sex."""
    place, order = next(_orders(birth, sex))
    head = f"{place}{birth:%Y%m%d}{order:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(head, _WEIGHTS, strict=True))
    return head + "10X98765432"[total % 11]


async def make_person(
    db: AsyncSession,
    *,
    birth_date: date = date(1990, 1, 1),
    sex: Sex = Sex.FEMALE,
    verified: bool = True,
) -> Person:
    """A person whose sealed columns hold bytes that nobody opens; go through HTTP to have real ones."""
    person = Person(
        id=new_id(),
        document_type=DocumentType.RESIDENT_ID,
        document_index=secrets.token_bytes(16),
        document_sealed=b"",
        name_sealed=b"",
        birth_date=birth_date,
        sex=sex,
        verified_at=utc_now() if verified else None,
        value_forms=VALUE_FORMS,
    )
    db.add(person)
    await db.flush()
    return person


async def make_patient(
    db: AsyncSession,
    account_id: UUID | None,
    *,
    person: Person | None = None,
    birth_date: date = date(1990, 1, 1),
    sex: Sex = Sex.FEMALE,
    relation: Relation = Relation.OTHER,
    verified: bool = True,
    consented: bool = True,
    hospital_id: int | None = None,
) -> Patient:
    """A live patient of this account (None: enrolled at the hospital's desk), with the account's consent."""
    known = person or await make_person(db, birth_date=birth_date, sex=sex, verified=verified)
    patient = Patient(
        id=new_id(),
        account_id=account_id,
        hospital_id=hospital_id,
        person_id=known.id,
        relation=relation,
    )
    db.add(patient)
    await db.flush()
    if account_id is not None and consented:
        await give_consent(db, account_id)
    return patient


async def give_consent(db: AsyncSession, account_id: UUID) -> None:
    """The account agrees to the use of sensitive personal information; again is harmless."""
    given = insert(Consent).values(
        id=new_id(),
        account_id=account_id,
        kind=ConsentKind.SENSITIVE_PERSONAL_INFORMATION,
        version=1,
        text_hash=b"",
        channel=ConsentChannel.ONLINE,
    )
    await db.execute(given.on_conflict_do_nothing())


def patient_body(**overrides: object) -> dict[str, object]:
    """What a newcomer sends to add themself, consent included."""
    body: dict[str, object] = {
        "name": "张三",
        "document_type": "resident_id",
        "document_number": resident_id(),
        "phone": "13812348000",
        "relation": "other",
        "consents": [{"kind": "sensitive_personal_information", "version": 1}],
    }
    return body | overrides
