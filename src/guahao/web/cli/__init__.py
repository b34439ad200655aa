"""The command `guahao`: exit code 0 means done, 1 failed, 2 wrong usage or settings."""

from __future__ import annotations

import sys

import typer

from guahao.kernel.crypto import KeysUnusable
from guahao.kernel.postgres import DatabaseServerError
from guahao.web.cli import admin, backup, data, demo, keys, retention, run, sandbox
from guahao.web.cli.console import Refused, complain
from guahao.web.configuration import BadSettings
from guahao.web.refusal import is_unreachable

app = typer.Typer(
    name="guahao",
    help="Outpatient registration for a hospital or a city of hospitals.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (demo.demo, run.serve, run.worker, data.migrate, sandbox.sandbox):
    app.command()(command)
app.command(name="import")(data.import_)
app.command()(data.export)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(keys.reseal)
app.command()(retention.retention)
app.command(name="check-config")(run.check_config)
app.add_typer(admin.admin, name="admin")
app.add_typer(admin.audit, name="audit")


def main() -> None:
    """Run the command line; anticipated failures are one line on stderr."""
    try:
        app()
    except BadSettings as error:
        complain(*error.faults)
        sys.exit(2)
    except (Refused, DatabaseServerError, KeysUnusable) as error:
        complain(str(error))
        sys.exit(1)
    except Exception as error:
        if not is_unreachable(error):
            raise
        complain(f"the database cannot be reached ({type(error).__name__}); check GUAHAO_DATABASE_URL")
        sys.exit(1)
