from __future__ import annotations

import pytest

from guahao.kernel.errors import REGISTRY
from guahao.kernel.i18n import catalogue
from tools import problems

problems.load()


def test_every_problem_is_locked_translated_and_explained() -> None:
    assert list(problems.complaints()) == []


@pytest.mark.parametrize("code", sorted(problems.current()))
def test_a_problem_has_a_docstring_and_a_text(code: str) -> None:
    assert REGISTRY[code].__doc__
    assert len(catalogue()[f"problem.{code}"]) > 5


@pytest.mark.parametrize("code", sorted(problems.current()))
def test_a_problem_that_may_pass_by_itself_says_when_to_come_back(code: str) -> None:
    if REGISTRY[code].status in {429, 503}:
        assert REGISTRY[code].retry_after_s is not None
