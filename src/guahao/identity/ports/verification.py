"""The port behind which an authority compares a name with a document number."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from guahao.identity.models.person import DocumentType

__all__ = ["DocumentType", "IdentityVerifier", "Verdict"]


class Verdict(StrEnum):
    """What the authority says."""

    MATCH = "match"
    MISMATCH = "mismatch"
    UNDECIDED = "undecided"


class IdentityVerifier(Protocol):
    """Real-name verification; a remote system, so it is never awaited inside a transaction."""

    async def verify(self, *, name: str, document_type: DocumentType, document_number: str) -> Verdict:
        """Tell whether a document of this number belongs to somebody of this name.

        UNDECIDED when the authority knows nothing about such documents: the person is listed unverified
        and proves who they are at a hospital's desk. Raises `kernel.errors.Unavailable` when it cannot
        be asked. Name and number are personal data: an adapter neither logs them nor puts them into an
        error.
        """
        ...
