"""Commands for whoever runs an installation: staff accounts, the audit trail."""

from __future__ import annotations

import typer

admin = typer.Typer(help="Accounts of staff.", no_args_is_help=True)
audit = typer.Typer(help="The audit trail.", no_args_is_help=True)
