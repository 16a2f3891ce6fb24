"""The commands, run as a person runs them: what they print, and how they end."""

import itertools
import json
import re
import shlex
import signal
import subprocess
import sys
import urllib.request

import pytest
import trustme

from tests.daemon import SECRET, until
from tests.receiver import Receiver
from webhookd import __version__
from webhookd.rules.signing import hubspot_v2

HOOK = {
    "source": "export",
    "object": "contacts",
    "trigger": {
        "when": [{"property": "stage", "operator": "EQ", "value": "customer"}],
        "enroll": "every_match",
    },
    "request": {
        "url": "https://erp.example.com/hook?tenant=acme",
        "signature": {"app_id": "1234567"},
        "authentication": {
            "type": "api_key",
            "name": "X-Key",
            "location": "header",
            "key": {"env": "APP_SECRET"},
        },
        "body": {"properties": ["email", {"property": "name", "as": "first_name"}]},
    },
}


def test_check_says_that_all_is_well(daemon):
    daemon.configure({"mirror": HOOK})

    done = daemon.command("check", "--config", "config.yaml")

    assert done.returncode == 0
    assert re.fullmatch(
        r"config\.yaml: ok, 1 webhook and 1 source \(hash [0-9a-f]{12}\)\n", done.stdout
    )


def test_check_prints_every_problem_with_its_place(daemon):
    daemon.config.write_text("version: 1\nsources: {}\nwebhooks: {a: {reqest: {}}}\n")

    done = daemon.command("check", "--config", "config.yaml")

    assert done.returncode == 1
    assert done.stdout == ""
    assert (
        "config.yaml:3:16: webhooks.a.reqest: unknown key; did you mean 'request'?" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_check_offline_needs_no_secrets(daemon):
    daemon.configure({"mirror": HOOK})
    del daemon.environment["APP_SECRET"]

    assert daemon.command("check", "--config", "config.yaml").returncode == 1
    assert daemon.command("check", "--config", "config.yaml", "--offline").returncode == 0


def test_the_configuration_can_come_from_the_environment(daemon):
    daemon.configure({"mirror": HOOK})
    assert "--config" in daemon.command("check").stderr

    daemon.environment["WEBHOOKD_CONFIG"] = "config.yaml"

    assert daemon.command("check").returncode == 0


@pytest.mark.parametrize("url", ["postgresql:///a?nonsense=1", "postgresql://u:CANARY 1@[::1]/a"])
def test_a_url_that_libpq_does_not_understand_ends_with_78(daemon, url):
    """With any other status the unit would start it again and again."""
    daemon.configure({"mirror": HOOK})
    daemon.environment["WEBHOOKD_DATABASE_URL"] = url

    done = daemon.command("run", "--config", "config.yaml", "--log-format", "console")

    assert done.returncode == 78
    assert "Traceback" not in done.stderr
    assert "CANARY" not in done.stderr


def test_a_wrong_setting_is_named_and_ends_with_78(daemon):
    daemon.configure({"mirror": HOOK})

    done = daemon.command("run", "--config", "config.yaml", "--retention", "soon")

    assert done.returncode == 78
    assert "--retention" in done.stderr
    assert "Traceback" not in done.stderr


def test_test_shows_the_request_and_why_it_fires(daemon):
    daemon.configure({"mirror": HOOK})
    (daemon.folder / "record.json").write_text(
        '{"id": 1, "stage": "customer", "email": "ada@example.com"}'
    )

    done = daemon.command("test", "mirror", "--config", "config.yaml", "--record", "record.json")

    assert done.returncode == 0, done.stderr
    assert "mirror fires for contacts/1, created" in done.stdout
    assert "POST https://erp.example.com/hook?tenant=acme\n" in done.stdout
    assert '{"email":"ada@example.com","first_name":null}' in done.stdout
    assert "X-Key: ***" in done.stdout
    assert "curl -X POST" in done.stdout
    assert SECRET not in done.stdout


def test_the_curl_line_goes_the_way_the_daemon_goes(daemon):
    trustme.CA().cert_pem.write_to_path(daemon.folder / "ca.pem")
    basic = {"type": "basic", "username": "ada", "password": {"env": "APP_SECRET"}}
    way = {"proxy": "http://127.0.0.1:3128", "proxy_authentication": basic}
    request = HOOK["request"] | way | {"tls": {"ca_file": "ca.pem"}}
    daemon.configure({"mirror": HOOK | {"request": request}})

    done = daemon.command("test", "mirror", "--config", "config.yaml")

    assert done.returncode == 0, done.stderr
    parts = shlex.split(done.stdout.splitlines()[-1])
    options = dict(itertools.pairwise(parts))
    assert parts[:3] == ["curl", "-X", "POST"]
    assert parts[-1] == "https://erp.example.com/hook?tenant=acme"
    assert options["--proxy"] == "http://127.0.0.1:3128"
    assert options["--proxy-user"] == "ada:***"
    assert options["--cacert"] == str(daemon.folder / "ca.pem")
    assert options["--max-time"] == "30"
    assert SECRET not in done.stdout


def test_test_says_which_condition_keeps_it_from_firing(daemon):
    daemon.configure({"mirror": HOOK})
    (daemon.folder / "record.json").write_text('{"id": 1, "stage": "lead"}')

    done = daemon.command("test", "mirror", "--config", "config.yaml", "--record", "record.json")

    assert done.returncode == 4
    assert "mirror does not fire for contacts/1" in done.stdout
    assert '- stage EQ customer  (met "lead")' in done.stdout


def test_test_compares_with_the_record_before(daemon):
    daemon.configure({"mirror": HOOK})
    (daemon.folder / "now.json").write_text('{"id": 1, "stage": "customer", "email": "b"}')
    (daemon.folder / "before.json").write_text('{"id": 1, "stage": "customer", "email": "a"}')

    done = daemon.command(
        *("test", "mirror", "--config", "config.yaml"),
        *("--record", "now.json", "--previous", "before.json"),
    )

    assert "mirror does not fire for contacts/1, updated" in done.stdout


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "there is no record in it"),
        ('{"id": 1.5}', "must be text or a whole number"),
        ("{", "record.json:1"),
    ],
)
def test_test_says_what_is_wrong_with_a_record(daemon, content, told):
    daemon.configure({"mirror": HOOK})
    (daemon.folder / "record.json").write_text(content)

    done = daemon.command("test", "mirror", "--config", "config.yaml", "--record", "record.json")

    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_test_takes_a_record_of_hubspot_from_a_file(daemon):
    source = {
        "type": "hubspot",
        "token": {"env": "APP_SECRET"},
        "objects": {"contacts": {"properties": ["email", "name", "stage"]}},
    }
    daemon.configure({"mirror": HOOK}, sources={"export": source})
    (daemon.folder / "record.json").write_text('{"id": 7, "stage": "customer"}')

    done = daemon.command("test", "mirror", "--config", "config.yaml", "--record", "record.json")

    assert done.returncode == 0, done.stderr
    assert "mirror fires for contacts/7, created" in done.stdout


