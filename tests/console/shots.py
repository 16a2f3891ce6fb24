"""The pictures of docs/console.md, taken of a real daemon: `make screenshots`.

Records and trouble are always the same; times, ports and ids are not, so that no picture is
compared with another. Each is light, for the documents, and the overview dark as well.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import sync_playwright

from tests.console.stage import Stage, troubled
from tests.receiver import Answer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.console.stage import ConsoleProcess

FOLDER: Final = Path(__file__).parents[2] / "docs" / "console"
SIZE: Final = {"width": 1280, "height": 720}
LARGEST: Final = 200 * 1024


def main() -> None:
    """Take every picture."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no Chromium here; apt-get install chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        Stage(Path(folder)) as stage,
        sync_playwright() as playwright,
    ):
        troubled(stage)
        console = stage.console()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = _entered(browser, console, color_scheme="light")
        for name, path in _pages(stage).items():
            page.goto(f"http://{console.host}{path}")
            _take(page, name)
        _take_live(page, stage, console)
        _take_retry(page, console)
        _take_draft(page, console)
        _take(_entered(browser, console, color_scheme="dark"), "overview-dark")
        phone = {"width": 390, "height": 720}
        _take(_entered(browser, console, viewport=phone), "overview-phone")
        browser.close()


def _pages(stage: Stage) -> dict[str, str]:
    (one,) = stage.ask("/v1/deliveries", webhook="erp-export", limit=1)["deliveries"]
    (failed,) = stage.ask("/v1/deliveries", state="failed", limit=1)["deliveries"]
    return {
        "overview": "/",
        "deliveries": f"/deliveries?state=failed&peek={failed['id']}",
        "delivery": f"/deliveries/{one['id']}",
        "inbox": "/inbox",
        "webhook": "/webhooks/erp-export",
    }


def _entered(browser: Browser, console: ConsoleProcess, **options: Any) -> Page:
    page = browser.new_context(**{"viewport": SIZE, **options}).new_page()
    page.goto(console.another_link())
    return page


def _take_live(page: Page, stage: Stage, console: ConsoleProcess) -> None:
    page.goto(f"http://{console.host}/live")
    page.wait_for_timeout(500)
    stage.moods["angry"] = Answer(422)
    stage.daemon.drop_rows(
        "more.ndjson", *({"id": str(2000 + n), "email": f"{n}@example.com"} for n in range(5))
    )
    page.wait_for_selector("#live-rows tr:nth-child(12)")
    _take(page, "live")


def _take_retry(page: Page, console: ConsoleProcess) -> None:
    page.goto(f"http://{console.host}/deliveries?state=failed&webhook=billing-sync")
    page.click("text=Retry all that match")
    page.wait_for_selector("h1:has-text('would be attempted again')")
    _take(page, "retry")


def _take_draft(page: Page, console: ConsoleProcess) -> None:
    page.goto(f"http://{console.host}/compose")
    fields = {
        "#name": "large-customers",
        "#url": "https://erp.example.com/customers",
        "#when_property-1": "amount",
        "#when_text-1": "500",
        "#secret": "ERP_KEY",
        "#auth_name": "X-Api-Key",
        "[name='as email']": "mail",
    }
    page.select_option("#when_operator-1", "GTE")
    page.select_option("#authentication", "api_key")
    for field, text in fields.items():
        page.fill(field, text)
    page.wait_for_selector("#yaml-text:has-text('as: mail')")
    page.set_viewport_size({**SIZE, "height": 1100})
    page.evaluate("scrollTo(0, 0)")
    _take(page, "compose")
    page.set_viewport_size(SIZE)


def _take(page: Page, name: str) -> None:
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    size = path.stat().st_size
    if size > LARGEST:
        sys.exit(f"{path} has {size:,} bytes, more than {LARGEST:,}")
    print(f"{path} {size:,} bytes")  # noqa: T201 - what the script is for


if __name__ == "__main__":
    main()
