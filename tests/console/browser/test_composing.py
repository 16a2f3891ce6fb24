"""Compose in a real browser: at every pause, by keyboard alone, without JavaScript."""

import pytest
import yaml

from tests.console.browser.inspection import inspect, tab_to, visit
from tests.console.stage import Stage


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Give a daemon that knows twenty records."""
    with Stage(tmp_path_factory.mktemp("desk")) as stage:
        stage.daemon.configure({"live": stage.webhook("live")})
        stage.daemon.start()
        rows = ({"id": str(n), "email": f"p{n}@example.com", "amount": n} for n in range(20))
        stage.daemon.drop_rows("a.ndjson", *rows)
        stage.wait_for(delivered=20)
        yield stage


def text_of(page):
    return yaml.safe_load(page.inner_text("#yaml-text"))["webhooks"]


def test_a_draft_is_looked_at_at_every_pause_and_sent(browser, desk):
    console = desk.console()
    with visit(browser, console) as (page, watch):
        page.click("text=New webhook")
        page.wait_for_selector("#preview >> text=20 of the last 20 changes would have fired")
        page.fill("#name", "to-erp")
        page.fill("#url", f"{desk.receiver.url}/erp")
        page.wait_for_selector("#preview >> text=plain http can be read")
        inspect(page, watch)
        page.check("#allow_http")
        page.fill("#when_property-1", "amount")
        page.select_option("#when_operator-1", "GTE")
        page.fill("#when_text-1", "15")
        page.wait_for_selector("#preview >> text=5 of the last 20 changes would have fired")
        page.fill("[name='as email']", "mail")
        page.wait_for_selector("#yaml-text:has-text('as: mail')")
        assert page.is_checked("#takes-chosen")
        assert text_of(page)["to-erp"]["request"]["body"] == {
            "properties": [{"property": "email", "as": "mail"}]
        }
        page.check("[name=property][value=id]")
        page.check("[name=property][value=amount]")
        page.uncheck("[name=property][value=id]")
        page.check("[name=property][value=id]")
        page.wait_for_selector("#yaml-text >> text=[{property: email, as: mail}, amount, id]")
        page.uncheck("[name=property][value=id]")
        page.uncheck("[name=property][value=amount]")
        page.fill("#find-property", "amo")
        assert page.locator(".choose tbody tr:visible").count() == 1
        page.fill("#find-property", "")
        page.wait_for_selector("#yaml-text >> text=[{property: email, as: mail}]")
        # What is typed stays where it was: only the preview is another.
        assert page.input_value("#name") == "to-erp"
        inspect(page, watch)
        desk.receiver.received.clear()
        page.click("text=Send a test")
        page.wait_for_selector("#reply >> text=200")
        assert desk.receiver.received[0].body == b'{"mail":"p19@example.com"}'
        assert page.input_value("#name") == "to-erp"
        inspect(page, watch)
        assert page.locator("button", has_text="Save").count() == 0
        page.set_viewport_size({"width": 390, "height": 800})
        inspect(page, watch)
    assert console.stop() == ""


def test_the_yaml_is_copied(browser, desk):
    console = desk.console()
    with visit(browser, console, permissions=["clipboard-read", "clipboard-write"]) as (page, _):
        page.goto(f"http://{console.host}/compose?webhook=live")
        page.click("button:has-text('Copy')")
        page.wait_for_selector("#told >> text=Copied")
        assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("#yaml-text")


def test_a_draft_by_keyboard_alone(browser, desk):
    console = desk.console()
    with visit(browser, console) as (page, watch):
        keys = page.keyboard
        keys.press("g")
        keys.press("n")
        page.wait_for_url("**/compose")
        tab_to(page, "name")
        keys.press("Control+a")
        keys.type("by-hand")
        tab_to(page, "changes-deleted")
        keys.press("Space")
        tab_to(page, "url")
        keys.press("Control+a")
        keys.type(f"{desk.receiver.url}/keys")
        tab_to(page, "allow_http")
        keys.press("Space")
        tab_to(page, "takes-all")
        keys.press("ArrowRight")
        tab_to(page, "property-1")
        keys.press("Space")
        keys.press("Tab")
        keys.type("first")
        page.wait_for_selector("#yaml-text >> text=first")
        page.wait_for_selector("#body >> text=first")
        found = text_of(page)["by-hand"]
        assert found["trigger"] == {"changes": ["created", "updated", "deleted"]}
        desk.receiver.received.clear()
        tab_to(page, "Send a test")
        keys.press("Enter")
        page.wait_for_selector("#reply")
        assert desk.receiver.received[0].target == "/keys"
        assert watch.faults == []


def test_a_draft_without_javascript(browser, desk):
    console = desk.console()
    with visit(browser, console, java_script_enabled=False) as (page, watch):
        page.goto(f"http://{console.host}/compose")
        assert "20 of the last 20 changes would have fired" in page.inner_text("#preview")
        page.fill("#name", "plain")
        page.fill("#url", f"{desk.receiver.url}/plain")
        page.check("#allow_http")
        page.check("#takes-chosen")
        page.check("#property-2")
        page.click("button:has-text('Preview')")
        assert text_of(page)["plain"]["request"]["body"] == {"properties": ["email"]}
        assert page.is_checked("#property-1")
        assert page.input_value("#name") == "plain"
        desk.receiver.received.clear()
        page.click("text=Send a test")
        assert "200" in page.inner_text("#reply")
        assert len(desk.receiver.received) == 1
        assert page.locator("#find").is_hidden()
        assert watch.faults == []


def test_a_webhook_in_force_is_tested_and_its_copy_edited(browser, desk):
    console = desk.console()
    with visit(browser, console, color_scheme="dark") as (page, watch):
        page.goto(f"http://{console.host}/webhooks/live")
        page.click("text=Test…")
        page.wait_for_selector("h1:has-text('Test live')")
        inspect(page, watch)
        desk.receiver.received.clear()
        page.click("text=Send it")
        page.wait_for_selector("#reply >> text=200")
        assert desk.receiver.received[0].headers["webhookd-test"] == "1"
        inspect(page, watch)
        page.click("text=Back")
        page.click("text=Edit a copy")
        page.wait_for_selector("#yaml-text >> text=live")
        assert page.input_value("#name") == "live"
        inspect(page, watch)


def test_without_a_daemon_a_draft_is_not_lost(browser, tmp_path):
    with Stage(tmp_path) as stage:
        stage.daemon.configure({"live": stage.webhook("live")})
        stage.daemon.start()
        console = stage.console()
        with visit(browser, console) as (page, watch):
            watch.is_error_expected = True
            page.goto(f"http://{console.host}/compose")
            stage.daemon.kill()
            page.fill("#name", "kept")
            page.wait_for_timeout(1500)
            assert page.input_value("#name") == "kept"
            stage.daemon.start()
            page.fill("#name", "kept-on")
            page.wait_for_selector("#yaml-text >> text=kept-on")
            assert watch.faults == []
