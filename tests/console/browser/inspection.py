"""What must hold of every page in a real browser."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.console.hostile import MARK
from tests.console.stage import CANARY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

AXE = (Path(__file__).parents[2] / "data" / "axe" / "axe.min.js").read_text()
SERIOUS = {"serious", "critical"}

_UNLABELLED = """
() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim()
    || one.querySelector("img[alt]")))
  .map((one) => one.outerHTML)
"""
_MADE_OF_DATA = """
() => [...document.querySelectorAll("main script, main img, iframe, main object, main embed, base, "
  + "main style, main link, main meta, [onload], [onerror], [onfocus], main svg [onload]")]
  .filter((one) => one.closest("noscript") === null)
  .map((one) => one.outerHTML)
"""
_FOREIGN_LINKS = """
() => [...document.querySelectorAll("a[href], form[action], img[src]")]
  .map((one) => one.getAttribute("href") ?? one.getAttribute("action") ?? one.getAttribute("src"))
  .filter((one) => !one.startsWith("/") && !one.startsWith("#") || one.startsWith("//"))
"""
_WIDER_THAN_THE_SCREEN = """
() => document.documentElement.scrollWidth - document.documentElement.clientWidth
"""

_AT = """
(wanted) => document.activeElement.id === wanted
  || document.activeElement.textContent.trim().startsWith(wanted)
    && document.activeElement.matches("a, button")
"""


class Watch:
    """Notes whatever a page does that none may do."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.faults: list[str] = []
        self.is_error_expected = False
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", self._asked)
        page.on("request", self._requested)

    def _said(self, message: Any) -> None:
        # The browser says so of every answer from 400 on.
        if self.is_error_expected and message.text.startswith("Failed to load resource"):
            return
        self.faults.append(f"console {message.type}: {message.text}")

    def _asked(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _requested(self, request: Any) -> None:
        host = urlsplit(request.url).hostname or ""
        if not host.endswith(".localhost"):
            self.faults.append(f"request: {request.url}")


def inspect(page: Page, watch: Watch, *, with_axe: bool = True) -> None:
    """Assert that a page is as every page must be."""
    assert page.locator("h1").count() == 1
    assert page.evaluate(_UNLABELLED) == []
    assert page.evaluate(_MADE_OF_DATA) == []
    assert page.evaluate(_FOREIGN_LINKS) == []
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0, f"{page.url} scrolls sideways by {wide}"
    assert page.evaluate(f"window.{MARK}") is None
    assert CANARY not in page.content()
    if with_axe:
        page.evaluate(AXE)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        told = [
            {"id": one["id"], "nodes": [node["html"] for node in one["nodes"]][:3]}
            for one in found["violations"]
            if one["impact"] in SERIOUS
        ]
        assert told == [], json.dumps(told, indent=1)
    assert watch.faults == [], (page.url, watch.faults)


def tab_to(page: Page, wanted: str) -> None:
    """Go on with the Tab key to the control whose id, or the beginning of whose text, is that."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate(_AT, wanted):
            return
    raise AssertionError(f"the Tab key does not lead to {wanted!r} on {page.url}")


@contextmanager
def visit(browser: Any, console: Any, **options: Any) -> Iterator[tuple[Page, Watch]]:
    """Give a page of a browser of its own that came in by a link."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    try:
        page = context.new_page()
        watch = Watch(page)
        page.goto(console.another_link())
        yield page, watch
    finally:
        context.close()
