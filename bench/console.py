"""The console in a desktop browser: what its first page costs to load, and how smoothly a month is drawn."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from bench import stage
from bench.report import at_most, figure, line

_CLIENTS = Path(__file__).parents[1] / "dist/clients"
_DESK: ViewportSize = {"width": 1440, "height": 900}
_SMOOTH_MS = 200
"""A task so long is felt as a stutter; each one above 50 ms is counted."""

_SENT = """performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
  .filter(one => !one.name.includes('/api/')).reduce((sum, one) => sum + one.encodedBodySize, 0)"""
_COUNT_TASKS = """
window.longTasks = []
new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(one => one.duration)))
  .observe({ type: 'longtask', buffered: true })
"""


def measure(folder: Path) -> Iterator[str]:
    """Tell the first load and the long tasks of a month of all doctors."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with stage.demo(folder, _CLIENTS) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        yield from _first_load(browser, base)
        yield from _month(browser, base)
        browser.close()


def _first_load(browser: Browser, base: str) -> Iterator[str]:
    page = browser.new_context(viewport=_DESK, locale="zh-CN").new_page()
    page.goto(f"{base}/console/")
    page.get_by_label("用户名").first.wait_for()
    page.wait_for_load_state("networkidle")
    sent: int = page.evaluate(_SENT)
    page.context.close()
    yield at_most("first page of the console as sent, KiB", sent / 1024, 400)


def _month(browser: Browser, base: str) -> Iterator[str]:
    page = browser.new_context(viewport=_DESK, locale="zh-CN").new_page()
    page.add_init_script(_COUNT_TASKS)
    _sign_in(page, base)
    page.goto(f"{base}/console/schedule?view=month")
    page.get_by_role("grid").or_(page.get_by_role("table")).first.wait_for()
    page.wait_for_load_state("networkidle")
    tasks: list[float] = page.evaluate("window.longTasks")
    yield line("doctors in the month", page.get_by_role("row").count() - 1)
    yield figure("tasks above 50 ms while a month is opened", len(tasks), "")
    yield at_most("longest task while a month is opened, ms", max(tasks, default=0), _SMOOTH_MS)
    page.evaluate("window.longTasks.length = 0")
    for _ in range(20):
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(50)
    tasks = page.evaluate("window.longTasks")
    yield at_most("longest task while it is scrolled, ms", max(tasks, default=0), 50)
    page.context.close()


def _sign_in(page: Page, base: str) -> None:
    page.goto(f"{base}/console/login")
    page.get_by_label("用户名").fill("demo_hospital_admin")
    page.get_by_label("密码", exact=True).fill("guahao-demo-2026")
    page.get_by_role("button", name="登录", exact=True).click()
    page.get_by_role("navigation").first.wait_for()
