"""`test` with real records: known ones, the last change of one, those that a source has now."""

import json

import pytest

from tests.daemon import until
from tests.fake_hubspot import Account, FakeHubspot
from tests.receiver import Receiver
from webhookd.storage.database.database import open_database

REQUEST = {
    "url": "https://erp.example.com/hook",
    "authentication": {"type": "bearer", "token": {"env": "APP_SECRET"}},
    "body": {"properties": ["stage", "amount"]},
}
CUSTOMER = [{"property": "stage", "operator": "EQ", "value": "customer"}]
TEST = ("test", "mirror", "--config", "config.yaml", "--state-directory", "state")


def hook(**trigger):
    return {"source": "export", "object": "contacts", "trigger": trigger, "request": REQUEST}


@pytest.fixture
def tried(daemon):
    """Return what tries records that a daemon took: beside it, and again when it is stopped."""

    def run(webhook, steps, arguments, **more):
        with Receiver() as receiver:
            answering = REQUEST | {"url": receiver.url, "allow_http": True}
            daemon.configure({"mirror": webhook | {"request": answering}})
            daemon.start()
            for number, rows in enumerate(steps):
                daemon.drop_rows(f"{number}.ndjson", *rows)
                until(lambda: len(daemon.named("file.taken")) > number, "the file")  # noqa: B023 - waited for here
            daemon.configure({"mirror": webhook})
            running = daemon.command(*TEST, *arguments, **more)
            daemon.stop()
        stopped = daemon.command(*TEST, *arguments, **more)

        assert "Traceback" not in running.stderr + stopped.stderr
        assert running.returncode == stopped.returncode
        assert running.stderr == stopped.stderr
        assert without_delivery(running.stdout) == without_delivery(stopped.stdout)
        return stopped

    return run


def without_delivery(text):
    """Return what is printed without what is new with each request."""
    return [
        line
        for line in text.splitlines()
        if not line.startswith(("webhook-", "curl", "x-hubspot", "content-length"))
    ]


def body_of(done):
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))


def test_a_known_record_counts_as_seen_for_the_first_time(tried):
    rows = [[{"id": 7, "stage": "lead", "amount": 1}], [{"id": 7, "stage": "customer"}]]

    done = tried(hook(when=CUSTOMER, enroll="every_match"), rows, ("--record-id", "7"))

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [
        "record    contacts/7 of export, as webhookd knows it",
        "mirror fires for contacts/7, created",
    ]
    assert "amount: the record has no property of this name" in done.stdout
    assert body_of(done) == {"stage": "customer", "amount": None}
    assert "authorization: bearer ***" in done.stdout.lower()


def test_one_that_does_not_fire_ends_with_4(tried):
    done = tried(hook(when=CUSTOMER), [[{"id": 7, "stage": "lead"}]], ("--record-id", "7"))

    assert done.returncode == 4
    assert '- stage EQ customer  (met "lead")' in done.stdout


def test_one_that_was_reported_and_is_enrolled_once_does_not_fire_again(tried):
    done = tried(hook(enroll="once"), [[{"id": 7, "stage": "lead"}]], ("--record-id", "7"))

    assert done.returncode == 4
    assert "mirror does not fire for contacts/7, created" in done.stdout
    assert "enroll once: the record was reported before" in done.stdout


@pytest.mark.parametrize(
    ("before", "code", "told"),
    [
        (("stage=lead",), 0, "mirror fires for contacts/7, updated"),
        (("amount=2",), 4, "enroll every_match: the record matched before already"),
        (("stage=",), 0, "of changed_properties, there changed: stage"),
        (("email=x",), 4, "none of changed_properties changed (amount, stage)"),
        (("amount=1",), 4, "none of changed_properties changed (amount, stage)"),
        (("stage=lead", "--change", "created"), 4, "the record was created, none of"),
    ],
    ids=str,
)
def test_what_was_before_makes_it_an_update(tried, before, code, told):
    webhook = hook(
        when=CUSTOMER,
        changes=["updated"],
        changed_properties=["stage", "amount"],
        enroll="every_match",
    )
    rows = [[{"id": 7, "stage": "customer", "amount": 1}]]

    done = tried(webhook, rows, ("--record-id", "7", "--before", *before))

    assert done.returncode == code, done.stdout
    assert told in done.stdout


