"""What each page shows of a real daemon, and what its forms do."""

import re

import pytest

from tests.console.stage import CANARY, Stage
from tests.daemon import until
from tests.receiver import Answer

SAME = {"sec-fetch-site": "same-origin"}


def plain_text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


class Acting:
    """Fills the forms of pages as a browser without JavaScript does."""

    def __init__(self, client):
        self.client = client
        self.html = ""

    def look(self, path, status=200):
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        self.html = answer.text
        return plain_text(self.html)

    def press(self, label, **more):
        """Send the form whose button begins so; follow where it leads."""
        forms = re.findall(
            r'<form method="post" action="([^"]+)">(.*?)</form>', self.html, re.DOTALL
        )
        button = rf"<button[^>]*>{re.escape(label)}"
        action, inside = next(form for form in forms if re.search(button, form[1]))
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', inside))
        answer = self.client.post(
            action.replace("&amp;", "&"), data=fields | more, headers=SAME, follow_redirects=True
        )
        assert answer.status_code == 200, answer.text
        self.html = answer.text
        return plain_text(self.html)


@pytest.fixture
def acting(viewer):
    return Acting(viewer)


def ids(stage, **query):
    return [one["id"] for one in stage.ask("/v1/deliveries", **query)["deliveries"]]


def test_the_overview_says_what_needs_attention_worst_first(acting):
    text = acting.look("/")

    subjects = re.findall(r'<a class="subject" href="[^"]*">([^<]*)</a>\s*<p>', acting.html)
    assert subjects[:4] == ["partner-portal", "billing-sync", "erp-export", "legacy-crm"]
    assert "warehouse Paused: the warehouse moves house. 100 deliveries wait." in text
    assert "100 deliveries were given up, and can be retried." in text


def test_the_list_is_filtered_and_goes_on_to_older_ones(acting, stage):
    text = acting.look("/deliveries?webhook=billing-sync&state=failed")
    assert "billing-sync" in text
    assert acting.html.count("data-peek") == 50
    (older,) = re.findall(r'href="(/deliveries\?[^"]*before=[^"]*)" rel="next"', acting.html)
    acting.look(older.replace("&amp;", "&"))
    assert acting.html.count("data-peek") == 50
    assert "Newest" in acting.html
    assert "webhookd deliveries list --webhook billing-sync --state failed" in plain_text(
        acting.look("/deliveries?webhook=billing-sync&state=failed")
    )
    assert "No delivery matches." in acting.look("/deliveries?record_id=no-such")
    acting.look("/deliveries?record_id=1007&webhook=audit-mirror&since=2h")
    assert acting.html.count("data-peek") == 1


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("since=yesterday", "is no time; write 2h, 3d"),
        ("state=lost", "is no state of a delivery"),
        ("webhook=no-such", "no-such"),
        ("before=x", "before must be a whole number"),
        ("peek=" + "0" * 32, "not there any more"),
    ],
)
def test_a_filter_that_cannot_be_read_is_said_on_the_page(acting, query, told):
    assert told in acting.look(f"/deliveries?{query}")


def test_a_peek_shows_the_delivery_beside_its_list(acting, stage):
    first, second, *_ = ids(stage, webhook="billing-sync", limit=2)

    text = acting.look(f"/deliveries?webhook=billing-sync&peek={first}")

    assert "the receiver answered 422" in text
    assert "invalid_vat" in text
    assert f"peek={second}" in acting.html


def test_a_delivery_says_what_the_receiver_said_and_what_is_next(acting, stage):
    (id_,) = ids(stage, webhook="erp-export", limit=1)

    text = acting.look(f"/deliveries/{id_}")

    assert "an error of ours, sorry" in text
    assert "Attempt 2" in text
    assert f"webhookd explain {id_}" in text
    assert "Other deliveries of contacts/" in text
    body = acting.client.get(f"/deliveries/{id_}/body")
    assert body.headers["content-type"].startswith("text/plain")
    assert body.headers["content-disposition"].startswith("attachment")
    assert body.json()["objectType"] == "contacts"


@pytest.mark.parametrize("path", ["/deliveries/nothing-like-it", "/webhooks/no-such", "/no-such"])
def test_what_is_not_there_is_a_page_that_says_so(acting, path):
    acting.look(path, status=404)

    assert acting.html.count("<h1") == 1
    assert "To the overview" in acting.html


