"""Keep openapi.json equal to the routes: --write it, or fail when it differs."""

from __future__ import annotations

import difflib
import json
import sys
import tempfile
from pathlib import Path

from pydantic import SecretStr

from guahao.kernel.settings import Environment, Settings
from guahao.web.app import create_app
from guahao.web.openapi import describe

COMMITTED = Path(__file__).parents[1] / "openapi.json"


def current() -> str:
    """The contract of the demo, which has every route; no database is asked."""
    with tempfile.TemporaryDirectory() as folder:
        nowhere = SecretStr("postgresql://nobody@127.0.0.1:1/none")
        app = create_app(Settings(environment=Environment.DEMO, database_url=nowhere, data_dir=Path(folder)))
        return json.dumps(describe(app), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> int:
    """Compare, or write when asked to with --write."""
    now = current()
    if "--write" in sys.argv[1:]:
        COMMITTED.write_text(now, "utf-8")
        return 0
    before = COMMITTED.read_text("utf-8") if COMMITTED.exists() else ""
    difference = difflib.unified_diff(
        before.splitlines(), now.splitlines(), "openapi.json", "the routes", lineterm="", n=1
    )
    lines = list(difference)
    print("\n".join(lines[:40]))
    print(f"openapi: {len(lines)} lines differ" + (", run make openapi" if lines else ""))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
