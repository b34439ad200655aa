"""How much of one kind of heavy work a process does at once; the rest is refused: nothing piles up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from guahao.kernel.errors import Unavailable


class AtMost:
    """Lets so many in at once; whoever comes then is told to come back in a moment."""

    def __init__(self, most: int, *, back_in_s: int) -> None:
        """Say how many, and after how many seconds another try makes sense."""
        self._most = most
        self._back_in_s = back_in_s
        self._inside = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be one of them for the length of a block. Raises `Unavailable`."""
        if self._inside >= self._most:
            raise Unavailable(retry_after_s=self._back_in_s)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
