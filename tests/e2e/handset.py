"""The mini program in a phone-sized browser: opened, tapped, filled in, looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Locator, expect

from tests.e2e.payer import Payer
from tests.e2e.screen import PHONE, Screen

LARGE = 1.75
"""WeChat's largest text, as a factor of its usual size."""


class Handset(Screen):
    """One visitor's phone, its storage empty at first."""

    def __init__(self, browser: Browser, folder: Path, base: str, *, font_scale: float = 1) -> None:
        super().__init__(browser, folder, PHONE)
        self._base = base
        self._scale = font_scale

    def open(self, route: str = "pages/home/home", **options: str) -> None:
        """Start the mini program at a page, as a link or a scanned code does."""
        scale = f"?font-scale={self._scale}" if self._scale != 1 else ""
        query = f"?{urlencode(options)}" if options else ""
        self.page.goto("about:blank")
        self.page.goto(f"{self._base}/m/{scale}#/{route}{query}")
        self.at(route)

    def open_scene(self, scene: str) -> None:
        """Start it by a scanned code."""
        self.page.goto("about:blank")
        self.page.goto(f"{self._base}/m/?{urlencode({'scene': scene})}")

    def at(self, route: str) -> None:
        """Wait until this page is the one on the screen."""
        self.page.locator(f'[data-route="{route}"]:visible').wait_for()

    @property
    def screen(self) -> Locator:
        """The page on the screen."""
        return self.page.locator("[data-route]:visible").last

    def part(self, name: str, *, whole: bool = True) -> Locator:
        """What can be tapped and is called so, or has this in its name, on the page or in a dialog above."""
        pattern = re.compile(rf"^\s*{re.escape(name)}\s*$" if whole else re.escape(name))
        found = None
        for role in ("button", "link", "tab", "radio", "checkbox", "switch", "option", "menuitem"):
            one = self.page.get_by_role(role, name=pattern)  # type: ignore[arg-type]  # each is an AriaRole
            found = one if found is None else found.or_(one)
        assert found is not None
        return found.filter(visible=True)

    def tap(self, name: str) -> None:
        """Tap what is called so."""
        self.part(name).last.tap()

    def fill(self, label: str, value: str) -> None:
        """Write into the field with this label."""
        self.page.get_by_label(label, exact=True).filter(visible=True).last.fill(value)

    def expect_complaint(self, pattern: str) -> None:
        """Take back what the browser says on its console of an answer that was expected to refuse."""
        self.complaints = [said for said in self.complaints if not re.search(pattern, said)]

    def says(self, *words: str | re.Pattern[str]) -> None:
        """Wait for words on the screen."""
        for word in words:
            expect(self.page.get_by_text(word).filter(visible=True).first).to_be_visible(timeout=40_000)

    def agree_to_privacy(self) -> None:
        """Be somebody who agreed at an earlier start."""
        self.remember({"$privacy": "agreed"})

    def carry(self, payer: Payer) -> None:
        """Be this payer's phone: logged in and agreed at an earlier start."""
        self.remember({"$privacy": "agreed", "login-token": payer.token, "login-kind": "password"})

    def remember(self, values: dict[str, str]) -> None:
        """Have these values in the phone's storage from an earlier start."""
        kept = {f"mp:{name}": json.dumps({"data": value}) for name, value in values.items()}
        self.context.add_init_script(
            f"for (const [name, value] of Object.entries({json.dumps(kept)}))"
            " if (location.protocol !== 'about:') localStorage.setItem(name, value)"
        )

    def enter(self, name: str, *, exact: bool = False) -> None:
        """Reach by Tab what is called so, see where one is, and press Enter."""
        for _ in range(80):
            self.page.keyboard.press("Tab")
            focused = self.page.locator(":focus")
            called = focused.evaluate("e => (e.getAttribute('aria-label') || e.innerText).trim()")
            if called == name if exact else name.strip() in called:
                assert focused.evaluate("e => getComputedStyle(e).outlineStyle") != "none", name
                self.page.keyboard.press("Enter")
                return
        raise AssertionError(name)

    def look(self, name: str) -> None:
        """Picture the whole page; nothing may be cut, nothing may complain, nothing may shut anybody out."""
        found = self.faults(name)
        assert found == {}, f"{name}: {json.dumps(found, ensure_ascii=False, indent=1)}"

    def picture(self, name: str) -> None:
        """Picture the whole page, to be looked at."""
        with self._unrolled():
            self.page.screenshot(path=self._folder / f"{next(self._numbers):02d}-{name}.png")

    def faults(self, name: str) -> dict[str, list[str]]:
        """Picture the whole page; what is wrong with it, by kind."""
        self.picture(name)
        found = {"cut": self.cut(self.screen), "barriers": self.barriers(), "complaints": self.complaints}
        self.complaints = []
        return {kind: values for kind, values in found.items() if values}

    @contextmanager
    def _unrolled(self) -> Iterator[None]:
        """The window as high as what the page holds."""
        beyond: int = self.screen.evaluate("page => page.scrollHeight - page.clientHeight")
        if beyond > 0:
            self.page.set_viewport_size({**PHONE, "height": PHONE["height"] + beyond})  # type: ignore[typeddict-item]
        yield
        if beyond > 0:
            self.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
