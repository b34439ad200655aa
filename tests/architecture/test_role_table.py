from __future__ import annotations

from pathlib import Path

from guahao.identity.policy.permission import PERMISSIONS_OF, Permission, Role

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "console.md"


def test_the_table_of_roles_says_what_the_code_allows() -> None:
    lines = [line.strip()[1:-1] for line in PAGE.read_text("utf-8").splitlines()]
    rows = {cells[0].strip("`"): cells for line in lines if len(cells := split(line)) == len(Role) + 2}
    roles = [Role(name.replace(" ", "_")) for name in rows["permission"][2:]]

    told = {
        name: {role for role, mark in zip(roles, cells[2:], strict=True) if mark == "✓"}
        for name, cells in rows.items()
        if name in set(Permission)
    }

    assert told == {
        permission.value: {role for role in Role if permission in PERMISSIONS_OF[role]}
        for permission in Permission
    }


def split(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]
