"""Plants a bug into a `guahao` process: Python imports this file at start when its folder is on PYTHONPATH.

Each mutant replaces one piece of one module's source as the module is imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from types import ModuleType

MUTANTS = {
    # Places are sold without looking at the counters; whoever runs it drops the CHECKs as well.
    "oversell": (
        "guahao.scheduling.service.places",
        "Slot.id == delta.c.d_slot_id, *enough)",
        "Slot.id == delta.c.d_slot_id)",
    ),
    # A key that was used is taken for new, so that a lost answer is never found again.
    "forget-keys": (
        "guahao.kernel.idempotency",
        "    mine = await",
        "    request = replace(request, key=request.key + str(new_id()))\n    mine = await",
    ),
    # A place that is given back stays away.
    "leak-places": (
        "guahao.scheduling.service.giving_back",
        "    target = Bucket.FREE\n",
        "    target = Bucket.FROZEN\n",
    ),
    # The answer leaves although nothing was committed, now and then.
    "answer-without-commit": (
        "guahao.kernel.http",
        "        yield db\n",
        "        yield db\n        if __import__('random').random() < 0.02:\n            await db.rollback()\n",
    ),
}


class _Planter(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Finds one module, and loads it changed."""

    def __init__(self, module: str, old: str, new: str) -> None:
        self._change = (module, old, new)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._change[0]:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        assert spec.origin is not None
        importlib.machinery.SourceFileLoader.__init__(self, fullname, spec.origin)
        spec.loader = self
        return spec

    def get_code(self, fullname: str) -> object:
        _, old, new = self._change
        source = self.get_data(self.path).decode()
        if source.count(old) != 1:
            os.write(2, f"the mutant does not fit {fullname}\n".encode())
            os._exit(70)
        return compile(source.replace(old, new), self.path, "exec")


if "TORTURE_MUTANT" in os.environ:
    sys.meta_path.insert(0, _Planter(*MUTANTS[os.environ["TORTURE_MUTANT"]]))
