"""Live in a real browser while ten thousand attempts end each second."""

import json

from tests.console.browser.inspection import inspect, visit

MESSAGES, DETAILED, A_SECOND = 100, 5, 10_000
"""Ten seconds of what the daemon tells then: ten messages a second, 50 attempts in detail."""


def stream():
    """Return the events of ten seconds."""
    parts = ["retry: 3600000\n\n"]
    for number in range(MESSAGES):
        attempts = [
            {
                "at": "12:00:00.000",
                "iso": "2026-03-01T12:00:00.000Z",
                "kind": "delivered",
                "outcome": "200 delivered",
                "webhook": "billing-sync",
                "id": f"d{number}-{place}",
                "record": f"contacts/{number}-{place}",
                "change": "created",
                "attempt": "1",
                "took": "3 ms",
                "error": "",
            }
            for place in range(DETAILED)
        ]
        told = {"attempts": attempts, "skipped": A_SECOND // 10 - DETAILED}
        parts.append(f"event: attempts\ndata: {json.dumps(told)}\n\n")
    return "".join(parts)


def test_the_page_stays_usable_and_says_how_many_it_does_not_show(browser, console):
    with visit(browser, console) as (page, watch):
        page.route(
            "**/events",
            lambda route: route.fulfill(body=stream(), content_type="text/event-stream"),
        )
        page.goto(f"http://{console.host}/live")
        skipped = MESSAGES * (A_SECOND // 10 - DETAILED)
        page.wait_for_selector(f"text={skipped:,} not shown")

        assert page.locator("#live-rows tr").count() == 200
        page.wait_for_selector(f"#live-rows >> text=contacts/{MESSAGES - 1}-{DETAILED - 1}")
        page.select_option("#only-webhook", "warehouse")
        assert page.locator("#live-rows tr:visible").count() == 0
        page.select_option("#only-webhook", "")
        page.click("#pause-live")
        inspect(page, watch, with_axe=False)
