"""Changing very many deliveries by hand: counted, then changed as counted, one change at a time."""

import json
import sqlite3
import threading

import pytest

from tests.daemon import Daemon, until
from tests.receiver import Answer, Receiver
from webhookd.client.admin_address import AdminAddress
from webhookd.client.blocking import Client
from webhookd.client.client_errors import RefusedError

FAILED = 40


@pytest.fixture
def receiver():
    with Receiver(lambda _: Answer(404)) as one:
        yield one


@pytest.fixture
def daemon(tmp_path, receiver):
    one = Daemon(tmp_path)
    request = {"url": receiver.url, "allow_http": True}
    one.configure({"lost": {"source": "export", "object": "contacts", "request": request}})
    one.start()
    one.drop_rows("1.ndjson", *({"id": number} for number in range(FAILED)))
    until(lambda: one.tally("failed") == FAILED, "failures")
    yield one
    one.close()


def client_of(daemon):
    return Client(AdminAddress(daemon.state / "admin.sock"), None, 60)


def test_what_is_stored_behind_the_count_is_not_touched(daemon, receiver):
    client = client_of(daemon)
    meant = {"webhook": "lost", "error": "4xx"}

    counted = client.post("/v1/deliveries/retry", dry_run=True, **meant)
    daemon.drop_rows("2.ndjson", *({"id": number} for number in range(100, 103)))
    until(lambda: daemon.tally("failed") == FAILED + 3, "more failures")
    receiver.answer = lambda _: Answer(200)
    lines = list(client.stream("/v1/deliveries/retry", stream=True, upto=counted["upto"], **meant))
    until(lambda: daemon.tally("delivered") == FAILED, "deliveries")

    assert (counted["count"], counted["overtaken"], counted["dry_run"]) == (FAILED, 0, True)
    newest = client.get("/v1/deliveries", webhook="lost", before=counted["upto"] + 1, limit=5)
    assert counted["examples"] == [one["id"] for one in newest["deliveries"]]
    assert [line["over"] for line in lines] == [False] * (len(lines) - 1) + [True]
    end = lines[-1]
    assert (end["done"], end["of"], end["count"], end["error"]) == (FAILED, FAILED, FAILED, None)
    assert daemon.tally("failed") == 3
    assert client.get("/v1/status")["by_hand"] is None


@pytest.fixture
def slowly(daemon):
    """Have each step of a change by hand wait for a lock that something else has."""
    connection = sqlite3.connect(daemon.state / "webhookd.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def test_one_change_at_a_time_and_it_goes_on_without_who_asked(daemon, receiver, slowly):
    client = client_of(daemon)
    receiver.answer = lambda _: Answer(200)
    lines = client.stream("/v1/deliveries/retry", stream=True, state="failed")
    first = next(lines)
    status = client.get("/v1/status")["by_hand"]
    with pytest.raises(RefusedError, match="another retry by hand is under way") as refused:
        client.post("/v1/deliveries/cancel", webhook="lost")
    # By their ids, some are changed beside it: they are few.
    lines.close()
    slowly.rollback()

    until(lambda: daemon.tally("delivered") == FAILED, "deliveries")

    assert refused.value.status == 409
    assert (first["over"], first["of"]) == (False, FAILED)
    assert (status["action"], status["of"]) == ("retry", FAILED)
    until(lambda: client.get("/v1/status")["by_hand"] is None, "the end")


def test_a_stop_ends_it_behind_a_step_and_says_so(daemon, receiver, slowly):
    client = client_of(daemon)
    lines = []

    def read():
        lines.extend(client.stream("/v1/deliveries/retry", stream=True, state="failed"))

    reading = threading.Thread(target=read)
    reading.start()
    until(lambda: client.get("/v1/status")["by_hand"] is not None, "the change")
    slowly.rollback()
    stopped = daemon.stop()
    reading.join(30)

    assert stopped == 0
    assert lines[-1]["over"] is True
    assert lines[-1]["error"] in (None, "the daemon stops")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"dry_run": True, "stream": True, "state": "failed"}, "do not go together"),
        ({"state": "failed", "upto": -1}, "upto must be a whole number"),
        ({"state": "failed", "upto": "x"}, "upto must be a whole number"),
        ({"state": "failed", "upto": True}, "upto must be a whole number"),
        ({"state": "failed", "error": "5"}, "error must be a status as 422"),
        ({"state": "failed", "error": "422\n"}, "error must be a status as 422"),
        ({"state": "failed", "error": 422}, "error must be text"),
        ({"state": "failed", "change": "gone"}, "change must be one of created"),
        ({"state": "failed", "source": "\ud800"}, "not valid Unicode"),
        ({"state": "failed", "stream": "yes"}, "stream must be true or false"),
        ({"upto": 7}, "say which deliveries"),
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("action", ["retry", "cancel"])
def test_what_makes_no_sense_is_refused_with_a_sentence(daemon_once, action, body, why):
    with pytest.raises(RefusedError, match=why) as refused:
        client_of(daemon_once).post(f"/v1/deliveries/{action}", **body)
    assert refused.value.status == 400


@pytest.fixture(scope="module")
def daemon_once(tmp_path_factory):
    one = Daemon(tmp_path_factory.mktemp("daemon"))
    one.configure({})
    one.start()
    yield one
    one.close()
