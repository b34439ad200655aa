"""`make bench`: every measurement, its baseline and the ratio, in one run."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path

from bench import booking


def main() -> None:
    """Print the table."""
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}, load from the same machine")
    for title, measure in (("Booking, spread over 1,000 slots", booking.measure),):
        print(title)
        with tempfile.TemporaryDirectory(prefix="guahao-bench-") as folder:
            for line in measure(Path(folder)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
