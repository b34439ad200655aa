from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = sorted((ROOT / "src" / "guahao").rglob("*.py"))
CHINESE = re.compile(r"[\u3400-\u9fff]")
READS_CHINESE = {
    "src/guahao/adapters/wechat_pay/message.py",  # whose account a refund went to, in the provider's words
    "src/guahao/catalog/policy/pinyin.py",  # names that the dictionary of readings lacks
    "src/guahao/kernel/value/hours.py",  # 8点30分, as people type times
    "src/guahao/web/workbook/cell.py",  # units and extensions as people type them
}
DOCUMENTED = {"service", "queries", "events", "ports", "jobs", "policy", "api_patient", "api_staff", "access"}
FOREIGN = re.compile(r"(^|[^a-z])/(?:root|home)/|regi" r"stry\.np" r"m|pyth" r"onhosted|py" r"pi\.org")  # noqa: ISC001  # unlike itself


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def docstrings(tree: ast.Module) -> set[ast.Constant]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(first.value)
    return found


def domain_part(path: Path) -> str:
    parts = path.relative_to(ROOT / "src" / "guahao").with_suffix("").parts
    return parts[1] if len(parts) > 1 else ""


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    silent = [
        name_of(path)
        for path in SOURCE
        if not (ast.get_docstring(tree_of(path)) or "").split("\n")[0].endswith((".", "?"))
    ]

    assert silent == []


def test_chinese_for_people_is_in_the_catalogues_not_in_the_code() -> None:
    inline = []
    for path in (path for path in SOURCE if name_of(path) not in READS_CHINESE):
        tree = tree_of(path)
        spared = docstrings(tree)
        inline += [
            f"{name_of(path)}:{node.lineno} {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node not in spared
            if isinstance(node.value, str) and CHINESE.search(node.value)
        ]

    assert inline == []


def test_what_a_domain_shows_to_others_is_documented() -> None:
    silent = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in SOURCE
        if domain_part(path) in DOCUMENTED
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]

    assert silent == []


def test_no_file_names_one_machine_or_a_package_registry() -> None:
    kept = ["src", "tests", "tools", "scripts", "docs", "bench", "torture", ".ci"]
    texts = [
        path
        for folder in kept
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".sh", ".toml"}
    ]
    texts += [*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / "requirements.lock"]

    named = [name_of(path) for path in texts if FOREIGN.search(path.read_text("utf-8"))]

    assert named == []