def test_a_webhook_shows_why_it_stands_as_it_does(acting):
    text = acting.look("/webhooks/partner-portal")

    assert "410" in text
    assert "Resume…" in text
    assert "Definition in force" in text


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/deliveries",
            "/webhooks/billing-sync",
            "/deliveries?webhook=billing-sync&peek={id}",
        ),
        *("/deliveries/{id}", "/deliveries/{id}/body"),
    ],
)
def test_no_page_shows_a_secret(viewer, stage, path):
    (id_,) = ids(stage, webhook="billing-sync", limit=1)

    answer = viewer.get(path.format(id=id_))

    assert answer.status_code == 200
    assert CANARY not in answer.text


def test_a_fragment_is_the_page_without_its_frame(viewer):
    html = viewer.get("/?fragment=1").text

    assert html.strip().startswith("<main")
    assert html.strip().endswith("</main>")


@pytest.fixture
def mended(tmp_path):
    """Give a stage whose one receiver refused three deliveries and is mended now."""
    with Stage(tmp_path) as stage:
        stage.moods["w"] = Answer(422)
        stage.daemon.configure({"w": stage.webhook("w")})
        stage.daemon.start()
        stage.daemon.drop_rows("a.ndjson", *({"id": str(n)} for n in range(3)))
        stage.wait_for(failed=3)
        stage.moods.clear()
        console = stage.console()
        with console.viewer() as client:
            yield stage, Acting(client)
        assert console.stop() == ""


def test_all_that_match_are_retried_after_a_dry_run(mended):
    stage, acting = mended
    acting.look("/deliveries?webhook=w&state=failed")

    asked = acting.press("Retry all that match")

    assert "3 deliveries would be attempted again" in asked
    assert stage.daemon.tally("failed") == 3
    # What comes between the question and the answer is not meant.
    stage.moods["w"] = Answer(422)
    stage.daemon.drop_rows("b.ndjson", {"id": "9"})
    stage.wait_for(failed=4)
    stage.moods.clear()
    told = acting.press("Retry 3")
    assert "3 deliveries retried." in told
    stage.wait_for(delivered=3)
    assert stage.daemon.tally("failed") == 1
    assert "3 deliveries retried" not in acting.look("/deliveries")


def test_without_a_filter_what_failed_is_retried(mended):
    stage, acting = mended
    acting.look("/deliveries")

    asked = acting.press("Retry all that match")

    assert "3 deliveries would be attempted again" in asked
    assert "state failed" in asked
    assert "3 deliveries retried." in acting.press("Retry 3")
    stage.wait_for(delivered=3)


def test_one_delivery_is_retried(mended):
    stage, acting = mended
    id_ = ids(stage, limit=1)[0]
    acting.look(f"/deliveries/{id_}")

    assert "1 delivery would be attempted again" in acting.press("Retry…")
    assert "1 delivery retried." in acting.press("Retry 1")

    stage.wait_for(delivered=1)


def test_a_webhook_is_paused_and_resumed_and_what_waits_is_cancelled(mended):
    stage, acting = mended
    acting.look("/webhooks/w")
    assert "Pause w?" in acting.press("Pause…")
    assert stage.ask("/v1/status")["webhooks"][0]["hold"] is None

    assert "w is paused." in acting.press("Pause it", reason="it moves <house>")

    assert stage.ask("/v1/status")["webhooks"][0]["hold"] == "it moves <house>"
    assert "it moves &lt;house&gt;" in acting.html
    stage.daemon.drop_rows("b.ndjson", {"id": "9"})
    stage.wait_for(held=1)
    acting.look("/deliveries?state=held")
    acting.press("Cancel all that match")
    assert "1 delivery cancelled." in acting.press("Cancel 1")
    acting.look("/")
    assert "0 deliveries go out at once" in acting.press("Resume…")
    assert "w goes on." in acting.press("Resume it")
    assert stage.ask("/v1/status")["webhooks"][0]["hold"] is None
    assert "It is not held." in plain_text(
        acting.client.post(
            "/webhooks/w/resume",
            data={"form_token": re.search(r'form_token" value="([^"]*)', acting.html)[1]},
            headers=SAME,
        ).text
    )


def test_an_empty_daemon_has_pages_too(tmp_path):
    with Stage(tmp_path) as stage:
        stage.daemon.configure({"w": stage.webhook("w")})
        stage.daemon.start()
        with stage.console().viewer() as client:
            acting = Acting(client)
            assert "Nothing needs you." in acting.look("/")
            assert "No delivery matches." in acting.look("/deliveries")
            assert "None yet." in acting.look("/webhooks/w")


