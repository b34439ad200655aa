"""Real-name verification by nobody but the desks: for an installation without an authority to ask."""

from __future__ import annotations

from guahao.identity.ports.verification import DocumentType, Verdict


class DeskVerifier:
    """Leaves every person unverified until staff have seen the document."""

    async def verify(self, *, name: str, document_type: DocumentType, document_number: str) -> Verdict:
        """Decide nothing."""
        _ = name, document_type, document_number
        return Verdict.UNDECIDED
