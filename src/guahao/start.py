"""Starts a process of the product: the command `guahao`, or as `python -m guahao.start MODULE` a child of it.

Importing makes a great many objects that stay and no garbage. Looking for some meanwhile, and once more when
the process ends, takes as long as importing does.
"""

from __future__ import annotations

import gc
import importlib
import sys


def run(module: str) -> None:
    """Import a module, then call its `main`."""
    gc.disable()
    main = importlib.import_module(module).main
    gc.freeze()
    gc.enable()
    main()


def command() -> None:
    """Run the command line."""
    run("guahao.web.cli")


if __name__ == "__main__":
    run(sys.argv[1])
