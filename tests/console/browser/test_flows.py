"""What people do with the console, in a real browser: at night, by keyboard, without JavaScript."""

import re
from contextlib import ExitStack

import pytest

from tests.console.browser.inspection import inspect, tab_to, visit
from tests.console.stage import Stage
from tests.daemon import until
from tests.receiver import Answer

SHOWN = "document.querySelector('.side h2').innerText"


@pytest.fixture
def night(tmp_path):
    """Give a daemon whose one receiver has refused everything."""
    with Stage(tmp_path) as stage:
        stage.moods["w"] = Answer(500, body=b"the database of the receiver is full")
        soon = {"retry": {"first_after": "1s", "at_most_every": "1s", "give_up_after": "1s"}}
        billing = stage.webhook("w", delivery=soon)
        stage.daemon.configure({"billing": billing, "other": stage.webhook("other")})
        stage.daemon.start()
        rows = ({"id": str(100 + number), "email": f"{number}@example.com"} for number in range(7))
        stage.daemon.drop_rows("a.ndjson", *rows)
        stage.wait_for(failed=7, delivered=7)
        yield stage


def mend(stage):
    stage.moods.clear()


@pytest.mark.parametrize("has_script", [True, False])
def test_at_three_in_the_morning(browser, night, has_script):
    """What is wrong, why, and again: five clicks, no typing."""
    console = night.console()
    with visit(browser, console, java_script_enabled=has_script) as (page, watch):
        assert "Nothing was delivered" in page.inner_text(".needs")
        page.click(".needs >> text=Look at them")
        page.click("table.list tbody tr:first-child a")
        assert "the database of the receiver is full" in page.inner_text(".side")
        mend(night)
        page.click("text=Retry all that match")
        assert page.inner_text("h1") == "7 deliveries would be attempted again"
        page.click("button:has-text('Retry 7')")
        assert "7 deliveries retried." in page.inner_text(".notice")
        night.wait_for(delivered=14)
        until(lambda: nothing_is_left(page, console), "nothing that needs anybody")
        if has_script:
            inspect(page, watch)
        else:
            page.goto(f"http://{console.host}/deliveries")
            page.select_option("#webhook", "other")
            page.fill("#record_id", "104")
            page.click("button:has-text('Find')")
            assert page.locator("table.list tbody tr").count() == 1
        assert watch.faults == []
    assert console.stop() == ""


def nothing_is_left(page, console):
    page.goto(f"http://{console.host}/")
    failed = page.inner_text(".figures li:has-text('given up') b")
    return failed == "0" and "Nothing needs you." in page.inner_text("main")


def test_the_same_by_keyboard_alone(browser, night):
    console = night.console()
    with visit(browser, console) as (page, watch):
        keys = page.keyboard
        keys.press("g")
        keys.press("d")
        page.wait_for_url("**/deliveries")
        keys.press("/")
        assert page.evaluate("document.activeElement.id") == "record_id"
        keys.type("103")
        keys.press("Enter")
        page.wait_for_url("**record_id=103**")
        keys.press("j")
        page.wait_for_url("**peek=**")
        first = page.inner_text(".side h2")
        keys.press("j")
        page.wait_for_function(
            "first => document.querySelector('.side h2').innerText !== first", arg=first
        )
        keys.press("k")
        page.wait_for_function(
            "first => document.querySelector('.side h2').innerText === first", arg=first
        )
        keys.press("?")
        assert page.locator("dialog").is_visible()
        assert "g then o d l i s c" in page.inner_text("dialog")
        keys.press("Escape")
        assert not page.locator("dialog").is_visible()
        keys.press("Escape")
        page.wait_for_function("!document.querySelector('.side')")
        keys.press("g")
        keys.press("o")
        page.wait_for_selector(".needs")
        tab_to(page, "Look at them")
        keys.press("Enter")
        page.wait_for_url("**state=failed**")
        keys.press("j")
        page.wait_for_selector(".side >> text=the database of the receiver is full")
        tab_to(page, "Retry all that match")
        keys.press("Enter")
        page.wait_for_selector("h1:has-text('7 deliveries would be attempted again')")
        night.daemon.drop_rows("between.ndjson", {"id": "between"})
        night.wait_for(failed=8, delivered=8)
        mend(night)
        tab_to(page, "Retry 7")
        keys.press("Enter")
        page.wait_for_selector(".notice >> text=7 deliveries retried.")
        night.wait_for(delivered=15)
        # What was stored behind the count was not meant.
        assert night.daemon.tally("failed") == 1
        assert watch.faults == []


def test_two_persons_retry_at_once_by_keyboard_alone(browser, night):
    with ExitStack() as stack:
        persons = [stack.enter_context(visit(browser, night.console())) for _ in range(2)]
        mend(night)
        for page, watch in persons:
            # Whoever comes second may be refused.
            watch.is_error_expected = True
            tab_to(page, "Look at them")
            page.keyboard.press("Enter")
            page.wait_for_url("**state=failed**")
            tab_to(page, "Retry all that match")
            page.keyboard.press("Enter")
            page.wait_for_selector("h1:has-text('7 deliveries would be attempted again')")
            tab_to(page, "Retry 7")
        for page, _ in persons:
            page.keyboard.press("Enter")
        told = []
        for page, _ in persons:
            page.wait_for_selector(".notice, main:has-text('under way')")
            told.append(page.inner_text("main"))
        night.wait_for(delivered=14)

        counts = [
            int(one) for text in told for one in re.findall(r"(\d+) deliver\w+ retried", text)
        ]
        refused = [text for text in told if "another retry by hand is under way" in text]
        assert len(counts) + len(refused) == 2, told
        assert sum(counts) == 7
        assert [watch.faults for _, watch in persons] == [[], []]


