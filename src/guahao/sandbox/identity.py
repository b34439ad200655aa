"""Real-name verification for trying out: everybody is who they say, but one."""

from __future__ import annotations

from guahao.identity.ports.verification import DocumentType, Verdict
from guahao.kernel.i18n import text


class SandboxIdentityVerifier:
    """Answers MATCH for every name but `sandbox-identity.refused-name` of identity's texts."""

    async def verify(self, *, name: str, document_type: DocumentType, document_number: str) -> Verdict:
        """Refuse the one name, whatever its document."""
        _ = document_type, document_number
        return Verdict.MISMATCH if name == text("sandbox-identity.refused-name") else Verdict.MATCH
