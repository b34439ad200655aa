"""Numbers of identity documents: their form for life, and every reason why one cannot be right.

Resident numbers by GB 11643 and GB/T 2260. Permits of Hong Kong and Macao: the first nine signs are the
person, two more count renewals. Taiwan permits: the first eight digits are the person for life; two more
counted issues and a sign in brackets named the office, until 2008.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from guahao.identity.models.person import DocumentType
from guahao.kernel.sex import Sex
from guahao.kernel.value.signs import CONTROL, SHORTENED, narrow

_RESIDENT = r"[0-8]\d{16}[\dX]"
_RESIDENCE_CARD = r"9\d{16}[\dX]"
_PERMIT = r"((?:HA|MA)\d{7}|[HM]\d{8})(?:\d{2})?"

_SHAPES = {
    DocumentType.RESIDENT_ID: re.compile(_RESIDENT),
    DocumentType.PASSPORT: re.compile(r"(?=.*\d)[A-Z0-9]{6,12}"),
    DocumentType.HK_MACAO_PERMIT: re.compile(_PERMIT),
    DocumentType.TAIWAN_PERMIT: re.compile(r"(\d{8})(?:\d{2}(?:[A-Z]|\(?[A-Z0-9]\))?)?"),
    DocumentType.FOREIGN_PERMANENT_RESIDENCE: re.compile(rf"[A-Z]{{3}}\d{{12}}|{_RESIDENCE_CARD}"),
    DocumentType.BIRTH_CERTIFICATE: re.compile(r"[A-Z]\d{9}"),
}

_TELLING = (
    (DocumentType.FOREIGN_PERMANENT_RESIDENCE, re.compile(rf"[A-Z]{{3}}\d{{12}}|{_RESIDENCE_CARD}")),
    (DocumentType.RESIDENT_ID, re.compile(_RESIDENT)),
    (DocumentType.HK_MACAO_PERMIT, re.compile(_PERMIT)),
)
"""Shapes by which a number shows that it is another document's."""

_HOME_CARDS = {
    "is_hk_card": re.compile(r"(?![HM])[A-Z]\d{6}[\dA]|[A-Z]{1,2}\d{6}[(\[\u3010][\dA][)\]\u3011]"),
    "is_macao_card": re.compile(r"[157]\d{6}[(\[\u3010]\d[)\]\u3011]"),
    "is_taiwan_card": re.compile(r"[A-Z][1289]\d{8}"),
}
"""Identity cards of Hong Kong, Macao and Taiwan, which are not what their people are registered by here."""

_HOME_CARDS_OF = {
    DocumentType.RESIDENT_ID: tuple(_HOME_CARDS),
    DocumentType.HK_MACAO_PERMIT: ("is_hk_card", "is_macao_card"),
    DocumentType.TAIWAN_PERMIT: ("is_taiwan_card",),
}

_PLACES = {
    DocumentType.RESIDENT_ID: ("d" * 17 + "x",),
    DocumentType.HK_MACAO_PERMIT: ("l" + "d" * 8, "l" + "d" * 10),
    DocumentType.FOREIGN_PERMANENT_RESIDENCE: ("d" * 17 + "x", "lll" + "d" * 12),
    DocumentType.TAIWAN_PERMIT: ("d" * 8, "d" * 10, "d" * 10 + "l"),
    DocumentType.BIRTH_CERTIFICATE: ("l" + "d" * 9,),
    DocumentType.PASSPORT: (),
}
"""What stands at each place: a digit, a letter, or the last sign of a resident number."""

_KINDS = {"d": "0123456789", "l": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "x": "0123456789X"}
_MISTAKEN = {"O": "0", "I": "1", "L": "1", "Q": "0"}
_LIKE_LATIN = str.maketrans(
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u00d7\u2715\u2573",
    "ABEKMHOPCTYX" + "ABEZHIKMNOPTYX" + "X" * 3,
)
"""Capitals of Cyrillic and Greek that look like Latin ones, and signs that are drawn for an X."""

_LABEL = re.compile("^N[O\u00b0][.:]+")
_LEFT_OUT = re.compile("[ \\-\u2010-\u2015\u2212.\u00b7<]")
_FIRST_GENERATION = re.compile(r"\d{15}")
_PASSPORT_LENGTHS = range(6, 13)

_PROVINCES = frozenset(
    {
        *range(11, 16),
        *range(21, 24),
        *range(31, 38),
        *range(41, 47),
        *range(50, 55),
        *range(61, 66),
        *range(81, 84),
    }
)
"""GB/T 2260 provinces; 81 to 83 are residence permits of Hong Kong, Macao and Taiwan people."""

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"
_RESIDENT_DIGITS = 18


@dataclass(frozen=True, slots=True)
class NumberFault:
    """One thing that does not fit, told by the text `document-hint.<reason>` filled from `values`."""

    reason: str
    values: dict[str, object] = field(default_factory=dict)


def written_number(typed: str) -> str:
    """What was typed without "No.", spaces, hyphens, invisible and full-width signs, in Latin capitals."""
    written = narrow(typed.replace("\u2116", "No.")).upper()
    return _LEFT_OUT.sub("", _LABEL.sub("", written)).translate(_LIKE_LATIN)


def number_form(document_type: DocumentType, typed: str) -> str:
    """The form by which the holder is known for life; of what has no such form, what was typed."""
    written = written_number(typed)
    shape = _SHAPES[document_type].fullmatch(_without_brackets(document_type, written))
    return shape[1] if shape and shape.re.groups else written


