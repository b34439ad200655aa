"""Identity documents: how each kind is written, and what its number says about its holder."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from guahao.identity.models.person import DocumentType
from guahao.kernel.errors import Problem
from guahao.kernel.i18n import text
from guahao.kernel.sex import Sex

GROWN_UP = 18
"""Age from which no guardian is needed (Civil Code, article 17)."""

OWN_CONSENT = 14
"""Age from which a person may consent themself (Personal Information Protection Law, article 31)."""

BIRTH_CERTIFICATE_YEARS = 3
"""A child older than this has a resident number of its own."""

_OLDEST = 130
_SHAPES = {
    DocumentType.RESIDENT_ID: r"[1-68]\d{16}[\dX]",
    DocumentType.PASSPORT: r"(?=.*\d)[A-Z0-9]{6,12}",
    DocumentType.HK_MACAO_PERMIT: r"[HM]\d{8}(\d{2})?",
    DocumentType.TAIWAN_PERMIT: r"\d{8}|\d{10}[A-Z]?",
    DocumentType.FOREIGN_PERMANENT_RESIDENCE: r"[A-Z]{3}\d{12}|9\d{16}[\dX]",
    DocumentType.BIRTH_CERTIFICATE: r"[A-Z]\d{9}",
}
_PROVINCES = frozenset(
    {
        *range(11, 16),
        *range(21, 24),
        *range(31, 38),
        *range(41, 47),
        *range(50, 55),
        *range(61, 66),
        71,
        *range(81, 84),
    }
)
"""GB/T 2260 provinces; 81 to 83 are residence permits of Hong Kong, Macao and Taiwan people."""

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"
_NUMBERED_PEOPLE = 18
_NAME_SIGNS = frozenset("·•.'’- ")


class DocumentNumberInvalid(Problem):
    """The number cannot be one of this kind of document; `hint` says what does not fit."""

    code = "document-number-invalid"

    def __init__(self, reason: str) -> None:
        """Explain by the text `document-hint.<reason>`."""
        super().__init__(hint=text(f"document-hint.{reason}"))


class BirthDetailsRequired(Problem):
    """This kind of document does not carry birth date and sex, so both must be given."""

    code = "birth-details-required"


class BirthDetailsContradict(Problem):
    """The birth date or sex given is not the one that the number says."""

    code = "birth-details-contradict"


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
    """The name has signs that no identity document prints, or fewer than two."""

    code = "person-name-invalid"


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
    written = unicodedata.normalize("NFKC", number).replace(" ", "").upper()
    if not written.isascii() or re.fullmatch(_SHAPES[document_type], written) is None:
        raise DocumentNumberInvalid(document_type.value)
    if len(written) == _NUMBERED_PEOPLE:
        carried = _read_citizen_number(written)
        if (birth_date or carried[0], sex or carried[1]) != carried:
            raise BirthDetailsContradict
        birth_date, sex = carried
    if birth_date is None or sex is None:
        raise BirthDetailsRequired
    _check_birth(document_type, birth_date=birth_date, today=today)
    return Identity(
        document_type=document_type, number=written, name=read_name(name), birth_date=birth_date, sex=sex
    )


def read_name(name: str) -> str:
    """Bring a name into normal form: full-width signs, dots and spaces made one way.

    Raises `PersonNameInvalid`.
    """
    plain = " ".join(unicodedata.normalize("NFKC", name).split()).replace("•", "·")
    if not 2 <= len(plain) <= 50 or not plain[0].isalpha():
        raise PersonNameInvalid
    if not all(sign.isalpha() or sign in _NAME_SIGNS for sign in plain):
        raise PersonNameInvalid
    return plain


def is_same_name(one: str, other: str) -> bool:
    """Whether two names in normal form are those of one person: case and spaces do not matter."""
    return one.replace(" ", "").casefold() == other.replace(" ", "").casefold()


def age_on(day: date, *, birth_date: date) -> int:
    """Full years of age on `day`."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def check_digit(head: str) -> str:
    """The last sign of an 18-digit number, by ISO 7064 MOD 11-2 over the first seventeen."""
    total = sum(int(digit) * weight for digit, weight in zip(head, _WEIGHTS, strict=True))
    return _CHECK_DIGITS[total % 11]


def _check_birth(document_type: DocumentType, *, birth_date: date, today: date) -> None:
    age = age_on(today, birth_date=birth_date)
    if birth_date > today or age > _OLDEST:
        raise BirthDateInvalid
    if document_type is DocumentType.BIRTH_CERTIFICATE and age >= BIRTH_CERTIFICATE_YEARS:
        raise BirthCertificateTooOld


def _read_citizen_number(number: str) -> tuple[date, Sex]:
    if number[0] != "9" and int(number[:2]) not in _PROVINCES:
        raise DocumentNumberInvalid("region")
    try:
        birth_date = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise DocumentNumberInvalid("birth") from None
    if check_digit(number[:17]) != number[17]:
        raise DocumentNumberInvalid("checksum")
    return birth_date, Sex.MALE if int(number[16]) % 2 else Sex.FEMALE
