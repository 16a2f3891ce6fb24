"""Every page, whatever there is: nothing, one, many; a secret that comes back; no daemon."""

import json
import re
from contextlib import contextmanager

import pytest

from tests.console.stage import CANARY, Stage
from tests.console.test_pages import SAME, plain_text
from tests.daemon import until
from tests.receiver import Answer
from webhookd.console.routes import PAGES

MANY = 120
"""More than a page of a list has."""

NOTHING = re.compile(r"\b(None(?! yet|\.)|undefined|NaN)\b")
"""What a value that is not there looks like, where nobody thought of it."""

GETS = [one.path for one in PAGES if one.method == "GET" and one.path != "/events"]
POSTS = [one.path for one in PAGES if one.method == "POST" and one.path != "/leave"]
QUERIES = ("/deliveries?state=failed&webhook=w", "/compose?webhook=w", "/webhooks/w?days=7")


@pytest.fixture(scope="module")
def echoed(tmp_path_factory):
    """Give a daemon whose receiver refuses everything, and says what secret it was sent."""
    with Stage(tmp_path_factory.mktemp("echoed")) as stage:
        key = {"type": "api_key", "name": "X-Key", "location": "header", "key": {"env": "CANARY"}}
        request = {"authentication": key, "headers": {"X-Room": "{{ secrets.room }}"}}
        stage.receiver.answer = lambda got: Answer(
            422, body=f"not {got.headers['x-key']} in {got.headers['x-room']}".encode()
        )
        stage.daemon.configure(
            {"w": stage.webhook("w", request=request)}, secrets={"room": {"env": "CANARY"}}
        )
        stage.daemon.start()
        yield stage


def filled(stage, path):
    """Return a path with what there is in the place of its names; empty where there is nothing."""
    if "{file}" in path:
        return ""
    listed = stage.ask("/v1/deliveries", limit=1)["deliveries"]
    if "{id}" in path and not listed:
        return ""
    name = "export" if path.startswith("/sources") else "w"
    return path.format(name=name, id=listed[0]["id"] if listed else "")


def looked_at(stage, client, count):
    """Look at every page while there are *count* records."""
    for path in (*(filled(stage, one) for one in GETS), *QUERIES):
        if path:
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.text)
            assert CANARY not in answer.text, path
            assert not NOTHING.search(plain_text(answer.text)), path
            head = client.head(path)
            assert (head.status_code, head.content) == (200, b""), path
    # Counted behind the commit that the deliveries came with.
    until(
        lambda: f"{count:,} known record" in plain_text(client.get("/sources/export").text),
        f"{count} known records",
    )


def test_each_page_with_none_with_one_and_with_many(echoed):
    with echoed.console().viewer() as client:
        looked_at(echoed, client, 0)
        echoed.daemon.drop_rows("a.ndjson", {"id": "1"})
        echoed.wait_for(failed=1)
        looked_at(echoed, client, 1)
        echoed.daemon.drop_rows("b.ndjson", *({"id": str(n)} for n in range(2, MANY + 1)))
        echoed.wait_for(failed=MANY)
        looked_at(echoed, client, MANY)
        shown = client.get(filled(echoed, "/deliveries/{id}")).text
        assert "not *** in ***" in shown
        assert "X-Key: ***" in plain_text(shown).replace("&#39;", "'")
        assert "curl" in shown


@contextmanager
def listening(client):
    """Give the happenings of the console's stream, one by one."""
    with client.stream("GET", "/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        yield (line.removeprefix("data: ") for line in stream.iter_lines() if "data: " in line)


def test_no_secret_is_in_the_stream(echoed):
    with echoed.console().viewer() as client, listening(client) as happenings:
        assert json.loads(next(happenings)) == {}
        echoed.daemon.drop_rows("s.ndjson", {"id": "streamed", "email": CANARY[:-1]})
        heard = ""
        while "contacts/streamed" not in heard:
            heard = next(happenings)
            assert CANARY not in heard
        assert client.head("/events").status_code == 200


def test_without_a_daemon_every_page_says_so_and_every_form_is_answered(echoed):
    with echoed.console().viewer() as client:
        token = re.search(r'name="form_token" value="([^"]+)"', client.get("/").text)[1]
        paths = [filled(echoed, path) for path in GETS]
        echoed.daemon.kill()
        # What a page asked for a moment ago it does not ask for again.
        until(lambda: client.get("/live").status_code == 503, "what is known is old")
        for path in filter(None, paths):
            answer = client.get(path)
            assert (answer.status_code, "admin.sock" in answer.text) == (503, True), path
        for path in POSTS:
            given = {"form_token": token, "confirm": "1", "upto": "1", "count": "1", "send": "1"}
            answer = client.post(path.format(name="w"), data=given, headers=SAME)
            assert answer.status_code in {400, 503}, (path, answer.text)
        echoed.daemon.start()
        assert client.get("/").status_code == 200


def test_a_viewer_sees_every_page_and_no_button_that_acts(echoed):
    with echoed.console("--role", "viewer").viewer() as client:
        for path in (*(filled(echoed, one) for one in GETS), *QUERIES):
            if path:
                answer = client.get(path)
                assert answer.status_code == 200, path
                forms = set(re.findall(r'(?:form)?action="([^"]*)"', answer.text))
                assert forms <= {"/leave", "/compose", "/deliveries"}, path