def faults_of(document_type: DocumentType, typed: str) -> list[NumberFault]:
    """Everything because of which this cannot be a number of this kind of document; empty when it can."""
    written = written_number(typed)
    if not written:
        return [NumberFault("empty")]
    if CONTROL.search(typed.strip()):
        return [NumberFault("control")]
    if SHORTENED.fullmatch(narrow(typed)):
        return [NumberFault("shortened", {"value": narrow(typed)})]
    number = _without_brackets(document_type, written)
    if not (number.isascii() and _SHAPES[document_type].fullmatch(number)):
        return _shape_faults(document_type, number)
    return _citizen_faults(number) if len(number) == _RESIDENT_DIGITS else []


def carried_details(number: str) -> tuple[date, Sex]:
    """Birth date and sex that an 18-digit number without faults carries."""
    sex = Sex.MALE if int(number[16]) % 2 else Sex.FEMALE
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14])), sex


def check_digit(head: str) -> str:
    """The last sign of an 18-digit number, by ISO 7064 MOD 11-2 over the first seventeen."""
    total = sum(int(digit) * weight for digit, weight in zip(head, _WEIGHTS, strict=True))
    return _CHECK_DIGITS[total % 11]


def _without_brackets(document_type: DocumentType, written: str) -> str:
    """Permits print the count of issues and the office in brackets: H12345678(01), 0123456789(B)."""
    if document_type is DocumentType.HK_MACAO_PERMIT:
        return re.sub(r"[(\[\u3010](\d{2})[)\]\u3011]$", r"\1", written)
    if document_type is DocumentType.TAIWAN_PERMIT:
        return re.sub(r"[(\[\u3010](\d{2}|[A-Z0-9])[)\]\u3011]$", _unbracketed, written)
    return written


def _unbracketed(office: re.Match[str]) -> str:
    """A single digit keeps its closing bracket: without it eleven digits may be a telephone number."""
    return f"{office[1]})" if office[1].isdigit() and len(office[1]) == 1 else office[1]


def _shape_faults(document_type: DocumentType, number: str) -> list[NumberFault]:
    other = next(
        (kind for kind, shape in _TELLING if kind is not document_type and shape.fullmatch(number)), None
    )
    if other is not None:
        return [NumberFault(f"is_{other.value}")]
    home = _home_card(document_type, number)
    if home is not None:
        return [NumberFault(home)]
    if document_type is DocumentType.RESIDENT_ID and _FIRST_GENERATION.fullmatch(number):
        return [NumberFault("first_generation")]
    if document_type is DocumentType.PASSPORT:
        return _passport_faults(number)
    return _place_faults(document_type, number)


def _home_card(document_type: DocumentType, number: str) -> str | None:
    cards = _HOME_CARDS_OF.get(document_type, ())
    return next((card for card in cards if _HOME_CARDS[card].fullmatch(number)), None)


def _place_faults(document_type: DocumentType, number: str) -> list[NumberFault]:
    """Compare with the writing of this kind that is nearest in length, sign by sign."""
    writing = min(_PLACES[document_type], key=lambda places: _distance(places, number))
    faults = [
        _sign_fault(place, sign, kind)
        for place, (sign, kind) in enumerate(zip(number, writing, strict=False), 1)
        if sign not in _KINDS[kind]
    ]
    faults += _strange_signs(number, after=len(writing))
    missing = len(writing) - len(number)
    if missing:
        reason = "too_short" if missing > 0 else "too_long"
        faults.insert(0, NumberFault(reason, {"length": len(number), "by": abs(missing)}))
    return [*faults, NumberFault(document_type.value)]


def _distance(places: str, number: str) -> tuple[int, int]:
    wrong = sum(sign not in _KINDS[kind] for sign, kind in zip(number, places, strict=False))
    return abs(len(places) - len(number)), wrong


def _sign_fault(place: int, sign: str, kind: str) -> NumberFault:
    values: dict[str, object] = {"place": place, "sign": sign}
    if kind == "l":
        return NumberFault("letter_needed", values)
    if sign in _MISTAKEN:
        return NumberFault("mistaken", values | {"digit": _MISTAKEN[sign]})
    if kind == "x":
        return NumberFault("last_needed", values)
    is_letter = sign.isascii() and sign.isalpha()
    return NumberFault("letter_for_digit" if is_letter else "digit_needed", values)


def _strange_signs(number: str, *, after: int = 0) -> list[NumberFault]:
    return [
        NumberFault("sign", {"place": place, "sign": sign})
        for place, sign in enumerate(number[after:], after + 1)
        if not (sign.isascii() and sign.isalnum())
    ]


def _passport_faults(number: str) -> list[NumberFault]:
    faults = _strange_signs(number)
    if len(number) < _PASSPORT_LENGTHS.start:
        faults.append(
            NumberFault("too_short", {"length": len(number), "by": _PASSPORT_LENGTHS.start - len(number)})
        )
    if len(number) >= _PASSPORT_LENGTHS.stop:
        faults.append(
            NumberFault("too_long", {"length": len(number), "by": len(number) - _PASSPORT_LENGTHS.stop + 1})
        )
    if not any(sign.isdigit() for sign in number):
        faults.append(NumberFault("no_digit"))
    return [*faults, NumberFault(DocumentType.PASSPORT.value)]


def _citizen_faults(number: str) -> list[NumberFault]:
    """Region and birth date by themselves; the check digit only when both can be right, for it follows."""
    faults = []
    if number[0] != "9" and int(number[:2]) not in _PROVINCES:
        faults.append(NumberFault("region", {"region": number[:2]}))
    try:
        carried_details(number)
    except ValueError:
        faults.append(NumberFault("birth", {"birth": number[6:14]}))
    if not faults and check_digit(number[:17]) != number[17]:
        faults.append(NumberFault("checksum", {"last": number[17]}))
    return faults
