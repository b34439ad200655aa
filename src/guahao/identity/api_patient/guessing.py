"""What is guessed first here besides what is guessed first everywhere."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from guahao.identity.ports.hospital_words import HospitalWords
from guahao.kernel.db import transaction
from guahao.kernel.http import AllSessions


async def _hospital_words(request: Request, sessions: AllSessions) -> frozenset[str]:
    words: HospitalWords = request.app.state.hospital_words
    async with transaction(sessions) as db:
        return await words(db)


GuessedHere = Annotated[frozenset[str], Depends(_hospital_words)]
"""Names of the hospitals here, in all ways to type them: no new password is one of these."""
