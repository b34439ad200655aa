"""One chain of migrations, and the SQL that each would run linted with squawk."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

EXCLUDED = (
    "prefer-robust-stmts",  # a migration runs in one transaction: all of it or nothing
    "prefer-bigint-over-int",  # 32 bits are enough for counts and hospital numbers; UUIDs name rows
    "prefer-bigint-over-smallint",  # the same
    "require-concurrent-index-creation",  # impossible in a transaction; reads go on
    "require-concurrent-index-deletion",  # the same; dropping takes no time once the lock is there
    "prefer-text-field",  # a closed set is VARCHAR(40) guarded by a named CHECK
)

_BEFORE = "BEGIN;\nSET LOCAL lock_timeout = '5s';\nSET LOCAL statement_timeout = '60s';"
"""What guahao.web.migrate does before the first statement."""


def sql_of(revision: Script) -> str:
    """The statements of one migration, without running them."""
    buffer = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer}
    )
    with Operations.context(context):
        revision.module.upgrade()
    return f"{_BEFORE}\n{buffer.getvalue()}\nCOMMIT;\n"


def main() -> int:
    """Write every migration's SQL into a folder and let squawk read it."""
    config = Config()
    config.set_main_option("script_location", str(files("guahao.web") / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    if len(heads := scripts.get_heads()) != 1:
        print(f"migrations: several follow the same one: {', '.join(heads)}")
        return 1
    revisions = list(scripts.walk_revisions())
    with tempfile.TemporaryDirectory() as folder:
        for revision in revisions:
            Path(folder, f"{revision.revision}.sql").write_text(sql_of(revision), "utf-8")
        squawk = shutil.which("squawk") or "squawk"
        paths = sorted(str(path) for path in Path(folder).glob("*.sql"))
        done = subprocess.run(
            [squawk, "--exclude", ",".join(EXCLUDED), "--pg-version", "15.0", *paths], check=False
        )
    print(f"migrations: {len(revisions)} revisions")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
