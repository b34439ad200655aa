"""What may be corrected about a person, and when it would be another person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from guahao.identity.models.person import DocumentType
from guahao.identity.policy.document import Identity, carries_details, is_same_name, read_identity
from guahao.kernel.errors import Problem
from guahao.kernel.sex import Sex


class Evidence(StrEnum):
    """What staff had in their hands."""

    RESIDENT_ID_CARD = "resident_id_card"
    HOUSEHOLD_REGISTER = "household_register"
    PASSPORT = "passport"
    PERMIT = "permit"
    BIRTH_CERTIFICATE = "birth_certificate"
    POLICE_CERTIFICATE = "police_certificate"


class CorrectedField(StrEnum):
    """What of a person became another value."""

    NAME = "name"
    DOCUMENT_TYPE = "document_type"
    DOCUMENT_NUMBER = "document_number"
    BIRTH_DATE = "birth_date"
    SEX = "sex"


_OF_DOCUMENT = {CorrectedField.DOCUMENT_TYPE, CorrectedField.DOCUMENT_NUMBER}
_OF_BIRTH = {CorrectedField.BIRTH_DATE, CorrectedField.SEX}


class CorrectionIsAnotherPerson(Problem):
    """Name, document and birth details cannot all be replaced: nothing of the person would be left."""

    code = "correction-is-another-person"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What shall be another value, as typed; None leaves a value as it is."""

    name: str | None
    document_type: DocumentType | None
    document_number: str | None
    birth_date: date | None
    sex: Sex | None

    def applied(self, known: Identity, *, today: date) -> Identity:
        """The whole identity afterwards, checked; a number that carries birth date and sex decides them.

        Raises the problems of `policy.document`.
        """
        document_type = self.document_type or known.document_type
        number = self.document_number or known.number
        birth_date, sex = self.birth_date, self.sex
        if not carries_details(document_type, number):
            birth_date, sex = birth_date or known.birth_date, sex or known.sex
        return read_identity(
            document_type,
            number=number,
            name=self.name or known.name,
            birth_date=birth_date,
            sex=sex,
            today=today,
        )


def corrected_fields(known: Identity, new: Identity) -> list[CorrectedField]:
    """What differs between two identities, in a fixed order."""
    pairs = {
        CorrectedField.NAME: (known.name, new.name),
        CorrectedField.DOCUMENT_TYPE: (known.document_type, new.document_type),
        CorrectedField.DOCUMENT_NUMBER: (known.number, new.number),
        CorrectedField.BIRTH_DATE: (known.birth_date, new.birth_date),
        CorrectedField.SEX: (known.sex, new.sex),
    }
    return [field for field, (before, after) in pairs.items() if before != after]


def require_same_human(known: Identity, new: Identity) -> None:
    """Raise `CorrectionIsAnotherPerson` where neither name, nor document, nor birth details stay.

    A place booked for one person never goes to another by way of a correction.
    """
    fields = set(corrected_fields(known, new))
    if not is_same_name(known.name, new.name) and fields & _OF_DOCUMENT and fields & _OF_BIRTH:
        raise CorrectionIsAnotherPerson


def is_provable_online(known: Identity, new: Identity) -> bool:
    """Whether the authority's word is enough: one of name and document is another, birth details stay."""
    fields = set(corrected_fields(known, new))
    return not fields & _OF_BIRTH and not (CorrectedField.NAME in fields and fields & _OF_DOCUMENT)