def test_an_unknown_record_ends_with_1_and_what_to_do(tried):
    rows = [[{"id": number} for number in range(1, 6)]]

    done = tried(hook(), rows, ("--record-id", "77"))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.removeprefix("webhookd: ").rstrip() == (
        "contacts has no record '77' in the source 'export'; it has '1', '2', '3' …;"
        " --record FILE takes one from a file"
    )


def test_a_deleted_record_has_its_deletion_left(tried):
    rows = [[{"id": 7, "stage": "lead"}], [{"id": 7, "properties": {}, "archived": True}]]
    webhook = hook(changes=["deleted"])

    gone = tried(webhook, rows, ("--record-id", "7"))

    assert gone.returncode == 1
    assert "contacts/7 was deleted, and no more is known of it; --last shows" in gone.stderr


def test_the_last_change_is_tried_as_it_was_seen(tried):
    rows = [
        [{"id": 7, "stage": "lead", "amount": 1}, {"id": 8, "stage": "lead"}],
        [{"id": 7, "stage": "customer", "amount": 1}],
        [{"id": 8, "stage": "customer"}, {"id": 8, "stage": "customer", "amount": 3}],
    ]
    webhook = hook(when=CUSTOMER, enroll="every_match")

    last = tried(webhook, rows, ("--last",))

    assert last.returncode == 4
    assert "mirror does not fire for contacts/8, updated" in last.stdout
    assert "enroll every_match: the record matched before already" in last.stdout
    assert last.stdout.startswith("record    the last change of contacts that is kept, seen 20")
    assert body_of(last) == {"stage": "customer", "amount": 3}


def test_the_last_change_of_a_record_is_tried_as_it_was_seen(tried):
    rows = [
        [{"id": 7, "stage": "lead"}],
        [{"id": 7, "stage": "customer"}],
        [{"id": 8, "stage": "lead"}],
    ]
    webhook = hook(when=CUSTOMER, enroll="every_match")

    done = tried(webhook, rows, ("--last", "--record-id", "7"))

    assert done.returncode == 0, done.stderr
    assert "mirror fires for contacts/7, updated" in done.stdout
    assert "the last change of contacts/7 that is kept" in done.stdout


def test_the_first_report_of_a_record_that_is_enrolled_once_fires_as_it_did(tried):
    rows = [[{"id": 7, "stage": "lead"}]]

    first = tried(hook(enroll="once"), rows, ("--last",))

    assert first.returncode == 0, first.stdout


def test_the_deletion_of_a_record_is_its_last_change(tried):
    rows = [[{"id": 7, "stage": "lead"}], [{"id": 7, "properties": {}, "archived": True}]]

    done = tried(hook(changes=["deleted"]), rows, ("--last", "--record-id", "7"))

    assert done.returncode == 0, done.stderr
    assert "mirror fires for contacts/7, deleted" in done.stdout
    assert body_of(done) == {"stage": "lead", "amount": None}


def test_where_no_change_is_kept_that_is_said(tried):
    done = tried(hook(), [[{"id": 7}]], ("--last", "--record-id", "8"))

    assert done.returncode == 1
    assert "no change of contacts/8 in the source 'export' is kept" in done.stderr
    assert "--record-id ID takes a record as it is known" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--record", "r.json", "--record-id", "7"), "take one of --record and --record-id"),
        (("--last", "--change", "created"), "it says all of a change, --change too"),
        (("--last", "--record", "r", "--before", "a=b"), "a change, --record, --before too"),
        (("--fetch",), "it goes with --record-id"),
        (("--record-id", "7", "--previous", "r", "--before", "a=b"), "--previous and --before"),
        (("--before", "a"), "'a' is not NAME=VALUE"),
        (("--record-id", "\udcff"), "it is not UTF-8"),
        (("--before", "=a"), "'=a' is not NAME=VALUE"),
    ],
    ids=str,
)
def test_options_that_contradict_each_other_are_refused(daemon, arguments, told):
    daemon.configure({"mirror": hook()})

    done = daemon.command(*TEST, *arguments)

    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


