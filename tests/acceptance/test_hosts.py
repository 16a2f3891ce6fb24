"""`host` of a drop directory: the daemon of that host reads it, every other leaves it alone."""

import json

import httpx
import pytest
import yaml

from tests import postgresql
from tests.daemon import until
from tests.receiver import Receiver


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def on(another):
    """Return a function that makes and starts a daemon on a host, with the same configuration."""

    def make(host, config, **environment):
        daemon = another(host, environment=environment)
        daemon.config = config
        daemon.start("--host", host)
        return daemon

    return make


def configure(tmp_path, receiver, **source):
    """Write the one configuration that all daemons of a test read."""
    hook = {"url": f"{receiver.url}/hook", "allow_http": True}
    content = {
        "version": 1,
        "egress": {"allow": ["127.0.0.0/8"]},
        "sources": {
            "export": {"type": "drop_directory", "path": "crm", "object": "contacts"} | source
        },
        "webhooks": {"mirror": {"source": "export", "object": "contacts", "request": hook}},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def drop(tmp_path, name):
    written = tmp_path / "crm" / "tmp" / name
    written.write_text(json.dumps({"id": name}) + "\n")
    written.rename(tmp_path / "crm" / "new" / name)


def claimed(daemon):
    return [event["file"] for event in daemon.named("file.claimed")]


def left(daemon):
    """Return what a daemon said of sources that it leaves to others."""
    keys = ("source", "host", "this_host")
    return [tuple(event[key] for key in keys) for event in daemon.named("source.elsewhere")]


def metrics(daemon):
    transport = httpx.HTTPTransport(uds=f"{daemon.state}/admin.sock")
    with httpx.Client(transport=transport) as client:
        return client.get("http://webhookd/metrics").text


def test_only_the_daemon_on_its_host_reads_it_and_a_reload_moves_it(tmp_path, receiver, on):
    config = configure(tmp_path, receiver, host="Alpha")
    beta = on("beta", config)
    assert not (tmp_path / "crm").exists()
    alpha = on("alpha", config)
    drop(tmp_path, "1.ndjson")
    until(lambda: len(receiver.received) == 1, "a delivery by alpha")
    assert (claimed(alpha), claimed(beta)) == (["1.ndjson"], [])
    assert (left(alpha), left(beta)) == ([], [("export", "Alpha", "beta")])

    configure(tmp_path, receiver, host="beta")
    assert alpha.reload()["event"] == "config.reloaded"
    drop(tmp_path, "2.ndjson")
    assert beta.reload()["event"] == "config.reloaded"
    until(lambda: len(receiver.received) == 2, "a delivery by beta")
    assert (claimed(alpha), claimed(beta)) == (["1.ndjson"], ["2.ndjson"])
    assert left(alpha) == [("export", "beta", "alpha")]

    assert alpha.reload()["event"] == "config.unchanged"
    assert [daemon.stop() for daemon in (alpha, beta)] == [0, 0]
    assert len(left(alpha)) == len(left(beta)) == 1
    assert not [event for event in alpha.events + beta.events if event["level"] == "error"]


def test_without_a_host_whoever_sees_it_reads_it_and_one_may_be_given_and_taken_away(
    tmp_path, receiver, on
):
    config = configure(tmp_path, receiver)
    daemon = on("alpha", config)
    drop(tmp_path, "1.ndjson")
    until(lambda: len(receiver.received) == 1, "a delivery")

    configure(tmp_path, receiver, host="beta")
    daemon.reload()
    until(lambda: left(daemon), "the source is left")
    drop(tmp_path, "2.ndjson")
    configure(tmp_path, receiver)
    daemon.reload()
    until(lambda: len(receiver.received) == 2, "a delivery of what came meanwhile")
    configure(tmp_path, receiver, host="beta")
    daemon.reload()
    until(lambda: len(left(daemon)) == 2, "the source is left again")
    assert daemon.stop() == 0


def test_a_file_in_work_waits_where_it_is_until_its_host_is_back(tmp_path, receiver, on):
    config = configure(tmp_path, receiver, host="alpha")
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"webhooks": {}}))
    here, rows = config.read_text(), 100_000
    daemon = on("alpha", config)
    written = tmp_path / "crm" / "tmp" / "1.ndjson"
    written.write_text("".join(f'{{"id": {number}}}\n' for number in range(rows)))
    written.rename(tmp_path / "crm" / "new" / "1.ndjson")
    until(lambda: daemon.look("SELECT coalesce(max(rows_taken), 0) FROM files"), "rows are taken")

    config.write_text(here.replace("alpha", "beta"))
    assert daemon.reload()["event"] == "config.reloaded"
    until(lambda: left(daemon), "the source is left")
    assert 0 < daemon.look("SELECT rows_taken FROM files") < rows
    assert len(list((tmp_path / "crm" / "work").glob("*/1.ndjson"))) == 1

    config.write_text(here)
    daemon.reload()
    (taken,) = until(lambda: daemon.named("file.taken"), "it is taken")
    assert (taken["rows"], daemon.look("SELECT count(*) FROM known_records")) == (rows, rows)
    assert daemon.stop() == 0


