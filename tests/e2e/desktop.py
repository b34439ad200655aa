"""The console in a desktop browser: signed in, filled in, pressed, looked at in both sizes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Browser, Locator, expect

from tests.e2e.screen import DESK, Screen

SMALL_DESK = {"width": 1024, "height": 768}
DEMO_PASSWORD = "guahao-demo-2026"  # printed by the demo for everybody


class Desktop(Screen):
    """One member of staff's browser, its storage empty at first."""

    def __init__(self, browser: Browser, folder: Path, base: str, *, agent: str | None = None) -> None:
        super().__init__(browser, folder, DESK, agent)
        self.page.set_default_timeout(20_000)
        self.base = base

    def open(self, path: str) -> None:
        """Open a page of the console by its address."""
        self.page.goto(f"{self.base}/console{path}")

    def at(self, title: str) -> None:
        """Wait until the page with this heading is the one on the screen."""
        self.page.get_by_role("heading", name=title, exact=True, level=1).wait_for()

    def sign_in(self, username: str, password: str = DEMO_PASSWORD) -> None:
        """Log in through the first page and wait for the menu."""
        self.open("/login")
        self.fill("用户名", username)
        self.fill("密码", password)
        self.press("登录")
        self.page.get_by_role("navigation").first.wait_for()

    def field(self, label: str) -> Locator:
        """The field with this label; lists are found by name, their labels hold the options too."""
        labelled = self.page.get_by_label(label, exact=True)
        chosen = self.page.get_by_role("combobox", name=label, exact=True)
        return labelled.or_(chosen).filter(visible=True).last

    def fill(self, label: str, value: str) -> None:
        """Write into the field with this label."""
        self.field(label).fill(value)

    def choose(self, label: str, option: str) -> None:
        """Open the list with this label and choose what is called so."""
        field = self.field(label)
        if field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(label=option)
            return
        field.click()
        self.page.get_by_role("option", name=option, exact=True).or_(
            self.page.locator("li", has_text=re.compile(rf"^\s*{re.escape(option)}\s*$"))
        ).filter(visible=True).first.click()

    def part(self, name: str, *, whole: bool = True) -> Locator:
        """What can be pressed and is called so, or has this in its name."""
        pattern = re.compile(rf"^\s*{re.escape(name)}\s*$" if whole else re.escape(name))
        found = None
        for role in ("button", "link", "tab", "radio", "checkbox", "switch", "menuitem", "row"):
            one = self.page.get_by_role(role, name=pattern)  # type: ignore[arg-type]  # each is an AriaRole
            found = one if found is None else found.or_(one)
        assert found is not None
        return found.filter(visible=True)

    def press(self, name: str) -> None:
        """Press what is called so, on the page or in the dialog above it."""
        self.part(name).last.click()

    def says(self, *words: str | re.Pattern[str]) -> None:
        """Wait for words on the screen."""
        for word in words:
            expect(self.page.get_by_text(word).filter(visible=True).first).to_be_visible(timeout=20_000)

    def expect_complaint(self, pattern: str) -> None:
        """Take back what the browser says on its console of an answer that was expected to refuse."""
        self.complaints = [said for said in self.complaints if not re.search(pattern, said)]

    def look(self, name: str) -> None:
        """Picture the page in both sizes; nothing may be cut, complain, or shut anybody out."""
        number = next(self._numbers)
        found: dict[str, object] = {}
        for size in (SMALL_DESK, DESK):
            self.page.set_viewport_size({"width": size["width"], "height": size["height"]})
            self.page.screenshot(path=self._folder / f"{number:02d}-{name}-{size['width']}.png")
            if sticks_out := self._sticks_out():
                found[f"sticks out at {size['width']}"] = sticks_out
        found |= {"barriers": self.barriers(), "complaints": self.complaints}
        self.complaints = []
        found = {kind: value for kind, value in found.items() if value}
        assert found == {}, f"{name}: {json.dumps(found, ensure_ascii=False, indent=1)}"
