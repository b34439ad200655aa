"""Say what a run of mutmut in the current folder found: the score of each module and every survivor."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

MUTMUT = Path(sys.executable).with_name("mutmut")
NOTICED = {"killed", "timeout"}
"""A mutant that never ends is noticed too."""


def mutmut(*arguments: str) -> str:
    """Ask mutmut something about its last run."""
    return subprocess.run([MUTMUT, *arguments], check=True, capture_output=True, text=True).stdout


def outcomes(asked: Sequence[str]) -> dict[str, str]:
    """Mutant -> what became of it, for all whose name is like one of `asked`."""
    lines = (line.strip().rpartition(": ") for line in mutmut("results", "--all", "True").splitlines())
    return {name: found for name, _, found in lines if any(fnmatchcase(name, wish) for wish in asked)}


def scores(found: dict[str, str]) -> dict[str, tuple[int, int]]:
    """Module -> how many of its mutants the tests noticed, and how many it has."""
    total = Counter(name.rpartition(".")[0] for name in found)
    noticed = Counter(name.rpartition(".")[0] for name, became in found.items() if became in NOTICED)
    return {module: (noticed[module], total[module]) for module in sorted(total)}


def change(mutant: str) -> str:
    """The lines that differ."""
    lines = mutmut("show", mutant).splitlines()
    return "\n".join(
        f"    {line}" for line in lines if line[:1] in {"+", "-"} and line[:3] not in {"+++", "---"}
    )


def percent(noticed: int, total: int) -> float:
    """The score; nothing to notice is no score."""
    return 100 * noticed / total if total else 0.0


def main() -> int:
    """Print scores and survivors; 1 when a module is under the least score."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--least", type=float, required=True, help="the least score of a module, in percent")
    options.add_argument("asked", nargs="+", help="names of mutants, * stands for anything")
    chosen = options.parse_args()
    found = outcomes(chosen.asked)
    for name, became in found.items():
        if became not in NOTICED:
            print(f"{became}: {name}")
        if became == "survived":
            print(change(name))
    counts = scores(found)
    whole = sum(noticed for noticed, _ in counts.values()), len(found)
    for module, (noticed, total) in {**counts, "all": whole}.items():
        print(f"{percent(noticed, total):6.1f} %  {noticed:4d} of {total:4d}  {module}")
    poor = [module for module, count in counts.items() if percent(*count) < chosen.least]
    if poor or not found:
        print(f"mutation: under {chosen.least:g} %: {', '.join(poor) or 'nothing was tried'}")
    return 1 if poor or not found else 0


if __name__ == "__main__":
    sys.exit(main())