def test_the_inbox_has_a_line_for_each_cause(acting):
    text = acting.look("/inbox")

    assert acting.html.count('<a class="subject"') == 3
    assert "the receiver answered 422, which is not retried" in text
    assert "the warehouse moves house" in text
    assert "100 deliveries would be attempted again" in acting.press("Retry…")


def test_the_sources_and_one_of_them(acting):
    assert "export" in acting.look("/sources")
    text = acting.look("/sources/export")
    assert "100 known records" in text
    assert "billing-sync" in text
    acting.look("/sources/no-such", status=404)


def test_known_records_are_backfilled_after_they_were_counted(mended):
    stage, acting = mended
    acting.look("/webhooks/w")
    assert "Count them" in acting.press("Backfill…")
    assert "number, please" in acting.press("Count", where="", per_second="many")
    assert "would be made" in acting.press("Count", where="", per_second="50")
    assert "3 deliveries of 3 known records would be made" in plain_text(acting.html)

    assert "The backfill of w has begun." in acting.press("Make 3")

    stage.wait_for(delivered=3)


def test_conditions_of_a_backfill_that_are_wrong_are_said(mended):
    _, acting = mended
    acting.look("/webhooks/w")
    acting.press("Backfill…")
    token = re.search(r'form_token" value="([^"]*)', acting.html)[1]

    answer = acting.client.post(
        "/webhooks/w/backfill",
        data={"form_token": token, "count": "1", "where": "{operator: EQ}"},
        headers=SAME,
    )

    assert answer.status_code == 400
    assert "is wrong" in answer.text


def test_the_configuration_is_reloaded_or_refused_with_its_place(mended):
    stage, acting = mended
    assert "in force" in acting.look("/configuration")
    assert "Have the daemon read it anew?" in acting.press("Reload…")
    assert "Reloaded: unchanged" in acting.press("Reload it")
    stage.daemon.config.write_text(stage.daemon.config.read_text() + "nonsense: 1\n")
    acting.press("Reload…")

    text = acting.press("Reload it")

    assert "It was refused, and changed nothing" in text
    assert re.search(r"config\.yaml:\d+:\d+: .*nonsense", text)
    assert "was refused" in acting.look("/")


def test_what_is_on_the_disk_is_shown_beside_what_is_in_force(mended):
    stage, acting = mended
    assert "A reload would change nothing" in acting.look("/configuration")
    text = stage.daemon.config.read_text()
    stage.daemon.config.write_text(text.replace("/w", "/elsewhere"))

    shown = acting.look("/configuration")

    assert "changed webhook w" in shown
    assert "/elsewhere" in shown
    acting.press("Reload…")
    assert "Reloaded: reloaded" in acting.press("Reload it")
    assert "A reload would change nothing" in plain_text(acting.html)


def test_a_file_that_was_set_aside_is_shown_with_its_bad_rows(mended):
    stage, acting = mended
    stage.daemon.drop("wrong.csv", "id,email\n1,a@example.com\n,<b>nobody</b>\n")
    until(lambda: stage.ask("/v1/status")["sources"][0]["files_failed"], "it is set aside")

    assert "1 file was set aside" in acting.look("/")
    assert "wrong.csv" in acting.look("/sources/export")
    (report,) = re.findall(r'href="(/sources/export/files/[^"]+)"', acting.html)
    text = acting.look(report)

    assert "Bad rows 1" in text
    acting.look("/sources/export/files/no-such.csv", status=404)
    acting.look("/sources/export/files/..%2f..%2fconfig.yaml", status=404)


def test_a_snapshot_that_lacks_most_is_let_through_by_a_person(tmp_path):
    with Stage(tmp_path) as stage:
        stage.daemon.configure({"w": stage.webhook("w")}, source={"content": "snapshot"})
        stage.daemon.start()
        stage.daemon.drop_rows("a.ndjson", *({"id": str(n)} for n in range(40)))
        stage.wait_for(delivered=40)
        stage.daemon.drop_rows("b.ndjson", {"id": "1"})
        until(lambda: stage.ask("/v1/status")["sources"][0]["files_failed"], "it is set aside")
        with stage.console().viewer() as client:
            acting = Acting(client)
            acting.look("/sources/export")
            assert "is taken for deleted" in acting.press("Let through…")
            assert "was let through" in acting.press("Let it through")
            until(lambda: stage.ask("/v1/status")["sources"][0]["records"] == 1, "it was taken")
