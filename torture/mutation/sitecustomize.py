"""Plants a bug into a `guahao` process: Python imports this file at start when its folder is on PYTHONPATH.

Each mutant replaces one piece of one module's source as the module is imported; no file is changed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

MUTANTS = {
    # Places are sold without looking at the counters; whoever runs it drops the CHECKs as well.
    "oversell": (
        "guahao.scheduling.service.places",
        ">= 0 for bucket in Bucket]",
        "> -100 for bucket in Bucket]",
    ),
    # A place that is given back stays away.
    "leak-places": (
        "guahao.scheduling.service.giving_back",
        "    target = Bucket.FREE\n",
        "    target = Bucket.FROZEN\n",
    ),
    # Who cancels gets a fen less than was paid.
    "keep-a-fen": (
        "guahao.payment.service.refund",
        "amount_fen=left_fen, reason=reason",
        "amount_fen=left_fen - 1, reason=reason",
    ),
}


class _Changed(SourceFileLoader):
    """Loads a module with one piece of its source replaced, past the bytecode cache."""

    def __init__(self, module: str, path: str, change: tuple[str, str]) -> None:
        super().__init__(module, path)
        self._change = change

    def get_code(self, fullname: str) -> CodeType:
        old, new = self._change
        source = self.get_data(self.path).decode()
        if source.count(old) != 1:
            os.write(2, f"the mutant does not fit {fullname}\n".encode())
            os._exit(70)
        source = source.replace(old, new).replace(
            "import annotations\n", "import annotations\nimport os\n", 1
        )
        code: CodeType = compile(source, self.path, "exec")
        return code


class _Planter(MetaPathFinder):
    """Finds one module and has it loaded changed."""

    def __init__(self, module: str, *change: str) -> None:
        self._module = module
        self._change = (change[0], change[1])

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path, target) if fullname == self._module else None
        if found is not None and found.origin is not None:
            found.loader = _Changed(fullname, found.origin, self._change)
        return found


if "TORTURE_MUTANT" in os.environ:
    sys.meta_path.insert(0, _Planter(*MUTANTS[os.environ["TORTURE_MUTANT"]]))
