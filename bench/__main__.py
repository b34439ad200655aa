"""`make bench`: every measurement, its baseline and the ratio, in one run; name some to run only those."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path

from bench import availability, booking, closing, console, mini_program, money, staff_lists

MEASUREMENTS = {
    "booking": ("Booking, spread over 1,000 slots", booking.against_raw),
    "history": ("Booking with a long history", booking.with_history),
    "payment": ("One notification, one prepayment", money.one_by_one),
    "notifications": ("Notifications with duplicates", money.against_raw),
    "availability": ("Sessions and slots of a doctor", availability.measure),
    "closing": ("Closing a hospital", closing.measure),
    "staff-lists": ("Lists of the console", staff_lists.measure),
    "console": ("The console in a browser", console.measure),
    "mini-program": ("The mini program in a browser", mini_program.measure),
}


def main() -> None:
    """Print the table."""
    asked = sys.argv[1:] or list(MEASUREMENTS)
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}, load from the same machine")
    for name in asked:
        title, measure = MEASUREMENTS[name]
        print(title, flush=True)
        with tempfile.TemporaryDirectory(prefix="guahao-bench-") as made:
            folder = Path(made)
            folder.chmod(0o755)  # as root the database runs under an account of its own
            for told in measure(folder):
                print(told, flush=True)


if __name__ == "__main__":
    main()
