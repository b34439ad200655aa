"""The mini program in a phone-sized browser: its first list, its weight, what a tap adds to the API.

The first list is timed against a bare page: plain HTML and one script that asks for the same hospitals
and puts them into a list, served by the same server.
"""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from bench import newcomer, stage
from bench.report import at_most, figure

ROUNDS = 9
_BUILT = Path(__file__).parents[1] / "dist/clients"
_PHONE: ViewportSize = {"width": 390, "height": 844}
_BARE_PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>bare</title>
<script type="module" src="bare.js"></script></head><body><ul></ul></body></html>"""
_BARE_SCRIPT = """
const answer = await fetch('/api/v1/hospitals?limit=20')
for (const one of (await answer.json()).items) {
  const row = document.createElement('li')
  row.textContent = `${one.name} ${one.level} ${one.city} ${one.address}`
  document.querySelector('ul').append(row)
}"""
_WATCH = """words => {
  window.shownAt = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`not shown within 30 s: ${words}`)), 30_000)
    const look = () => {
      if (!document.body?.textContent.includes(words)) return
      watcher.disconnect()
      requestAnimationFrame(() => resolve(performance.now()))
    }
    const watcher = new MutationObserver(look)
    watcher.observe(document, { childList: true, subtree: true, characterData: true })
  })
}"""
_SENT = """performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
  .filter(one => !one.name.includes('/api/')).reduce((sum, one) => sum + one.encodedBodySize, 0)"""

_ASKED = """performance.getEntriesByType('resource').filter(one => one.name.includes('/api/'))
  .map(one => [one.startTime, one.responseEnd])"""


def measure(folder: Path) -> Iterator[str]:
    """Tell the first list against the bare page, the bundle's size, and what tapping adds."""
    clients = folder / "clients"
    shutil.copytree(_BUILT, clients)
    (clients / "m/bare.html").write_text(_BARE_PAGE, "utf-8")
    (clients / "m/bare.js").write_text(_BARE_SCRIPT, "utf-8")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with stage.demo(folder, clients) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        hospitals = httpx.get(f"{base}/api/v1/hospitals?limit=20").raise_for_status()
        first_hospital = str(hospitals.json()["items"][0]["name"])
        yield from _first_list(browser, base, first_hospital)
        yield from _weight(browser, base, first_hospital)
        yield from _tap(browser, base)
        browser.close()


def _shown_ms(browser: Browser, address: str, words: str, *, visits: int) -> float:
    """Milliseconds from the start of the navigation until these words are painted, on the last visit."""
    context = browser.new_context(viewport=_PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.add_init_script(f"({_WATCH})({json.dumps(words)})")
    taken = 0.0
    for _ in range(visits):
        page.goto("about:blank")
        page.goto(address)
        taken = page.evaluate("window.shownAt")
    context.close()
    return taken


def _first_list(browser: Browser, base: str, words: str) -> Iterator[str]:
    for visits, said in ((1, "first visit"), (3, "later visit")):
        pairs = [
            (
                _shown_ms(browser, f"{base}/m/bare.html", words, visits=visits),
                _shown_ms(browser, f"{base}/m/", words, visits=visits),
            )
            for _ in range(ROUNDS)
        ]
        bare, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        yield figure(f"bare page, {said}, until the list is painted", bare, "ms")
        yield figure(f"mini program, {said}, until the list is painted", ours, "ms")
        yield at_most(f"mini program / bare page, {said}", ours / bare, 1.5)


def _weight(browser: Browser, base: str, words: str) -> Iterator[str]:
    files = [path for path in (_BUILT / "m").rglob("*") if path.suffix in {".js", ".css", ".html"}]
    whole = sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) / 1024
    context = browser.new_context(viewport=_PHONE)
    page = context.new_page()
    page.goto(f"{base}/m/")
    page.get_by_text(words).first.wait_for()
    page.wait_for_load_state("networkidle")
    first: int = page.evaluate(_SENT)
    context.close()
    yield at_most("whole bundle, gzip, KiB", whole, 350)
    yield at_most("first screen as sent, KiB", first / 1024, 200)


def _tap(browser: Browser, base: str) -> Iterator[str]:
    """From the tap on 提交并支付 to the payment page, less what the API took to answer."""
    added = [_one_tap(browser, base, newcomer.register(base), slot) for slot in newcomer.places(base, ROUNDS)]
    yield at_most("tap to answer, above the API, ms (median)", statistics.median(added), 50)


def _one_tap(browser: Browser, base: str, token: str, slot: newcomer.Place) -> float:
    context = browser.new_context(viewport=_PHONE, has_touch=True, is_mobile=True)
    page: Page = context.new_page()
    newcomer.keep_login(page, token)
    page.goto(f"{base}/m/#/packages/booking/confirm/confirm?{slot.query}")
    button = page.get_by_role("button", name="提交并支付")
    button.wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate(
        """() => {
          document.addEventListener('touchstart', () => { window.tappedAt = performance.now() }, true)
          performance.clearResourceTimings()
        }"""
    )
    page.evaluate(f"({_WATCH})('还剩')")
    button.tap()
    shown: float = page.evaluate("window.shownAt")
    tapped: float = page.evaluate("window.tappedAt")
    asked: list[list[float]] = page.evaluate(_ASKED)
    context.close()
    if not asked:
        message = "the tap asked nothing of the API"
        raise RuntimeError(message)
    return shown - tapped - _covered(asked, tapped, shown)


def _covered(spans: list[list[float]], start: float, end: float) -> float:
    """How much of the time from `start` to `end` these spans cover; what runs at once counts once."""
    covered, reached = 0.0, start
    for begin, stop in sorted(spans):
        covered += max(0.0, min(stop, end) - max(begin, reached))
        reached = max(reached, min(stop, end))
    return covered
