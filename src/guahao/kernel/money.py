"""Money is integer fen; yuan exist only in files and on screens."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

MAX_FEN = 10_000_000_00
"""Ten million yuan: above this an amount is a typing error."""

_WRITTEN = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
"""Nothing else that `Decimal` reads: 5_0, ٥, and 1E+05, which is a longer number cut short."""


def yuan_text(amount_fen: int) -> str:
    """Show fen as yuan for a person: 5000 -> "¥50.00"."""
    sign = "-" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{sign}¥{yuan}.{fen:02d}"


def fen_of_yuan(yuan: str | float | Decimal) -> int:
    """Read yuan as written in a file into fen, exactly.

    Raises ValueError for anything that is not a non-negative amount with at most two decimals.
    """
    try:
        written = yuan.strip() if isinstance(yuan, str) else f"{Decimal(str(yuan)):f}"
        fen = Decimal(written) * 100
    except InvalidOperation:
        raise ValueError(yuan) from None
    if not _WRITTEN.fullmatch(written) or fen != fen.to_integral_value() or not 0 <= fen <= MAX_FEN:
        raise ValueError(yuan)
    return int(fen)
