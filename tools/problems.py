"""Keep problems.lock: codes are public and for ever; each has a Chinese text and a page in docs/problems."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import guahao
from guahao.kernel.errors import REGISTRY
from guahao.kernel.i18n import catalogue

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "problems.lock"
PAGES = ROOT / "docs" / "problems"
PARTS = ("What happened", "What the client should do", "May it retry")


def load() -> None:
    """Import every module of the product, so that every Problem has registered itself."""
    for module in pkgutil.walk_packages(guahao.__path__, "guahao."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)


def current() -> dict[str, int]:
    """Code -> HTTP status of every problem of the product."""
    product = {code: kind for code, kind in REGISTRY.items() if kind.__module__.startswith("guahao.")}
    return {code: product[code].status for code in sorted(product)}


def locked() -> dict[str, int]:
    """Code -> HTTP status as last published."""
    lines = LOCK.read_text("utf-8").splitlines() if LOCK.exists() else []
    return {code: int(status) for code, status in (line.split() for line in lines)}


def complaints() -> Iterator[str]:
    """Say what is missing, gone or changed."""
    now, before = current(), locked()
    for code in sorted(before.keys() - now.keys()):
        yield f"{code}: published codes never disappear"
    for code, status in now.items():
        if before.get(code) != status:
            yield f"{code}: {status} here, {before.get(code)} in problems.lock (tools/problems.py --write)"
        if f"problem.{code}" not in catalogue():
            yield f"{code}: no text problem.{code} in a zh.toml"
        yield from _about_page(code)
    for page in sorted(PAGES.glob("*.md")):
        if page.stem not in now:
            yield f"{page.name}: describes a code that does not exist"


def _about_page(code: str) -> Iterator[str]:
    page = PAGES / f"{code}.md"
    text = page.read_text("utf-8") if page.exists() else ""
    for part in PARTS:
        if part not in text:
            yield f"{code}: docs/problems/{code}.md lacks '{part}'"


def main() -> int:
    """Check, or write the lock when asked to with --write."""
    load()
    if "--write" in sys.argv[1:]:
        lines = [f"{code} {status}\n" for code, status in current().items()]
        LOCK.write_text("".join(lines), "utf-8")
        return 0
    found = list(complaints())
    for complaint in found:
        print(complaint)
    print(f"problems: {len(current())} codes, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