def test_a_daemon_on_postgresql_leaves_it_alone_too(tmp_path, receiver, on):
    server = postgresql.server()
    url = server.url(server.empty())
    config = configure(tmp_path, receiver, host="alpha")
    beta = on("beta", config, WEBHOOKD_DATABASE_URL=url)
    assert left(beta) == [("export", "alpha", "beta")]
    assert beta.stop() == 0
    assert not (tmp_path / "crm").exists()

    alpha = on("alpha", config, WEBHOOKD_DATABASE_URL=url)
    drop(tmp_path, "1.ndjson")
    until(lambda: receiver.received, "a delivery")
    assert alpha.stop() == 0


def test_status_and_lists_tell_who_reads_it_and_metrics_forget_it_where_it_was_read(
    tmp_path, receiver, on
):
    config = configure(tmp_path, receiver)
    daemon = on("alpha", config)

    def ask(*arguments):
        done = daemon.command(*arguments)
        assert done.returncode in (0, 10), done.stderr
        return done.stdout

    def status(*arguments):
        return ask("status", "--admin-address", f"unix:{daemon.state}/admin.sock", *arguments)

    def sources(*arguments):
        return ask("sources", "list", "--state-directory", str(daemon.state), *arguments)

    drop(tmp_path, "1.ndjson")
    until(lambda: receiver.received, "a delivery")
    found = json.loads(status("--json"))
    assert found["host"] == "alpha"
    assert found["sources"][0]["host"] is None
    assert json.loads(sources("--json"))["host"] is None
    assert "on alpha, started" in status()
    assert "ON HOST" not in status() + sources()

    configure(tmp_path, receiver, host="files1")
    told = ask(
        *("plan", "--config", str(config), "--admin-address", f"unix:{daemon.state}/admin.sock")
    )
    assert "~ source export: is read on host files1 alone, no longer by any daemon; 1 rec" in told
    assert '    host: nothing -> "files1"' in told

    daemon.reload()
    until(lambda: left(daemon), "the source is left")
    assert json.loads(status("--json"))["sources"][0]["host"] == "files1"
    assert json.loads(sources("--json"))["host"] == "files1"
    for text in (status(), sources()):
        header, line = next(
            (one, other)
            for one, other in zip(text.splitlines(), text.splitlines()[1:], strict=False)
            if one.startswith("SOURCE")
        )
        assert header.endswith("ON HOST")
        assert line.startswith("export")
        assert line.endswith("files1")
    assert 'source="export"' not in metrics(daemon)
    assert daemon.stop() == 0
    assert "host" not in json.loads(sources("--json"))


def test_a_snapshot_is_let_through_for_the_source_of_the_host_that_read_it(tmp_path, receiver, on):
    config = configure(tmp_path, receiver, host="beta", content="snapshot")
    content = yaml.safe_load(config.read_text())
    content["sources"]["other"] = content["sources"]["export"] | {"host": "alpha"}
    config.write_text(yaml.safe_dump(content))
    daemon = on("alpha", config)
    drop_empty = tmp_path / "crm" / "tmp" / "1.csv"
    drop_empty.write_text("id\n")
    drop_empty.rename(tmp_path / "crm" / "new" / "1.csv")
    until(lambda: daemon.named("file.failed"), "it is set aside")

    done = daemon.command(
        *("sources", "accept", "--state-directory", str(daemon.state)),
        str(tmp_path / "crm" / "failed" / "1.csv"),
    )

    assert done.returncode == 0, done.stderr
    assert "other takes it next" in done.stdout
    until((tmp_path / "crm" / "done" / "1.csv").exists, "it is taken")
    assert daemon.stop() == 0
