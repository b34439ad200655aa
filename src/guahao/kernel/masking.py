"""How personal values look when they are shown: enough to recognise, too little to use."""

from __future__ import annotations

from collections.abc import Callable

from guahao.kernel.i18n import text

_LONG_DOCUMENT = 15
_PHONE = 11


def shown(value: str | None, mask: Callable[[str], str] = str) -> str:
    """Show a value that `KeyRing.open_shown` opened, masked, or say that it cannot be read."""
    return text("sealed.unreadable") if value is None else mask(value)


def mask_phone(phone: str) -> str:
    """Show three digits and the last four: 13812348000 -> 138****8000."""
    if len(phone) < _PHONE:
        return "*" * len(phone)
    return f"{phone[:-8]}****{phone[-4:]}"


def mask_name(name: str) -> str:
    """Show the first character, and the last of three or more."""
    shown = name[:1] if len(name) < 3 else name[:1] + name[-1]
    if len(name) < 2:
        return "*"
    return f"{shown[0]}{'*' * (len(name) - len(shown))}{shown[1:]}"


def mask_document(number: str) -> str:
    """Show the ends of a document number: 110101199001011237 -> 110***********1237."""
    if len(number) >= _LONG_DOCUMENT:
        return f"{number[:3]}{'*' * (len(number) - 7)}{number[-4:]}"
    if len(number) <= 3:
        return "*" * len(number)
    return f"{number[:1]}{'*' * (len(number) - 3)}{number[-2:]}"
