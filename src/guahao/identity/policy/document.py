"""Persons as their identity documents describe them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from guahao.identity.models.person import DocumentType
from guahao.identity.policy.number import NumberFault, carried_details, faults_of, number_form
from guahao.kernel.clock import age_on
from guahao.kernel.errors import Problem
from guahao.kernel.i18n import text
from guahao.kernel.sex import Sex
from guahao.kernel.value.person import person_name_form, read_person_name
from guahao.kernel.value.unfit import Unfit

GROWN_UP = 18
"""Age from which no guardian is needed (Civil Code, article 17)."""

OWN_CONSENT = 14
"""Age from which a person may consent themself (Personal Information Protection Law, article 31)."""

BIRTH_CERTIFICATE_YEARS = 3
"""A child older than this has a resident number of its own."""

_OLDEST = 130
_NUMBERED_PEOPLE = 18


class DocumentNumberInvalid(Problem):
    """The number cannot be one of this kind of document; `hint` says what does not fit, all of it."""

    code = "document-number-invalid"

    def __init__(self, faults: Sequence[NumberFault]) -> None:
        """Explain each fault by its text `document-hint.<reason>`."""
        hint = "；".join(text(f"document-hint.{fault.reason}", **fault.values) for fault in faults)
        super().__init__(hint=hint, errors=_at("document_number", hint))


class BirthDetailsRequired(Problem):
    """This kind of document does not carry birth date and sex, so both must be given."""

    code = "birth-details-required"

    def __init__(self, *fields: str) -> None:
        """Name the fields that are missing."""
        super().__init__(errors=[fault for field in fields for fault in _at(field, text("field.missing"))])


class BirthDetailsContradict(Problem):
    """The birth date or sex given is not the one that the number says."""

    code = "birth-details-contradict"

    def __init__(self, *fields: str) -> None:
        """Name the fields that contradict the number."""
        super().__init__(
            errors=[fault for field in fields for fault in _at(field, text(f"document-hint.{field}"))]
        )


class BirthDateInvalid(Problem):
    """The birth date lies in the future or more than 130 years back."""

    code = "birth-date-invalid"


class BirthCertificateTooOld(Problem):
    """A birth certificate identifies young children only."""

    code = "birth-certificate-too-old"

    def __init__(self) -> None:
        """Name the age."""
        super().__init__(years=BIRTH_CERTIFICATE_YEARS)


class PersonNameInvalid(Problem):
    """The name has signs that no identity document prints, or is too short or too long; `hint` says which."""

    code = "person-name-invalid"

    def __init__(self, hint: str) -> None:
        """Take the sentence about what does not fit."""
        super().__init__(hint=hint, errors=_at("name", hint))


def _at(field: str, message: str) -> list[dict[str, str]]:
    return [{"in": "body", "field": field, "message": message}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person as a document describes them, in normal form and checked."""

    document_type: DocumentType
    number: str
    name: str
    birth_date: date
    sex: Sex


def read_identity(
    document_type: DocumentType,
    *,
    number: str,
    name: str,
    birth_date: date | None,
    sex: Sex | None,
    today: date,
) -> Identity:
    """Bring what was typed into normal form and check it by the rules of the document.

    Resident numbers and the 18-digit foreign residence card carry birth date and sex (GB 11643); the
    other documents need them given. Raises the problems of this module.
    """
    written = read_number(document_type, number)
    if len(written) == _NUMBERED_PEOPLE:
        carried = carried_details(written)
        _require_agreement(carried, birth_date=birth_date, sex=sex)
        birth_date, sex = carried
    if birth_date is None or sex is None:
        missing = {"birth_date": birth_date, "sex": sex}
        raise BirthDetailsRequired(*(field for field, value in missing.items() if value is None))
    _check_birth(document_type, birth_date=birth_date, today=today)
    return Identity(
        document_type=document_type, number=written, name=read_name(name), birth_date=birth_date, sex=sex
    )


def carries_details(document_type: DocumentType, number: str) -> bool:
    """Whether a number of this kind, however it is written, says birth date and sex of its holder."""
    return len(number_form(document_type, number)) == _NUMBERED_PEOPLE


def read_number(document_type: DocumentType, typed: str) -> str:
    """Bring a document's number into the form by which its holder is known for life, and check it.

    Raises `DocumentNumberInvalid`.
    """
    faults = faults_of(document_type, typed)
    if faults:
        raise DocumentNumberInvalid(faults)
    return number_form(document_type, typed)


def read_name(name: str) -> str:
    """Bring a name into normal form, as the State writes it. Raises `PersonNameInvalid`."""
    try:
        return read_person_name(name)
    except Unfit as unfit:
        raise PersonNameInvalid(unfit.sentence) from None


def _require_agreement(carried: tuple[date, Sex], *, birth_date: date | None, sex: Sex | None) -> None:
    wrong = [
        *(["birth_date"] if birth_date not in (None, carried[0]) else []),
        *(["sex"] if sex not in (None, carried[1]) else []),
    ]
    if wrong:
        raise BirthDetailsContradict(*wrong)


def is_same_name(first: str, second: str) -> bool:
    """Whether two names are those of one person: case, spaces and how the dot is written do not matter."""
    return _comparable(first) == _comparable(second)


def _comparable(name: str) -> str:
    return person_name_form(name).replace(" ", "").casefold()


def _check_birth(document_type: DocumentType, *, birth_date: date, today: date) -> None:
    age = age_on(today, birth_date=birth_date)
    if birth_date > today or age > _OLDEST:
        raise BirthDateInvalid
    if document_type is DocumentType.BIRTH_CERTIFICATE and age >= BIRTH_CERTIFICATE_YEARS:
        raise BirthCertificateTooOld