def test_test_masks_a_secret_that_a_shell_would_quote(daemon):
    daemon.environment["APP_SECRET"] = """it's a "canary" \\ $HOME"""
    keys = {
        location: HOOK["request"]["authentication"] | {"location": location}
        for location in ("header", "query")
    }
    daemon.configure(
        {
            name: HOOK | {"request": HOOK["request"] | {"authentication": key}}
            for name, key in keys.items()
        }
    )

    for name in keys:
        done = daemon.command("test", name, "--config", "config.yaml")
        assert done.returncode == 0, done.stderr
        assert "canary" not in done.stdout
        assert "***" in done.stdout.splitlines()[-1]


def test_test_of_an_unknown_webhook_names_those_there_are(daemon):
    daemon.configure({"mirror": HOOK})

    done = daemon.command("test", "mirorr", "--config", "config.yaml")

    assert done.returncode == 1
    assert "there is no webhook 'mirorr'; did you mean 'mirror'?" in done.stderr


def test_test_sends_what_it_shows(daemon):
    with Receiver() as receiver:
        url = f"{receiver.url}/hook"
        request = HOOK["request"] | {"url": url, "allow_http": True}
        daemon.configure({"mirror": HOOK | {"request": request}})
        done = daemon.command("test", "mirror", "--config", "config.yaml", "--send")

    assert done.returncode == 0, done.stderr
    assert "answered 200" in done.stdout
    (one,) = receiver.received
    assert one.headers["x-key"] == SECRET
    assert one.headers["x-hubspot-signature"] == hubspot_v2(SECRET, "POST", url, one.body)


