"""A person's browser: every screen is pictured and checked for what nobody should meet."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route, sync_playwright

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
LARGE_TEXT = "175%"
AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
WECHAT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148 MicroMessenger/8.0.50(0x18003237) NetType/WIFI Language/zh_CN"
)


_AXE_OPTIONS = {
    "resultTypes": ["violations"],
    # Takes words that only stand beside each other for one word, as Chinese has no spaces between.
    "rules": {"label-content-name-mismatch": {"enabled": False}},
}

_CUT = """page => {
  const right = document.body.getBoundingClientRect().right, found = []
  const scrolls = e => { for (; e && e !== page; e = e.parentElement)
    if (/auto|scroll/.test(getComputedStyle(e).overflowX) || e.matches('[data-scrolls-x]')) return true
    return false }
  for (const e of page.querySelectorAll('*')) {
    const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent.trim()).join('')
    if (!text || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue
    const style = getComputedStyle(e), box = e.getBoundingClientRect()
    if (box.width < 2 || scrolls(e)) continue
    const clipped = style.overflowX === 'hidden' && e.scrollWidth > e.clientWidth + 1
    if (clipped || box.right > right + 1) found.push(text.slice(0, 40))
  }
  return found
}"""
"""Texts of a page that are clipped at their side or stand out of the screen."""


def program() -> str | None:
    """The machine's own Chromium; Playwright's is not downloaded."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


_SHIFT = """(() => {
  const Real = Date, by = %d
  Date = class extends Real {
    constructor(...given) { given.length ? super(...given) : super(Real.now() + by) }
    static now() { return Real.now() + by }
  }
})()"""
"""Moves what scripts of a page read of the clock by so many milliseconds, as the tests' own is moved."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium at its real clock, whatever library moves the clock of the tests."""
    path = program()
    if path is None:
        pytest.skip("no Chromium on this machine: `make test` installs it where it may, else apt install it")
    with ExitStack() as opened:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("LD_PRELOAD", raising=False)
            playwright = opened.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


class Screen:
    """One page in a browser profile of its own."""

    def __init__(
        self, browser: Browser, folder: Path, size: dict[str, int], agent: str | None = None
    ) -> None:
        is_phone = size == PHONE
        self.context = browser.new_context(
            viewport={"width": size["width"], "height": size["height"]},
            user_agent=agent,
            has_touch=is_phone,
            is_mobile=is_phone,
            locale="zh-CN",
        )
        if offset := int(os.environ.get("CLOCK_MOVED_S", "0")):
            self.context.add_init_script(_SHIFT % (offset * 1000))
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(40_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.complaints: list[str] = []
        self._folder = folder
        self._numbers = itertools.count(1)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def goto(self, address: str, *, status: int = 200) -> None:
        """Open an address; a refusal is expected to say so, and the browser notes it on the console."""
        answer = self.page.goto(address)
        assert answer is not None
        assert answer.status == status
        if status >= 400:
            self.complaints = [said for said in self.complaints if f"status of {status}" not in said]

    def intercept(self, pattern: str, answer: Callable[[Route], None]) -> None:
        """Answer what the open page asks for from now on.

        `Page.route` returns before the page's own process knows of it: a key pressed at once still asked the
        server, 5 times of 200. So the page asks for its own document until that is answered here.
        """
        own = self.page.url.partition("#")[0]
        self.page.route(pattern, answer)
        self.page.route(own, lambda route: route.fulfill(status=204))
        self.page.evaluate("async own => { while ((await fetch(own)).status !== 204); }", own)
        self.page.unroute(own)

    def press(self, name: str) -> None:
        """Press a button or follow a link, by finger where there is one, and wait for the page it leads to.

        The load state alone is no answer: it is still that of the page being left.
        """
        target = self.page.get_by_role("button", name=name, exact=True).or_(
            self.page.get_by_role("link", name=name, exact=True)
        )
        with self.page.expect_navigation():
            target.first.click()

    def press_by_keyboard(self, name: str) -> None:
        """Reach it by Tab alone, see where one is, and press Enter."""
        for _ in range(20):
            self.page.keyboard.press("Tab")
            focused = self.page.evaluate(
                "(e => [e.innerText, getComputedStyle(e).outlineStyle])(document.activeElement)"
            )
            if focused[0] == name:
                assert focused[1] != "none"
                with self.page.expect_navigation():
                    self.page.keyboard.press("Enter")
                return
        raise AssertionError(name)

    def shows(self, *words: str) -> None:
        """Wait for words on the page; it may reload itself meanwhile."""
        for word in words:
            self.page.get_by_text(word).first.wait_for()

    def look(self, name: str) -> None:
        """Picture the screen, also with large text; nothing may stick out, nothing may complain."""
        picture = self._folder / f"{next(self._numbers):02d}-{name}.png"
        self.page.screenshot(path=picture, full_page=True)
        assert self._sticks_out() == 0, name
        self.page.evaluate("size => { document.documentElement.style.fontSize = size }", LARGE_TEXT)
        self.page.screenshot(path=picture.with_suffix(".large.png"), full_page=True)
        sticks_out = self._sticks_out()
        self.page.evaluate("document.documentElement.style.fontSize = ''")
        assert sticks_out == 0, f"{name} in large text"
        assert self.complaints == []

    def cut(self, root: Locator) -> list[str]:
        """Texts in there that cannot be read to their end."""
        found: list[str] = root.evaluate(_CUT)
        return found

    def barriers(self) -> list[str]:
        """What axe-core calls serious or critical."""
        self.page.evaluate(f"() => {{ if (!window.axe) {{ {AXE.read_text('utf-8')} }} }}")
        found: dict[str, Any] = self.page.evaluate(f"axe.run(document, {json.dumps(_AXE_OPTIONS)})")
        return [
            f"{one['id']}: {json.dumps([node['html'] for node in one['nodes']][:3], ensure_ascii=False)}"
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
        ]

    def _sticks_out(self) -> int:
        found: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return max(found, 0)