def test_live_and_a_reload_that_is_refused_by_keyboard_alone(browser, night):
    console = night.console()
    with visit(browser, console) as (page, watch):
        keys = page.keyboard
        keys.press("g")
        keys.press("l")
        page.wait_for_url("**/live")
        page.wait_for_timeout(500)
        night.daemon.drop_rows("live.ndjson", {"id": "live-1"})
        page.wait_for_selector("#live-rows tr:nth-child(2)")
        keys.press("/")
        keys.type("other")
        until(lambda: page.locator("#live-rows tr:visible").count() == 1, "those of one webhook")
        tab_to(page, "only-bad")
        keys.press("Space")
        until(lambda: page.locator("#live-rows tr:visible").count() == 0, "none of what failed")
        tab_to(page, "Pause")
        keys.press("Enter")
        assert page.inner_text("#pause-live") == "Go on"
        keys.press("Enter")
        assert page.inner_text("#pause-live") == "Pause"
        watch.is_error_expected = True
        night.daemon.kill()
        page.wait_for_selector("#live-state:visible >> text=trying again")
        night.daemon.start()
        page.wait_for_selector("#live-state", state="hidden")
        night.daemon.config.write_text(night.daemon.config.read_text() + "nonsense: 1\n")
        lines = len(night.daemon.config.read_text().splitlines())
        keys.press("g")
        keys.press("c")
        page.wait_for_url("**/configuration")
        tab_to(page, "Reload…")
        keys.press("Enter")
        page.wait_for_selector("h2:has-text('Have the daemon read it anew?')")
        tab_to(page, "Reload it")
        keys.press("Enter")
        page.wait_for_selector("text=It was refused, and changed nothing")
        assert f"config.yaml:{lines}:1: nonsense" in page.inner_text(".problems >> nth=0")
        assert watch.faults == []


def test_a_page_that_stands_still_follows_the_daemon_by_itself(browser, night):
    console = night.console()
    with visit(browser, console) as (page, watch):
        assert "Nothing was delivered" in page.inner_text(".needs")
        night.daemon.command("pause", "other", "--admin-address", night.address)
        page.wait_for_selector(".needs >> text=Paused", timeout=20_000)
        page.goto(f"http://{console.host}/deliveries")
        page.focus("#record_id")
        before = page.evaluate("document.querySelector('main').dataset.mine = 'yes'")
        page.wait_for_timeout(6_000)
        assert page.evaluate("document.querySelector('main').dataset.mine") == before
        assert watch.faults == []


def test_without_a_daemon_the_page_comes_back_by_itself(browser, night):
    console = night.console()
    with visit(browser, console) as (page, watch):
        watch.is_error_expected = True
        night.daemon.kill()
        page.wait_for_selector("h1:has-text('No daemon answers')", timeout=30_000)
        inspect(page, watch)
        night.daemon.start()
        page.wait_for_selector(".needs", timeout=30_000)
        assert watch.faults == []
    assert console.stop() == ""


def test_times_are_shown_in_the_browser_s_own_zone_when_asked(browser, night):
    console = night.console()
    (one, *_) = night.ask("/v1/deliveries", limit=1)["deliveries"]
    with visit(browser, console, timezone_id="Asia/Tokyo", locale="en-GB") as (page, watch):
        page.goto(f"http://{console.host}/deliveries/{one['id']}")
        assert "UTC" in page.inner_text("dl")
        page.click("#zone")
        assert page.inner_text("#zone") == "Times: local"
        assert "UTC" not in page.locator("dl time.whole").first.inner_text()
        page.reload()
        assert page.inner_text("#zone") == "Times: local"
        assert watch.faults == []


def test_who_leaves_is_out(browser, night):
    console = night.console()
    with visit(browser, console) as (page, watch):
        page.click("footer button:has-text('Leave')")
        page.wait_for_selector("h1:has-text('You left')")
        assert page.goto(f"http://{console.host}/").status == 401
        assert [fault for fault in watch.faults if "401" not in fault] == []


def test_attempts_show_live_as_they_end_and_after_the_daemon_was_away(browser, night):
    console = night.console()
    with visit(browser, console) as (page, watch):
        watch.is_error_expected = True
        page.goto(f"http://{console.host}/live")
        page.wait_for_timeout(500)
        mend(night)
        night.daemon.drop_rows("live.ndjson", {"id": "live-1"}, {"id": "<b>live-2</b>"})
        page.wait_for_selector("#live-rows >> text=contacts/live-1")
        page.wait_for_selector("#live-rows >> text=contacts/<b>live-2</b>")
        assert page.locator("#live-rows tr").count() == 4
        page.select_option("#only-webhook", "other")
        assert page.locator("#live-rows tr:visible").count() == 2
        page.check("#only-bad")
        assert page.locator("#live-rows tr:visible").count() == 0
        page.uncheck("#only-bad")
        page.click("#pause-live")
        night.daemon.drop_rows("more.ndjson", {"id": "unseen"})
        page.wait_for_selector("text=2 not shown")
        page.click("#pause-live")
        inspect(page, watch)
        night.daemon.kill()
        page.wait_for_selector("#live-state:visible >> text=trying again")
        night.daemon.start()
        page.wait_for_selector("#live-state", state="hidden")
        night.daemon.drop_rows("again.ndjson", {"id": "again"})
        page.wait_for_selector("#live-rows >> text=contacts/again")
        assert watch.faults == []
        # A stream that is open delays no end.
        assert console.stop() == ""
