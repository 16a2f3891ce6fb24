"""Files that were set aside, with hostile names, rows and reports, in a real browser."""

import json

import pytest

from tests.console import hostile
from tests.console.browser.inspection import inspect, visit
from tests.console.stage import CANARY, Stage
from tests.daemon import until

SHOWN = 50
"""Files that a source's page lists."""


@pytest.fixture(scope="module")
def littered(tmp_path_factory):
    """Give a daemon whose folder failed/ is full of what anybody may have put there."""
    with Stage(tmp_path_factory.mktemp("littered")) as stage:
        stage.daemon.configure({"w": stage.webhook("w")})
        stage.daemon.start()
        for number, text in enumerate(hostile.TEXTS):
            # As an exporter might have written them: the daemon makes the report.
            row = json.dumps({"email": text, text[:80]: CANARY})
            stage.daemon.drop(f"{number}.ndjson", f'{row}\n{{"id": {text[:100]}\n')
        # And what no list of texts can hold: half of a character, and a line of two megabytes.
        stage.daemon.drop("half.ndjson", '{"id": "1", "<b>": "\\ud800"}\n')
        stage.daemon.drop("long.ndjson", '{"id": "2", "a": "' + "<b>" * 700_000 + "\n")
        count = len(hostile.TEXTS) + 2
        until(lambda: len(stage.daemon.named("file.failed")) == count, "failures")
        failed = stage.folder / "crm" / "failed"
        for number, text in enumerate(hostile.TEXTS):
            # And as somebody might who can write there.
            name = f"{number} {text[:60]}".replace("/", "|").replace("\0", "0")
            (failed / name).write_text(text, errors="replace")
            report = {
                "reason": text,
                "bad_rows_count": len(text),
                "bad_rows": [
                    {"line": text, "column": text, "reason": text},
                    {"line": [text], "column": {text: text}, "reason": None},
                    text,
                ],
                text[:200]: text,
                "nested": {text: [text]},
                "accept": text,
            }
            (failed / f"{name}.error.json").write_text(json.dumps(report))
        yield stage


def test_hostile_files_and_reports_stay_text(browser, littered):
    console = littered.console()
    with visit(browser, console) as (page, watch):
        for path in ("/", "/sources", "/sources/export"):
            page.goto(f"http://{console.host}{path}")
            inspect(page, watch)
        page.goto(f"http://{console.host}/sources/export")
        links = page.eval_on_selector_all(
            "a[href*='/files/']", "all => all.map(one => one.getAttribute('href'))"
        )
        assert len(links) == min(SHOWN, 2 * len(hostile.TEXTS) + 2)
        seen = set()
        for link in links:
            answer = page.goto(f"http://{console.host}{link}")
            assert answer.status == 200, link
            seen.add(page.inner_text("h1"))
            inspect(page, watch, with_axe=link == links[0])
        assert len(seen) == len(links)
        page.set_viewport_size({"width": 390, "height": 800})
        for link in links[:10]:
            page.goto(f"http://{console.host}{link}")
            inspect(page, watch, with_axe=False)
        # Letting through asks first, and names the file as text.
        page.goto(f"http://{console.host}/sources/export")
        page.locator("button", has_text="Let through").first.click()
        page.wait_for_selector("h1:has-text('through?')")
        inspect(page, watch)
    assert console.stop() == ""