def test_test_sends_what_does_not_fire_only_if_that_is_meant(daemon):
    (daemon.folder / "record.json").write_text('{"id": 1, "stage": "lead"}')
    with Receiver() as receiver:
        request = HOOK["request"] | {"url": receiver.url, "allow_http": True}
        daemon.configure({"mirror": HOOK | {"request": request}})
        told = ("test", "mirror", "--config", "config.yaml", "--record", "record.json")
        alone = daemon.command(*told, "--anyway")
        refused = daemon.command(*told, "--send")
        count = len(receiver.received)
        sent = daemon.command(*told, "--send", "--anyway")
        request["url"] += "/hook"
        daemon.configure({"mirror": HOOK | {"request": request, "enabled": False}})
        disabled = daemon.command("test", "mirror", "--config", "config.yaml", "--send")

    assert alone.returncode == 2
    assert refused.returncode == 4
    assert "not sent: the record does not fire; --anyway sends it all the same" in refused.stderr
    assert count == 0
    assert (sent.returncode, len(receiver.received)) == (0, 1), sent.stderr
    assert "answered 200" in sent.stdout
    assert disabled.returncode == 4
    assert "mirror is disabled; else it would fire for contacts/123, created" in disabled.stdout


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("r.csv", "id,stagee,email,name\n1,customer,,\n", ["stage"]),
        ("r.json", '{"id": 1, "stage": null, "name": "x"}', ["email"]),
        ("r.ndjson", '{"id": 1, "properties": {"Stage": "x", "email": ""}}', ["name", "stage"]),
        ("r.csv", "id,stage,email,name\n1,,,\n", []),
    ],
)
def test_test_says_which_properties_the_record_has_not(daemon, name, content, told):
    daemon.configure({"mirror": HOOK})
    (daemon.folder / name).write_text(content)

    done = daemon.command("test", "mirror", "--config", "config.yaml", "--record", name)

    sentence = re.compile("^  (.*): the record has no property of this name", re.MULTILINE)
    assert done.returncode == 4
    assert sentence.findall(done.stdout) == told
    assert ("did you mean 'stagee'?" in done.stdout) == ("stagee" in content)
    assert ("did you mean 'Stage'?" in done.stdout) == ("Stage" in content)


def test_deliveries_can_be_listed_and_filtered(daemon):
    with Receiver() as receiver:
        hook = {"source": "export", "object": "contacts"}
        hook["request"] = {"url": receiver.url, "allow_http": True}
        daemon.configure({"a": hook, "b": hook})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1}, {"id": 2})
        until(lambda: len(daemon.named("delivery.attempted")) == 4, "four attempts")
        daemon.stop()

    first = daemon.deliveries("--webhook", "a", "--record", "2")[0]
    assert first.keys() == {
        *("id", "webhook", "source", "object", "record_id", "change", "state", "attempts"),
        *("next_attempt_at", "is_behind", "last_status", "last_error", "created_at", "settled_at"),
        "superseded_by",
    }
    assert len(daemon.deliveries("--state", "delivered")) == 4
    assert daemon.deliveries("--since", "1h") != []
    assert daemon.deliveries("--until", "1h") == []
    assert len(daemon.deliveries("--object", "contacts")) == 4
    state = ("--state-directory", "state")
    table = daemon.command("deliveries", "list", *state).stdout
    assert first["id"] in table
    assert len(table.splitlines()) == 5
    many = daemon.command("deliveries", "list", "--limit", "9" * 20, *state)
    assert many.returncode == 2
    assert "Traceback" not in many.stderr
    shown = daemon.command("deliveries", "show", first["id"][:24], *state)
    assert first["id"] in shown.stdout
    missing = daemon.command("deliveries", "show", "no-such", *state)
    assert (missing.returncode, missing.stderr) == (
        1,
        "webhookd: no delivery has the id 'no-such'\n",
    )


