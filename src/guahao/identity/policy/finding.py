"""What sealed values are found by: keyed hashes that are equal for equal values and tell nothing else."""

from __future__ import annotations

from guahao.kernel.crypto import KeyRing


def phone_index(key_ring: KeyRing, phone: str) -> bytes:
    """What a phone is found by in accounts, codes and patients."""
    return key_ring.blind_index("account.phone", phone)


def document_index(key_ring: KeyRing, document_type: str, number: str) -> bytes:
    """What a document, its number in normal form, is found by."""
    return key_ring.blind_index("person.document", f"{document_type}|{number}")


def name_index(key_ring: KeyRing, name: str) -> bytes:
    """What a whole name is found by; case and spaces do not matter."""
    return key_ring.blind_index("person.name", name.replace(" ", "").casefold())
