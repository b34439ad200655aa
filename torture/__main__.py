"""`make torture`: one run, its facts, and exit code 1 if anything is wrong."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from torture.run import Verdict, run

_SHOWN = 10


def main() -> int:
    """Read the options, run, print the facts."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=40, help="how long faults go on (default 40)")
    parser.add_argument("--seed", type=int, default=None, help="seed of all choices; random when not given")
    parser.add_argument("--workers", type=int, default=2, help="server processes (default 2)")
    options = parser.parse_args()
    seed_number = secrets.randbits(32) if options.seed is None else options.seed
    print(f"seed {seed_number}, {options.workers} server processes, faults for {options.seconds:.0f} s")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guahao-torture-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        verdict = asyncio.run(
            run(folder, seconds=options.seconds, seed_number=seed_number, workers=options.workers)
        )
    report(verdict)
    outcome = "nothing lost, nothing sold twice" if verdict.is_good else "BAD"
    print(f"{time.monotonic() - began:.0f} s: {outcome}")
    return 0 if verdict.is_good else 1


def report(verdict: Verdict) -> None:
    """Print what happened and what is wrong."""
    for name, count in (*verdict.counts.items(), *sorted(verdict.history.faults.items())):
        print(f"  {name:<28}{count:>8}")
    for rule, faults in verdict.violations.items():
        print(f"VIOLATED {rule}: {len(faults)}")
        for fault in faults[:_SHOWN]:
            print(f"    {fault}")
    for name in verdict.unmet:
        print(f"NOT SEEN: {name}; the run proves too little")


if __name__ == "__main__":
    sys.exit(main())
