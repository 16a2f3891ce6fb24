"""`deliveries retry ID --to URL`: a copy goes to a desk, and nothing changes."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.daemon import SECRET, until
from tests.receiver import Answer, Receiver
from webhookd import clock
from webhookd.definitions import Scheme
from webhookd.model import Secret
from webhookd.rules.verification import Verified, verify

TABLES = ("deliveries", "attempts", "lanes")
KEY = "canary-of-the-receiver"


def hook(url, **request):
    return {
        "source": "export",
        "object": "contacts",
        "trigger": {"changes": ["created"]},
        "request": {"url": url, "allow_http": True} | request,
    }


def stored(daemon):
    """Return all that the database knows of deliveries and attempts."""
    with closing(sqlite3.connect(daemon.state / "webhookd.db")) as database:
        return [database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES]  # noqa: S608


@pytest.fixture
def delivered(daemon):
    """Give a daemon that delivered one record by webhooks of each kind, and what came."""
    daemon.environment |= {"KEY": KEY}
    with Receiver() as receiver:
        url = receiver.url
        daemon.configure(
            {
                "signed": hook(
                    f"{url}/signed?own=1",
                    signature={"app_id": "1234567", "scheme": "hubspot_v3"},
                    headers={"X-Own": "kept", "X-Api-Key": "canary-literal-key"},
                    authentication={"type": "bearer", "token": {"env": "KEY"}},
                ),
                "asking": hook(
                    f"{url}/asking", method="GET", query={"properties": ["email", "note"]}
                ),
            }
        )
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": "7", "email": "ä@example.com", "note": "a;b&c"})
        until(lambda: len(receiver.received) == 2, "delivered")
        until(lambda: all(one["state"] == "delivered" for one in daemon.deliveries()), "settled")
        came = {one.target.partition("?")[0][1:]: one for one in receiver.received}
        yield daemon, came
        daemon.stop()


def replayed(daemon, id_, to, *more):
    arguments = ("deliveries", "retry", id_, "--to", to, "--state-directory", "state", *more)
    return daemon.command(*arguments)


def test_a_copy_has_the_method_body_and_id_and_a_signature_for_its_url(delivered):
    daemon, came = delivered
    before, first = stored(daemon), came["signed"]
    with Receiver(lambda _: Answer(202, {"X-Desk": "yes"}, b"taken")) as desk:
        to = f"{desk.url}/hook?at=desk"
        done = replayed(daemon, first.id[-8:], to, "--config", "config.yaml")

    assert done.returncode == 0, done.stderr
    assert len(desk.received) == 1
    copy = desk.received[0]
    assert (copy.method, copy.body, copy.id) == (first.method, first.body, first.id)
    assert copy.target == "/hook?at=desk"
    assert copy.headers["webhookd-replay"] == "1"
    assert copy.headers["content-type"] == first.headers["content-type"]
    assert copy.headers["x-own"] == "kept"
    assert not {"authorization", "x-api-key"} & copy.headers.keys()
    assert verify(
        method=copy.method,
        url=to,
        headers=copy.headers,
        body=copy.body,
        secrets=[Secret(SECRET)],
        now=clock.now(),
    ) == Verified(Scheme.HUBSPOT_V3)
    assert "answered 202 Accepted in " in done.stdout
    assert "taken" in done.stdout
    assert "signed for this URL (hubspot_v3)" in done.stdout
    assert "left out, for they are secrets of the receiver: its authentication, X-Api-Key" in (
        done.stdout
    )
    assert "canary" not in done.stdout + done.stderr + str(copy.headers)
    assert stored(daemon) == before


def test_without_a_daemon_and_without_a_configuration_it_goes_unsigned_and_says_so(delivered):
    daemon, came = delivered
    daemon.stop()
    before, first = stored(daemon), came["asking"]
    with Receiver() as desk:
        done = replayed(daemon, first.id, f"{desk.url}/x")

    assert done.returncode == 0, done.stderr
    copy = desk.received[0]
    assert (copy.method, copy.body, copy.id) == ("GET", b"", first.id)
    assert copy.target == "/x" + first.target.removeprefix("/asking")
    assert "without a signature and headers of its own: there is no configuration here" in (
        done.stdout
    )
    assert stored(daemon) == before


def test_an_answer_that_is_no_success_or_none_is_exit_1(delivered):
    daemon, came = delivered
    with Receiver(lambda _: Answer(500, body=b"broken")) as desk:
        failed = replayed(daemon, came["signed"].id, desk.url)
        away = desk.url
    gone = replayed(daemon, came["signed"].id, away)

    assert failed.returncode == 1
    assert "the desk answered 500, which is no success" in failed.stderr
    assert "broken" in failed.stdout
    assert gone.returncode == 1
    assert "no answer: refused" in gone.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "it takes one ID, and no filter"),
        (("a", "b"), 2, "it takes one ID, and no filter"),
        (("a", "--webhook", "signed"), 2, "it takes one ID, and no filter"),
        (("nothing-like-it",), 1, "nothing-like-it"),
        (("7" * 400,), 1, "777"),
        (("\udcff",), 2, "it is not UTF-8"),
    ],
)
def test_what_is_not_one_delivery_is_refused(delivered, arguments, code, says):
    daemon, _ = delivered
    to = ("--to", "http://localhost:1/", "--state-directory", "state")
    done = daemon.command("deliveries", "retry", *arguments, *to)

    assert done.returncode == code
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("to", "says"),
    [("http://10.0.0.9/", "plain http to 10.0.0.9"), ("ftp://x/", "this is not a URL")],
)
def test_a_copy_goes_only_where_a_desk_may_be(delivered, to, says):
    daemon, came = delivered
    done = replayed(daemon, came["signed"].id, to)

    assert done.returncode == 1
    assert says in done.stderr


def test_without_to_a_configuration_makes_no_sense(daemon):
    daemon.configure({"a": hook("http://127.0.0.1:1/")})
    done = daemon.command("deliveries", "retry", "a", "--config", "config.yaml")

    assert done.returncode == 2
    assert "it goes with --to" in done.stderr


def test_a_configuration_that_was_named_and_is_wrong_is_told(delivered):
    daemon, came = delivered
    daemon.config.write_text(json.dumps({"version": 9}))
    done = replayed(daemon, came["signed"].id, "http://localhost:1/", "--config", "config.yaml")

    assert done.returncode == 1
    assert "config.yaml:" in done.stderr


def test_json_tells_what_was_sent_and_what_came(delivered):
    daemon, came = delivered
    with Receiver(lambda _: Answer(201, {"X-Desk": "mine"}, b'{"ok":true}')) as desk:
        url = f"{desk.url}/hook"
        arguments = ("deliveries", "retry", came["signed"].id, "--to", url, "--json")
        done = daemon.command(*arguments, "--config", "config.yaml", "--state-directory", "state")
    refused = daemon.command(*arguments, "--config", "config.yaml", "--state-directory", "state")

    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (told["status"], told["answer"], told["error"]) == (201, '{"ok":true}', None)
    assert told["answer_headers"]["X-Desk"] == "mine"
    assert told["request_headers"]["webhookd-replay"] == "1"
    assert told["request_headers"]["webhook-id"] == told["delivery_id"] == came["signed"].id
    assert KEY not in done.stdout
    assert SECRET not in done.stdout
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["status"] is None
    assert "no answer" in refused.stderr
    without = daemon.command("deliveries", "retry", came["signed"].id, "--json")
    assert without.returncode == 2
