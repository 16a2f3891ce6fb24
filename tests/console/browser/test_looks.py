"""Every page in a real browser: both widths, light and dark, hostile text, no noise."""

from itertools import count

import pytest

from tests.console import hostile
from tests.console.browser.inspection import inspect, visit
from tests.console.stage import Stage
from tests.daemon import until
from tests.receiver import Answer

ENOUGH = 20
LOOKS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
PATHS = (
    *("/", "/deliveries", "/deliveries?state=failed&since=2h", "/deliveries?state=lost"),
    *("/deliveries?state=failed&peek={id}", "/deliveries/{id}", "/webhooks/billing-sync"),
    *("/webhooks/partner-portal", "/inbox", "/live", "/sources"),
    *(
        "/compose",
        "/compose?webhook=billing-sync",
        "/sources/export",
        "/configuration",
        "/webhooks/erp-export?days=7",
        "/no-such-page",
    ),
)


def open_(page, console, path):
    return page.goto(f"http://{console.host}{path}")


@pytest.fixture(scope="module")
def id_(stage):
    return stage.ask("/v1/deliveries", state="failed", limit=1)["deliveries"][0]["id"]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_every_page_is_as_it_must_be(browser, console, id_, scheme, width):
    size = {"width": width, "height": 900}
    with visit(browser, console, color_scheme=scheme, viewport=size) as (page, watch):
        for path in PATHS:
            watch.is_error_expected = path == "/no-such-page"
            open_(page, console, path.format(id=id_))
            # A page's colours are the same at each width, and its boxes in each scheme.
            inspect(page, watch, with_axe=(scheme, width) != ("dark", 390))


def test_who_did_not_come_in_sees_a_page_that_says_how(browser, console):
    context = browser.new_context()
    page = context.new_page()

    answer = page.goto(f"http://{console.host}/deliveries")

    assert answer.status == 401
    assert "webhookd console --link" in page.inner_text("main")
    context.close()


@pytest.fixture(scope="module")
def hostile_stage(tmp_path_factory):
    """Give a daemon whose every text is hostile: records, answers, descriptions, reasons."""
    with Stage(tmp_path_factory.mktemp("hostile")) as stage:
        answers = iter(range(1 << 30))
        every = [text.encode() for text in hostile.TEXTS]
        stage.receiver.answer = lambda _: Answer(422, body=every[next(answers) % len(every)])
        source = {"path": "crm"}
        stage.daemon.configure(
            {
                f"w{number}": stage.webhook("w", description=text[:500])
                for number, text in enumerate(hostile.TEXTS)
                if text.isprintable()
            },
            source=source,
        )
        stage.daemon.start()
        rows = [
            {"id": f"{number} {text[:60]}", text[:100]: text, "name": text}
            for number, text in enumerate(hostile.TEXTS)
        ]
        stage.daemon.drop_rows("hostile.ndjson", *rows)
        stage.daemon.drop("=cmd <img src=x onerror=alert(1)>.csv", "no\nheader,<script>\n\x00,\n")
        stage.wait_for(failed=100)
        stage.daemon.command(
            *("pause", "w0", "--reason", hostile.TEXTS[1], "--admin-address", stage.address)
        )
        yield stage


def test_hostile_text_stays_text_on_every_page(browser, hostile_stage):
    console = hostile_stage.console()
    listed = hostile_stage.ask("/v1/deliveries", webhook="w1", limit=40)["deliveries"]
    paths = ["/", "/deliveries", "/webhooks/w0", "/webhooks/w1"]
    paths += ["/compose", "/compose?webhook=w0", "/compose?webhook=w1"]
    paths += ["/inbox", "/sources", "/sources/export", "/configuration"]
    paths += [f"/deliveries/{one['id']}" for one in listed]
    paths += [f"/deliveries?peek={one['id']}" for one in listed[:5]]
    with visit(browser, console) as (page, watch):
        for path in paths:
            open_(page, console, path)
            inspect(page, watch, with_axe=False)
        _acts_and_live(page, watch, hostile_stage, console)
    with visit(browser, console, viewport={"width": 390, "height": 800}) as (page, watch):
        for path in paths[:15]:
            open_(page, console, path)
            inspect(page, watch, with_axe=False)
    assert console.stop() == ""


def _acts_and_live(page, watch, stage, console):
    """Look at what is asked before an act, at a test's request, and at attempts as they end."""
    open_(page, console, "/deliveries?state=failed&webhook=w1")
    page.click("text=Retry all that match")
    page.wait_for_selector("h1:has-text('would be attempted again')")
    inspect(page, watch, with_axe=False)
    for button in ("Test…", "Backfill…", "Pause…"):
        open_(page, console, "/webhooks/w1")
        page.click(f"button:has-text('{button}')")
        page.wait_for_url(f"**/{button.lower().rstrip('…')}")
        inspect(page, watch, with_axe=False)
    open_(page, console, "/live")
    shown, files = page.locator("#live-rows tr"), count()

    def many() -> bool:
        """Return whether enough is shown; what ended before the stream began never is."""
        number = next(files)
        rows = ({"id": f"{number} live {one[:60]}"} for one in hostile.TEXTS)
        stage.daemon.drop_rows(f"live-{number}.ndjson", *rows)
        page.wait_for_timeout(2000)
        return shown.count() >= ENOUGH

    until(many, "hostile attempts in Live")
    inspect(page, watch, with_axe=False)


def test_hostile_addresses_are_only_looked_for(browser, console):
    with visit(browser, console) as (page, watch):
        for text in (one[:300] for one in hostile.TEXTS):
            page.goto(f"http://{console.host}/deliveries")
            page.fill("#record_id", text)
            page.click("button:has-text('Find')")
            page.wait_for_selector(".empty, .notice")
            watch.is_error_expected = True
            inspect(page, watch, with_axe=False)
