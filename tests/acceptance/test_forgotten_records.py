"""`records forget`: nothing is left of a record, whoever works with it meanwhile."""

import json
import threading

import pytest

from tests.daemon import until
from tests.receiver import Answer, Receiver

CANARY = "canary-4711-ada"
WHERE = ("--state-directory", "state")


def hook(receiver, **more):
    return {
        "source": "export",
        "object": "contacts",
        "trigger": {"enroll": "once", "changes": ["created", "updated"]},
        "request": {
            "url": f"{receiver.url}/hook/{{{{ properties.name }}}}",
            "allow_http": True,
            "headers": {"X-Name": "{{ properties.name }}"},
            "body": {"properties": "all"},
        },
    } | more


def answering(received):
    """Answer with what was sent, in the body and in a header."""
    return Answer(500, {"X-Echo": received.headers["x-name"]}, received.body)


def everything(daemon):
    """Return all bytes that the database's files hold."""
    files = daemon.state.glob("webhookd.db*")
    return b"".join(path.read_bytes() for path in files)


def forget(daemon, *more):
    return daemon.command("records", "forget", f"contacts/{CANARY}-id", *more, *WHERE)


def taken(daemon, number):
    until(lambda: len(daemon.named("file.taken")) == number, "the file")


def test_no_byte_of_it_is_left_and_others_stay(daemon):
    with Receiver(answering) as receiver:
        mirror = hook(receiver)
        ordered = hook(receiver, trigger={}, delivery={"order": "record"})
        daemon.configure({"mirror": mirror, "ordered": ordered})
        daemon.start()
        rows = [{"id": f"{CANARY}-id", "name": f"{CANARY}-{number}"} for number in range(3)]
        for number, row in enumerate(rows, 1):
            daemon.drop_rows(f"{number}.ndjson", row, {"id": 7, "name": f"other {number}"})
            taken(daemon, number)
        until(lambda: len(daemon.named("delivery.attempted")) >= 4, "attempts")
        assert CANARY.encode() in everything(daemon)

        counted = json.loads(forget(daemon, "--dry-run", "--json").stdout)
        shown = daemon.command("records", "show", f"contacts/{CANARY}-id", *WHERE)
        assert shown.returncode == 0, shown.stderr
        done = forget(daemon)
        again = forget(daemon)

    assert counted | {"attempts": 0} == {
        "source": "export",
        "object": "contacts",
        "is_dry_run": True,
        "is_known": True,
        "changes": 3,
        "enrollments": 1,
        "deliveries": 4,
        "cancelled": 4,
        "attempts": 0,
        "is_rewritten": None,
    }
    assert counted["attempts"] >= 2
    assert done.returncode == 0, done.stderr
    assert "cancelled: 4 deliveries" in done.stdout
    assert "written anew" in done.stdout
    assert again.returncode == 1
    assert "has no record" in again.stderr or "no record of" in again.stderr
    assert CANARY.encode() not in everything(daemon)
    (line,) = daemon.named("person.acted")
    assert (line["action"], line["subject"]) == ("forget", "export/contacts")
    assert CANARY not in json.dumps(line)
    listed = daemon.command("deliveries", "list", "--json", *WHERE).stdout
    states = [json.loads(one) for one in listed.splitlines()]
    assert sorted(one["state"] for one in states if not one["record_id"]) == ["cancelled"] * 4
    assert {one["record_id"] for one in states} == {"", "7"}
    for one in states:
        if not one["record_id"]:
            retried = daemon.command("deliveries", "retry", one["id"], *WHERE)
            assert "1 retried" not in retried.stdout + retried.stderr
    assert "contacts/(forgotten)" in daemon.command("deliveries", "list", *WHERE).stdout
    other = json.loads(daemon.command("records", "show", "contacts/7", "--json", *WHERE).stdout)
    assert len(other["changes"]) == 3
    daemon.stop()
    assert CANARY.encode() not in everything(daemon)


def test_an_attempt_under_way_brings_nothing_back(daemon):
    go_on = threading.Event()

    def held(received):
        assert go_on.wait(60)
        return Answer(200, {"X-Echo": CANARY}, received.body)

    with Receiver(held) as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": f"{CANARY}-id", "name": CANARY})
        until(lambda: receiver.received, "the request")
        assert forget(daemon).returncode == 0
        go_on.set()
        until(lambda: daemon.named("delivery.attempted"), "the attempt")
        daemon.stop()

    assert CANARY.encode() not in everything(daemon)
    daemon.start()
    (one,) = daemon.command("deliveries", "list", "--json", *WHERE).stdout.splitlines()
    delivery = json.loads(one)
    shown = json.loads(
        daemon.command("deliveries", "show", delivery["id"], "--json", *WHERE).stdout
    )
    assert (shown["state"], shown["attempt_log"][0]["status"]) == ("cancelled", 200)
    assert shown["attempt_log"][0]["answer"] == ""


def test_a_record_that_the_source_still_has_comes_again_as_created(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        for number in (1, 2):
            daemon.drop_rows(f"{number}.ndjson", {"id": f"{CANARY}-id", "name": f"name {number}"})
            taken(daemon, number)
            until(lambda: len(receiver.received) == number, "the request")  # noqa: B023 - waited for here
            assert forget(daemon).returncode == 0

    changes = [json.loads(one.body)["properties"]["name"] for one in receiver.received]
    assert changes == ["name 1", "name 2"]


def test_several_sources_are_asked_about_and_one_is_forgotten(daemon):
    people = {"type": "drop_directory", "path": "people", "object": "contacts"}
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)}, sources={
            "export": {**people, "path": "crm"}, "people": people,
        })  # fmt: skip
        daemon.start()
        row = json.dumps({"id": f"{CANARY}-id", "name": "x"}) + "\n"
        for number, folder in enumerate(("crm", "people"), 1):
            (daemon.folder / folder / "tmp" / "1.ndjson").write_text(row)
            (daemon.folder / folder / "tmp" / "1.ndjson").rename(
                daemon.folder / folder / "new" / "1.ndjson"
            )
            taken(daemon, number)
        refused = forget(daemon)
        done = forget(daemon, "--source", "people", "--json")
        left = daemon.command("records", "list", "--json", *WHERE).stdout.splitlines()

    assert refused.returncode == 1
    assert "(export, people)" in refused.stderr
    assert json.loads(done.stdout)["source"] == "people"
    assert [json.loads(one)["source"] for one in left] == ["export"]


def test_without_a_daemon_nothing_is_forgotten(daemon):
    done = forget(daemon)

    assert done.returncode == 3


@pytest.mark.parametrize("is_running", [True, False])
def test_a_file_is_written_anew_where_no_daemon_runs(daemon, is_running):
    daemon.configure({})
    daemon.start()
    if not is_running:
        daemon.stop()

    done = daemon.command("db", "vacuum", *WHERE)

    assert (done.returncode == 0) is not is_running, done.stderr
    assert ("written anew" in done.stdout) is not is_running
