"""The processes of a run: a database, servers and a worker, each of which may be killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench import stage
from guahao.kernel.postgres import EmbeddedPostgres
from guahao.web import migrate

MUTANT = "TORTURE_MUTANT"
_MUTATION = Path(__file__).parent / "mutation"
_CHILD_KILLS_PER_LIFE = 3
"""The supervisor gives a child up that keeps dying; that is right, but not what is tested here."""


class Program:
    """A `guahao` command with its child processes."""

    def __init__(self, *arguments: str, environment: dict[str, str], log: Path) -> None:
        """Name the command; nothing runs yet."""
        self._command = [str(Path(sys.executable).with_name("guahao")), *arguments]
        self._environment = environment
        self._log = log
        self._child_kills = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        self._child_kills = 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def children(self) -> list[int]:
        """Process ids of the children."""
        if self.process is None:
            return []
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with suppress(OSError):
            return [int(pid) for pid in listed.read_text().split()]
        return []

    def kill_child(self, pick: float) -> bool:
        """Kill one child at once, chosen by `pick` in [0, 1); its supervisor starts it again."""
        children = self.children()
        if not children or self._child_kills >= _CHILD_KILLS_PER_LIFE:
            return False
        self._child_kills += 1
        _signal(children[int(pick * len(children))], signal.SIGKILL)
        return True

    def signal_children(self, number: signal.Signals) -> None:
        """Send all children a signal."""
        for pid in self.children():
            _signal(pid, number)

    def kill(self) -> None:
        """Kill it with all its children at once."""
        if self.process is None:
            return
        children = self.children()
        self.process.kill()
        for pid in children:
            _signal(pid, signal.SIGKILL)
        self.process.wait(30)

    def end(self) -> None:
        """Ask it to end, and wait."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


class Stage:
    """Everything a run needs, in one folder; `mutant` plants a known bug into servers and worker."""

    def __init__(self, folder: Path, *, workers: int, mutant: str | None = None) -> None:
        """Lay out the folder; nothing runs yet."""
        self.folder = folder
        self.port = stage.free_port()
        self.postgres = EmbeddedPostgres(folder / "pg")
        environment = stage.environment(self.postgres.dsn, folder, self.port)
        environment["GUAHAO_PUBLIC_URL"] = f"http://127.0.0.1:{self.port}"
        if mutant is not None:
            environment |= {MUTANT: mutant, "PYTHONPATH": str(_MUTATION)}
        log = folder / "server.log"
        self.server = Program("serve", "--workers", str(workers), environment=environment, log=log)
        self.worker = Program("worker", environment=environment, log=folder / "worker.log")

    @property
    def dsn(self) -> str:
        """Address of the database."""
        return self.postgres.dsn

    def prepare(self) -> None:
        """Start the database and bring it to the newest revision."""
        self.postgres.start()
        migrate.upgrade(self.dsn)

    def start(self) -> None:
        """Start servers and worker and wait for the first answer."""
        self.heal()
        assert self.server.process is not None
        stage.await_answer(self.port, self.server.process)

    def heal(self) -> None:
        """Start again whatever does not run."""
        self.postgres.start()
        self.server.start()
        self.worker.start()

    def answers(self) -> bool:
        """Whether a server process answers and has its database."""
        with suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2):
            return True
        return False

    def crash_database(self) -> bool:
        """Kill the postmaster at once; its backends follow as they notice."""
        pid = self.postgres.postmaster_pid()
        if pid is None:
            return False
        _signal(pid, signal.SIGKILL)
        return True

    def end(self) -> None:
        """End servers and worker; the database stays for the examination."""
        self.server.end()
        self.worker.end()
