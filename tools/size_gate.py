"""Fail when a file or a function outgrows its limit, imports inside a function, or leaves work undone."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOTS = ("src", "tests", "tools", "scripts", "bench", "torture")
FILE_LINES = 400
TEST_FILE_LINES = 600
FUNCTION_LINES = 40
UNDONE = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b")
REASONED = re.compile(r"# noqa: PLC0415 +# \S")


def python_files() -> list[Path]:
    """Every Python file of ours."""
    return sorted(path for root in ROOTS for path in Path(root).rglob("*.py"))


def complaints(path: Path) -> Iterator[str]:
    """Say what in this file breaks a limit."""
    text = path.read_text("utf-8")
    lines = text.splitlines()
    limit = TEST_FILE_LINES if path.parts[0] == "tests" else FILE_LINES
    if len(lines) > limit:
        yield f"{path}: {len(lines)} lines, at most {limit}"
    for number, line in enumerate(lines, 1):
        if UNDONE.search(line):
            yield f"{path}:{number}: work left undone belongs in an issue"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _about_function(path, node, lines)


def _about_function(
    path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]
) -> Iterator[str]:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if length > FUNCTION_LINES and "migrations" not in path.parts:
        yield f"{path}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_LINES}"
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import | ast.ImportFrom) and not REASONED.search(lines[inner.lineno - 1]):
            yield f"{path}:{inner.lineno}: import inside {node.name} needs `# noqa: PLC0415  # reason`"


def main() -> int:
    """Print every complaint; 1 when there is any."""
    files = python_files()
    found = [complaint for path in files for complaint in complaints(path)]
    for complaint in found:
        print(complaint)
    print(f"size gate: {len(files)} files, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
