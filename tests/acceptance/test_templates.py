"""Templates in a running daemon: secret URLs, holes, live URLs, and what heals what waits."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.daemon import until
from tests.receiver import Answer, Receiver

CANARY = 'c4n4ry-"in"-body&<x>-7f3a9c'
IN_PATH = "c4n4ry-path-5f2c8e/T0-1a2b3c4d"
IN_URL = "c4n4ry-url-9e8d7c6b5a"


def a_hook(request, **delivery):
    return {
        "source": "export",
        "object": "contacts",
        "request": {"allow_http": True, **request},
        "delivery": {"retry": {"first_after": "50ms"}, **delivery},
    }


def everything_written(daemon):
    """Return all bytes that the daemon has written below its folder, but for its configuration."""
    files = [
        path
        for path in daemon.folder.rglob("*")
        if path.is_file() and path != daemon.config and "crm" not in path.parts
    ]
    return b"".join(path.read_bytes() for path in files)


def test_secrets_of_templates_arrive_and_are_written_nowhere(another):
    def echo(received):
        body = received.body + received.target.encode()
        return Answer(500 if len(receiver.received) < 4 else 200, body=body)

    with Receiver(echo) as receiver:
        environment = {
            "KEY": CANARY,
            "PATH_KEY": IN_PATH,
            "SECRET_URL": f"{receiver.url}/hooks/{IN_URL}?sig={IN_URL}-sig",
        }
        daemon = another("templates", environment=environment)
        daemon.environment["WEBHOOKD_ADMIN_ADDRESS"] = "unix:state/admin.sock"
        named = {"key": {"env": "KEY"}, "path": {"env": "PATH_KEY"}}
        body = {"template": {"key": "{{ secrets.key }}", "name": "{{ properties.name }}"}}
        daemon.configure(
            {
                "secret-url": a_hook({"url": {"env": "SECRET_URL"}, "body": body}),
                "live-url": a_hook(
                    {
                        "method": "PUT",
                        "url": f"{receiver.url}/{{{{ secrets.path }}}}/{{{{ record.id }}}}"
                        "?n={{ properties.name }}&k={{ secrets.key }}",
                        "headers": {"X-Name": "{{ properties.name | upper }}"},
                        "body": {
                            "content_type": "application/x-www-form-urlencoded",
                            "template": {"key": "{{ secrets.key }}"},
                        },
                    }
                ),
            },
            secrets=named,
        )
        daemon.start("--log-level", "debug")
        daemon.drop_rows("one.ndjson", {"id": "a/b", "name": "Ada & Co"})
        until(lambda: daemon.tally("delivered") == 2, "both are delivered")
        shows = [("deliveries", "show", one["id"]) for one in daemon.deliveries()]
        seen = [
            daemon.command(*words)
            for words in (
                *(("test", name, "--config", "config.yaml") for name in ("secret-url", "live-url")),
                *(("status", "--json"), ("status",), ("check", "--config", "config.yaml")),
                *shows,
                *((*words, "--json") for words in shows),
            )
        ]
        daemon.stop()
        by_path = {one.target.partition("?")[0]: one for one in receiver.received}

    assert f"/{IN_PATH}/a%2Fb" in by_path
    live = by_path[f"/{IN_PATH}/a%2Fb"]
    assert live.target.endswith("?n=Ada%20%26%20Co&k=c4n4ry-%22in%22-body%26%3Cx%3E-7f3a9c")
    assert live.headers["x-name"] == "ADA & CO"
    assert live.body == b"key=c4n4ry-%22in%22-body%26%3Cx%3E-7f3a9c"
    secret = by_path[f"/hooks/{IN_URL}"]
    assert secret.target == f"/hooks/{IN_URL}?sig={IN_URL}-sig"
    assert json.loads(secret.body) == {"key": CANARY, "name": "Ada & Co"}
    told = "".join(one.stdout + one.stderr for one in seen) + daemon.log
    written = everything_written(daemon).decode("utf-8", "replace")
    for canary in ("c4n4ry", "7f3a9c", IN_PATH, IN_URL):
        assert canary not in told
        assert canary not in written
    assert all(one.returncode == 0 for one in seen)
    assert '"key":"***"' in told
    assert f"{receiver.url}/***" in told


def test_another_secret_url_heals_a_410_while_the_daemon_is_down(another):
    with Receiver(lambda one: Answer(410 if one.target == "/old" else 200)) as receiver:
        daemon = another("gone", environment={"HOOK": f"{receiver.url}/old"})
        daemon.configure({"hook": a_hook({"url": {"env": "HOOK"}})})
        daemon.start()
        daemon.drop_rows("one.ndjson", {"id": "1"})
        until(lambda: daemon.tally("held") == 1, "it is held")
        daemon.stop()
        daemon.environment["HOOK"] = f"{receiver.url}/new"
        daemon.start()
        until(lambda: daemon.tally("delivered") == 1, "it is delivered")
        daemon.stop()


def test_a_rotated_secret_and_a_corrected_url_heal_what_waits(another):
    def answer(one):
        is_right = one.body == b'{"key":"right-key-0123"}' and one.target == "/new/eu"
        return Answer(200 if is_right else 503)

    with Receiver(answer) as receiver:
        daemon = another("healed")
        (daemon.folder / "key").write_text("wrong-key-0123")

        def configure(path):
            request = {
                "url": f"{receiver.url}/{path}/{{{{ properties.region }}}}",
                "body": {"template": {"key": "{{ secrets.key }}"}},
            }
            hook = a_hook(request)
            hook["delivery"]["retry"]["first_after"] = "1h"
            daemon.configure({"hook": hook}, secrets={"key": {"file": "key"}})

        configure("old")
        daemon.start()
        daemon.drop_rows("one.ndjson", {"id": "1", "region": "eu"})
        until(lambda: len(receiver.received) == 1, "an attempt is made")
        (daemon.folder / "key").write_text("right-key-0123")
        configure("new")
        daemon.reload()
        until(lambda: daemon.tally("delivered") == 1, "it is delivered")
        daemon.stop()


def test_what_cannot_be_filled_is_not_sent_and_heals(another):
    with Receiver() as receiver:
        daemon = another("unfilled")
        daemon.environment["WEBHOOKD_ADMIN_ADDRESS"] = "unix:state/admin.sock"

        def configure(url, **more):
            daemon.configure({"hook": a_hook({"url": f"{receiver.url}/{url}", **more})})

        configure("c/{{ properties.region }}")
        daemon.start()
        daemon.drop_rows("one.ndjson", {"id": "1", "region": "", "name": "Ada"})
        until(lambda: [one for one in daemon.deliveries() if one["attempts"]], "an attempt is made")
        (told,) = daemon.deliveries()
        assert told["last_error"].startswith("url: the URL's path would have an empty segment")
        configure("c/{{ properties.name }}")
        planned = daemon.command("plan", "--config", "config.yaml")
        assert planned.returncode == 10
        assert "    1 waiting do not hold properties.name: their attempts will end as 'url'" in (
            planned.stdout.splitlines()
        )
        daemon.reload()
        until(
            lambda: "properties.name" in (daemon.deliveries()[0]["last_error"] or ""),
            "it says what it does not hold",
        )
        assert receiver.received == []
        configure("c/{{ properties.region | default('none') }}")
        daemon.reload()
        until(lambda: daemon.tally("delivered") == 1, "it is delivered")
        daemon.stop()
        assert [one.target for one in receiver.received] == ["/c/none"]


@pytest.mark.parametrize("rows", [1, 3])
def test_a_body_that_is_too_large_is_stored_as_failed_and_told(another, rows):
    with Receiver() as receiver:
        daemon = another("large")
        leaf = "{{ properties.text }}"
        daemon.configure(
            {
                "large": a_hook({"url": receiver.url, "body": {"template": [leaf] * 100}}),
                "small": a_hook({"url": receiver.url, "body": {"template": ["{{ record.id }}"]}}),
            }
        )
        daemon.start()
        daemon.drop_rows(
            "one.ndjson", *({"id": str(n), "text": "x" * 100_000} for n in range(rows))
        )
        until(lambda: daemon.tally("delivered") == rows, "the small ones are delivered")
        assert daemon.tally("failed") == rows
        failed = [one for one in daemon.deliveries() if one["state"] == "failed"]
        assert {one["last_error"].partition(":")[0] for one in failed} == {"too_large"}
        assert len(daemon.named("delivery.too_large")) == rows
        daemon.stop()


OLDER = (
    "INSERT INTO daemons SELECT number + 100, name || '-', host, process_id, '0.0.9', config_hash,"
    " backend, started_at, leased_until + 600000000, is_dead, last_commit FROM daemons LIMIT 1"
)


def test_an_older_daemon_of_the_fleet_never_sends_what_it_does_not_understand(fleet):
    """It would send a header with its expression as it is written, which it takes for a text."""

    def configure(**request):
        hook = a_hook({"url": f"{receiver.url}/hook", **request})
        fleet.configure({"hook": hook}, secrets={"key": {"env": "APP_SECRET"}})
        return fleet.daemons[0].reload()

    with Receiver() as receiver:
        fleet.configure({})
        fleet.daemons[0].start()
        with psycopg.connect(fleet.url, autocommit=True) as connection:
            connection.execute(OLDER)

        refused = [
            configure(body={"template": {"key": "{{ secrets.key }}"}}),
            configure(url=f"{receiver.url}/{{{{ properties.region }}}}"),
            configure(url=f"{receiver.url}/{{{{ record.id }}}}"),
            configure(headers={"Idempotency-Key": "{{ delivery.id }}"}),
            configure(headers={"X-Key": "{{ secrets.key }}"}),
        ]
        plain = configure(body={"template": {"name": "{{ properties.name }}"}})
        oldest = "SELECT value FROM meta WHERE key = 'works_with'"
        before = fleet.look(oldest)
        with psycopg.connect(fleet.url, autocommit=True) as connection:
            connection.execute("DELETE FROM daemons WHERE version = '0.0.9'")
        alone = configure(headers={"Idempotency-Key": "{{ delivery.id }}"})

        assert [one["event"] for one in refused] == ["config.rejected"] * len(refused)
        assert all("(0.0.9)" in one["problems"][0] for one in refused)
        assert [plain["event"], alone["event"]] == ["config.reloaded"] * 2
        assert before < fleet.look(oldest) == "0007"
        assert fleet.daemons[0].stop() == 0