def test_sources_can_be_listed(daemon):
    with Receiver() as receiver:
        hook = {"source": "export", "object": "contacts"}
        hook["request"] = {"url": receiver.url, "allow_http": True}
        daemon.configure({"a": hook})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1}, {"id": 2})
        until(lambda: daemon.named("file.taken"), "the file taken")
        daemon.stop()

    done = daemon.command("sources", "list", "--json", "--state-directory", "state")
    (source,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (source["source"], source["records"], source["file"]) == ("export", 2, None)


@pytest.mark.parametrize(
    "arguments", [("check", "--config", ""), ("listen", "--times", "2"), ("check", "--offlien")]
)
def test_a_command_line_that_is_wrong_ends_with_2_and_one_line_that_says_why(daemon, arguments):
    done = daemon.command(*arguments)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: ")


def test_help_names_the_variable_and_the_default_of_a_setting(daemon):
    told = " ".join(daemon.command("run", "--help").stdout.split())

    assert "[env: WEBHOOKD_RETENTION; default: 30d]" in told
    assert "[env: WEBHOOKD_CONFIG; default: ./webhookd.yaml, else in /etc/webhookd]" in told


def test_output_that_finds_no_room_is_an_error_and_no_traceback(daemon):
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-m", "webhookd", "schema"],
            env=daemon.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == "webhookd: No space left on device\n"


def test_looking_for_a_database_that_is_not_there_creates_none(daemon):
    done = daemon.command("deliveries", "list", "--state-directory", "nowhere")

    assert done.returncode == 1
    assert "no database found (looked in nowhere)" in done.stderr
    assert not (daemon.folder / "nowhere").exists()


def test_schema_prints_the_schema(daemon):
    schema = json.loads(daemon.command("schema").stdout)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_version_is_shown(daemon):
    assert daemon.command("--version").stdout == f"webhookd {__version__}\n"


@pytest.mark.parametrize("command", ["run", "check", "test", "deliveries", "listen", "demo"])
def test_every_command_has_help(daemon, command):
    done = daemon.command(command, "--help")

    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_listen_says_whether_a_signature_verifies_and_masks_what_the_configuration_names(daemon):
    daemon.environment |= {"LISTEN_SECRET": SECRET, "KEY": "canary+key"}
    key = {"type": "api_key", "name": "key", "location": "query", "key": {"env": "KEY"}}
    daemon.configure({"mirror": HOOK | {"request": HOOK["request"] | {"authentication": key}}})
    listening = daemon.begin(
        *("listen", "--port", "0", "--secret-env", "LISTEN_SECRET"),
        *("--fail", "503", "--times", "1", "--config", str(daemon.config)),
    )
    first = listening.stdout.readline()
    url = re.search(r"http://127\.0\.0\.1:\d+/", first)[0] + "hook?a=b&key=canary%2Bkey"

    statuses = [
        _post(url, {"X-HubSpot-Signature": signature, "X-HubSpot-Signature-Version": "v2"})
        for signature in (hubspot_v2(SECRET, "POST", url, b"{}"), "0" * 64)
    ]
    listening.send_signal(signal.SIGINT)
    printed, _ = listening.communicate(timeout=20)

    assert statuses == [503, 200]
    assert "signature verified (hubspot_v2), answered 503" in printed
    assert "signature NOT verified" in printed
    assert "hook?a=b&key=***" in printed
    assert "canary" not in printed
    assert listening.returncode == 0


def _post(url, headers):
    request = urllib.request.Request(url, data=b"{}", headers=headers, method="POST")  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