def test_without_a_daemon_and_a_database_it_is_said_where_it_was_looked(daemon):
    daemon.configure({"mirror": hook()})

    done = daemon.command("test", "mirror", "--config", "config.yaml", "--record-id", "7")

    assert done.returncode == 1
    assert "no database found (looked in " in done.stderr
    assert "--state-directory" in done.stderr


def test_a_drop_directory_cannot_be_asked_for_one_record(daemon):
    daemon.configure({"mirror": hook()})

    done = daemon.command(*TEST, "--record-id", "7", "--fetch")

    assert done.returncode == 1
    assert "the source export cannot be asked for one record" in done.stderr
    assert "--record FILE" in done.stderr


@pytest.fixture
def crm(daemon):
    """Return a fake HubSpot that the configuration's source asks; no daemon runs."""
    account = Account({"contacts": {"stage": "enumeration", "amount": "number", "when": "date"}})
    fake = FakeHubspot(account)
    with fake.serving() as url:
        source = {
            "type": "hubspot",
            "base_url": url,
            "token": {"env": "CRM_TOKEN"},
            "objects": {"contacts": {"properties": ["stage", "amount"]}},
        }
        daemon.environment["CRM_TOKEN"] = "pat-token"
        daemon.configure({"mirror": hook(when=CUSTOMER)}, sources={"export": source})
        yield account


def fetched(daemon, record_id):
    done = daemon.command(*TEST, "--record-id", record_id, "--fetch")
    assert "Traceback" not in done.stderr
    assert "pat-token" not in done.stdout + done.stderr
    return done


def test_a_record_is_fetched_as_a_poll_would_read_it(daemon, crm):
    id_ = crm.create("contacts", {"stage": "customer", "amount": "1.10", "when": "2026-03-01"})

    done = fetched(daemon, id_)

    assert done.returncode == 0, done.stderr
    assert f"record    contacts/{id_}, as the source export has it now" in done.stdout
    assert f"mirror fires for contacts/{id_}, created" in done.stdout
    assert body_of(done) == {"stage": "customer", "amount": "1.10"}
    assert not (daemon.folder / "state").exists()


def test_a_fetched_record_that_does_not_fire_ends_with_4(daemon, crm):
    assert fetched(daemon, crm.create("contacts", {"stage": "lead"})).returncode == 4


def test_a_record_that_hubspot_does_not_have_ends_with_1(daemon, crm):
    archived = crm.create("contacts", {"stage": "customer"})
    crm.archive("contacts", archived)

    for id_ in (archived, "99999", "no-id", "a/../b"):
        done = fetched(daemon, id_)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"contacts {id_}" in done.stderr


def test_a_merged_record_is_told_with_the_one_to_ask_for(daemon, crm):
    survivor, loser = (crm.create("contacts", {"stage": "customer"}) for _ in range(2))
    crm.merge("contacts", survivor, loser)

    done = fetched(daemon, loser)

    assert done.returncode == 1
    assert f"contacts {loser} was merged into {survivor}; ask for that id" in done.stderr


def test_a_token_that_is_refused_is_told_without_it(daemon, crm):
    daemon.environment["CRM_TOKEN"] = "canary-token-of-nobody"

    done = daemon.command(*TEST, "--record-id", "1", "--fetch")

    assert done.returncode == 1
    assert "401" in done.stderr
    assert "canary" not in done.stderr


def test_an_unknown_record_of_hubspot_may_be_fetched(daemon, crm):
    daemon.state.mkdir()
    open_database(f"sqlite:///{daemon.state / 'webhookd.db'}").close()

    done = daemon.command(*TEST, "--record-id", "1")

    assert done.returncode == 1
    assert "no record of contacts is known of the source 'export': none was read yet" in done.stderr
    assert "--fetch asks the source itself" in done.stderr
