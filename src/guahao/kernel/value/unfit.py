"""Why a value cannot be taken, in words fit to show."""

from __future__ import annotations

from guahao.kernel.i18n import text


class Unfit(ValueError):
    """A value that its normal form refuses; `reason` is a text of section `value`, filled from `values`."""

    def __init__(self, reason: str, **values: object) -> None:
        """Take the reason and what its sentence names."""
        super().__init__(reason)
        self.reason = reason
        self.values = values

    @property
    def sentence(self) -> str:
        """What is wrong and what to do, in Chinese."""
        return text(f"value.{self.reason}", **self.values)
