"""Errors with a stable code, answered as RFC 9457 problem documents at the edge."""

from __future__ import annotations

from typing import ClassVar

from guahao.kernel.i18n import text

REGISTRY: dict[str, type[Problem]] = {}
"""Every problem the product can answer, by code."""

Extra = str | int | bool | None | list[str] | list[dict[str, str]] | dict[str, object]


class Problem(Exception):
    """An anticipated failure: the caller may act on it, nobody is paged.

    Subclasses live beside the function that raises them. `code` is public and never changes;
    its Chinese sentence is `problem.<code>` in the domain's zh.toml, formatted with `extra`;
    `extra` are also members of the answered document. `retry_after_s` becomes Retry-After.
    """

    code: ClassVar[str]
    status: ClassVar[int] = 422
    retry_after_s: ClassVar[int | None] = None

    def __init_subclass__(cls) -> None:
        """Enter the code into the registry."""
        if cls.code in REGISTRY:
            message = f"duplicate problem code {cls.code!r}"
            raise TypeError(message)
        REGISTRY[cls.code] = cls

    def __init__(self, **extra: Extra) -> None:
        """Take the data a client needs besides the code."""
        super().__init__(self.code)
        self.extra = extra

    @property
    def title(self) -> str:
        """The Chinese sentence fit to show to a person."""
        return text(f"problem.{self.code}", **self.extra)

    def document(self) -> dict[str, Extra]:
        """The body of the answer."""
        return {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            **self.extra,
        }


class NotFound(Problem):
    """Nothing with this id exists, or it is not yours."""

    code = "not-found"
    status = 404


class SamePerson(Problem):
    """What one person proposed only another may decide."""

    code = "same-person"
    status = 409


class EditConflict(Problem):
    """Somebody saved this in the meantime; `your_version` and `current_version` tell how far apart.

    Where people edit forms, `current` is what the other one saved, as the list shows it.
    """

    code = "edit-conflict"
    status = 409


class Invalid(Problem):
    """The payload's shape or a value is wrong; `errors` names each field and what is wrong."""

    code = "invalid-request"
    status = 422


class Unavailable(Problem):
    """The database or another needed part cannot be reached right now."""

    code = "temporarily-unavailable"
    status = 503
    retry_after_s = 2


class TooManyRequests(Problem):
    """A limit per account, phone or address was reached."""

    code = "too-many-requests"
    status = 429
    retry_after_s = 10

    def __init__(self, *, retry_after_s: int = 10, **extra: Extra) -> None:
        """Say after how many seconds another try makes sense."""
        super().__init__(retry_after_s=retry_after_s, **extra)
