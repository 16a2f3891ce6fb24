"""The pictures of docs/console.md, taken of a real daemon and console: `make screenshots`.

What they show is the same whenever they are taken: times, ids, hosts and addresses are those of
`fixed_past`. Each is taken light and dark.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import sync_playwright

from tests.console import fixed_past
from tests.console.stage import ConsoleProcess, Stage, troubled
from webhookd import clock
from webhookd.config import loading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

FOLDER: Final = Path(__file__).parents[2] / "docs" / "console"
SIZE: Final = {"width": 1440, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
LARGEST: Final = 200 * 1024
PROCESS: Final = (sys.executable, "-m", "tests.console.picture_process")
HOOKS: Final = "https://hooks.example.com"
LEGACY: Final = f"https://{fixed_past.LEGACY}"
ROWS: Final = 15
"""Attempts that Live shows."""
FIRST: Final = 1000
"""The id of the oldest record."""


def main() -> None:
    """Take every picture."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no Chromium here; apt-get install chromium")
    # Who started the console stands at its head.
    os.environ["LOGNAME"] = "ada"
    with (
        tempfile.TemporaryDirectory() as folder,
        Stage(Path(folder)) as stage,
        sync_playwright() as playwright,
    ):
        _tell_of_a_day(stage)
        console = ConsoleProcess(stage.folder, stage.address, command_line=PROCESS)
        stage.consoles.append(console)
        # What lets a browser in is dated, as all that the console looks at.
        clock.now = lambda: fixed_past.NOW
        # Letters in shades of grey make small files.
        arguments = ["--no-sandbox", "--disable-lcd-text"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for scheme in ("light", "dark"):
            _Camera(browser, console, stage, scheme).take_all()
        browser.close()


def _tell_of_a_day(stage: Stage) -> None:
    """Start a daemon that has a day behind it, which is the same each time."""
    troubled(stage)
    stage.daemon.stop()
    text = stage.daemon.config.read_text()
    for address, name in ((stage.receiver.url, HOOKS), (f"http://{fixed_past.SILENT}", LEGACY)):
        text = text.replace(address, name)
    kept = [one for one in text.splitlines() if "allow_http" not in one]
    stage.daemon.config.write_text("\n".join(kept) + "\n")
    loaded = loading.load(stage.daemon.config, environment={}, offline=True)
    fixed_past.retell(stage.daemon.state / "webhookd.db", FIRST, loaded.definitions.hash)
    stage.daemon.command_line = PROCESS
    # As it would be named from the folder that it lies in.
    stage.daemon.config = Path(stage.daemon.config.name)
    stage.daemon.start()


class _Camera:
    """Takes each picture in one of the colour *schemes*."""

    def __init__(
        self, browser: Browser, console: ConsoleProcess, stage: Stage, scheme: str
    ) -> None:
        self._browser, self._console, self._stage = browser, console, stage
        self._scheme = scheme
        self._page = self._entered(viewport=SIZE)

    def take_all(self) -> None:
        """Take every picture."""
        for name, path in self._pages():
            self._open(path)
            self._take(name)
        self._take_retry()
        self._take_draft()
        self._take_live()
        self._page = self._entered(viewport=PHONE)
        self._take("overview-phone")

    def _pages(self) -> Iterator[tuple[str, str]]:
        ask = self._stage.ask
        (one,) = ask("/v1/deliveries", webhook="erp-export", record_id="1050")["deliveries"]
        (failed,) = ask("/v1/deliveries", state="failed", limit=1)["deliveries"]
        yield "overview", "/"
        yield "deliveries", f"/deliveries?state=failed&since=20m&peek={failed['id']}"
        yield "delivery", f"/deliveries/{one['id']}"
        yield "inbox", "/inbox"
        yield "webhook", "/webhooks/erp-export"

    def _entered(self, **options: Any) -> Page:
        context = self._browser.new_context(color_scheme=self._scheme, **options)
        page = context.new_page()
        page.goto(self._console.another_link())
        return page

    def _open(self, path: str) -> None:
        self._page.goto(f"http://{self._console.host}{path}")

    def _take_live(self) -> None:
        self._page.route("**/events", _stream)
        self._page.clock.install(time=fixed_past.NOW)
        self._open("/live")
        self._page.wait_for_selector(f"#live-rows tr:nth-child({ROWS})")
        # The rate is told each second.
        self._page.clock.run_for(1000)
        self._page.wait_for_selector("#rate:not(:empty)")
        # And that the stream ended, of which this one has no more to tell.
        self._page.evaluate("document.getElementById('live-state').hidden = true")
        self._take("live")
        self._page.context.close()

    def _take_retry(self) -> None:
        self._open("/deliveries?state=failed&webhook=billing-sync")
        self._page.click("text=Retry all that match")
        self._page.wait_for_selector("h1:has-text('would be attempted again')")
        self._take("retry")

    def _take_draft(self) -> None:
        self._open("/compose")
        fields = {
            "#name": "large-customers",
            "#url": "https://erp.example.com/customers",
            "#when_property-1": "amount",
            "#when_text-1": "500",
            "#secret": "ERP_KEY",
            "#auth_name": "X-Api-Key",
            "[name='as email']": "mail",
        }
        self._page.select_option("#when_operator-1", "GTE")
        self._page.select_option("#authentication", "api_key")
        for field, text in fields.items():
            self._page.fill(field, text)
        self._page.wait_for_selector("#yaml-text:has-text('as: mail')")
        # An id and a signature are drawn at each look.
        self._page.evaluate(_SAME_TEST_ID)
        self._page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        self._take("compose")

    def _take(self, name: str) -> None:
        path = FOLDER / f"{name}{'-dark' if self._scheme == 'dark' else ''}.png"
        self._page.screenshot(path=path, animations="disabled", caret="hide")
        size = path.stat().st_size
        if size > LARGEST:
            sys.exit(f"{path} has {size:,} bytes, more than {LARGEST:,}")
        print(f"{path} {size:,} bytes")  # noqa: T201 - what the script is for


_SAME_TEST_ID: Final = """
for (const one of document.querySelectorAll("#preview .head, #preview pre")) {
  const walk = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode;
    text.data = text.data.replace(/test_[0-9a-f]+/g, "test_019ca0c6f81d4be0a1");
  }
}
"""


def _stream(route: Route) -> None:
    """Answer with attempts as the daemon would tell them."""
    ends = {
        "audit-mirror": ("delivered", "✓ 200 delivered", "24 ms", ""),
        "billing-sync": ("failed", "✕ 422 given up", "31 ms", "answered 422, which is not retried"),
        "erp-export": ("retried", "↻ 500 retry", "47 ms", "answered 500"),
    }
    attempts = []
    for number in range(ROWS):
        at = fixed_past.NOW - timedelta(milliseconds=250 * (ROWS - number))
        webhook = [*ends][number % len(ends)]
        kind, outcome, took, error = ends[webhook]
        attempts.append(
            {
                "at": f"{at:%H:%M:%S}.{at.microsecond // 1000:03}",
                "iso": at.isoformat(),
                "kind": kind,
                "outcome": outcome,
                "webhook": webhook,
                "id": f"{number}",
                "record": f"contacts/{1000 + number // len(ends)}",
                "change": "updated",
                "attempt": "1",
                "took": took,
                "error": error,
            }
        )
    told = json.dumps({"attempts": attempts, "skipped": 0})
    body = f"retry: 3600000\n\nevent: attempts\ndata: {told}\n\n"
    route.fulfill(body=body, content_type="text/event-stream")


if __name__ == "__main__":
    main()
