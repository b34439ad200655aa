"""What sealed values are found by: keyed hashes that are equal for equal values and tell nothing else.

Each is made of the value's normal form here, so that no caller can hash another one.
"""

from __future__ import annotations

from guahao.identity.models.person import DocumentType
from guahao.identity.policy.number import number_form
from guahao.kernel.crypto import KeyRing
from guahao.kernel.value.phone import is_mobile, mobile_form
from guahao.kernel.value.search import name_search_form

VALUE_FORMS = 3
"""Counts the changes of what is hashed here; persons of an earlier count are indexed anew by a job."""


def phone_index(key_ring: KeyRing, phone: str) -> bytes:
    """What a phone, however it is written, is found by in accounts, codes and patients."""
    return key_ring.blind_index("account.phone", mobile_form(phone))


def document_index(key_ring: KeyRing, document_type: DocumentType, number: str) -> bytes:
    """What a document, however its number is written, is found by."""
    form = number_form(document_type, number)
    return key_ring.blind_index("person.document", f"{document_type.value}|{form}")


def look_up_index(key_ring: KeyRing, number: str) -> bytes:
    """What a look-up by a phone or a document number is known by until its person is enrolled."""
    return key_ring.blind_index("person_look_up.sought", mobile_form(number).upper())


def proves_person(number: str) -> bool:
    """Whether only a document in hand enrols whom this number finds: anybody may write down a phone."""
    return not is_mobile(number)


def name_index(key_ring: KeyRing, name: str) -> bytes:
    """What a whole name is found by; case, spaces, dots and traditional characters do not matter."""
    return key_ring.blind_index("person.name", name_search_form(name))
